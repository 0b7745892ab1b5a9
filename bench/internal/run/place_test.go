package run

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
)

func TestPlace(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("needs two processors")
	}
	r := Round{Cores: Cores{System: 0, Driver: 1}}
	const show = "echo $(taskset -cp $$ | sed 's/.*: //') procs=$GOMAXPROCS"
	run := func(p Place) string {
		out, err := p.Command(r, "sh", "-c", show).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	t.Setenv("GOMAXPROCS", "")
	if got := run(OneCore); got != "0 procs=" {
		t.Errorf("one core: %q", got)
	}
	got := run(NotWithTheLoad)
	if list, procs, _ := strings.Cut(got, " procs="); procs != strconv.Itoa(runtime.NumCPU()) || strings.HasPrefix(list, "0-1") || strings.HasPrefix(list, "1") {
		t.Errorf("not with the load: %q", got)
	}
	if got := run(Anywhere); !strings.HasPrefix(got, "0-1") && !strings.HasPrefix(got, "0,1") && !strings.HasPrefix(got, "0-") {
		t.Errorf("anywhere: %q", got)
	}
}
