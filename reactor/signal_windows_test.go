package reactor

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

// aSignal is one that tests may send to their own process, in a console of its
// own.
const aSignal = syscall.SIGINT

// consoleVariable is set where a test has a console of its own.
const consoleVariable = "METALIO_REACTOR_CONSOLE"

// sendSignal sends Ctrl+C to all processes of the console.
func sendSignal() error { return windows.GenerateConsoleCtrlEvent(windows.CTRL_C_EVENT, 0) }

// withSignals runs a test in a process to which it may send signals: a copy of
// this one that is alone at its console.
func withSignals(t *testing.T, test func(*testing.T)) {
	t.Helper()
	if os.Getenv(consoleVariable) != "" {
		// Ctrl+C comes some time after it was sent, perhaps when the test has
		// given it back.
		signal.Notify(make(chan os.Signal, 1), aSignal)
		test(t)
		return
	}
	name := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run", name, "-test.v")
	if testing.Short() {
		cmd.Args = append(cmd.Args, "-test.short")
	}
	cmd.Env = append(os.Environ(), consoleVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_CONSOLE}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("%v: %s", err, out)
	}
}

// No signal interrupts a wait here.
var (
	waitingUnderSignals []behaviour
	wakingUnderSignals  []wakerBehaviour
)
