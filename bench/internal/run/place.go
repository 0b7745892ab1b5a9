package run

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// Place says where a measured program may run. What makes the load keeps its
// processor to itself, unless the program is Anywhere: else the system would now
// and then run both on one, which is quick for one message and says nothing of
// the program.
type Place uint8

const (
	// OneCore is the measured core. Go's runtime then takes GOMAXPROCS=1.
	OneCore Place = iota

	// NotWithTheLoad is all processors but the load's. GOMAXPROCS is what Go
	// takes by itself where there is no such load: the number of processors.
	NotWithTheLoad

	// Anywhere is no restriction at all, for a load that sleeps.
	Anywhere
)

// Command is a program placed so. It is killed when this process ends.
func (p Place) Command(r Round, program string, args ...string) *exec.Cmd {
	line := append([]string{program}, args...)
	env := os.Environ()
	switch p {
	case OneCore:
		line = Pinned(r.Cores.System, program, args...)
	case NotWithTheLoad:
		line = append([]string{"taskset", "-c", allBut(r.Cores.Driver)}, line...)
		env = append(env, "GOMAXPROCS="+strconv.Itoa(runtime.NumCPU()))
	}
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// allBut is a list of processors for taskset.
func allBut(core int) string {
	var list []string
	for i := range runtime.NumCPU() {
		if i != core {
			list = append(list, strconv.Itoa(i))
		}
	}
	return strings.Join(list, ",")
}
