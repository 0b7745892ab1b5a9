package signals

import (
	"bufio"
	"fmt"
	"os"
	"syscall"
	"testing"
)

// TestSignals sends Ctrl+Break, which os/signal reports as it does Ctrl+C:
// Windows lets a program send Ctrl+C only to all processes of its console, the
// one that runs the tests included.
func TestSignals(t *testing.T) {
	t.Run("windows_ctrl_c", func(t *testing.T) {
		send := syscall.NewLazyDLL("kernel32.dll").NewProc("GenerateConsoleCtrlEvent")
		cmd := child(t, "take_interrupt")
		cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		if !lines.Scan() || lines.Text() != "ready" {
			t.Errorf("the child said %q, want ready", lines.Text())
		}
		if ok, _, err := send.Call(syscall.CTRL_BREAK_EVENT, uintptr(cmd.Process.Pid)); ok == 0 {
			t.Errorf("GenerateConsoleCtrlEvent: %v", err)
			cmd.Process.Kill()
		}
		for lines.Scan() {
			t.Error("the child said:", lines.Text())
		}
		if err := cmd.Wait(); err != nil {
			t.Error("the child:", err)
		}
	})
}

var roles = map[string]func() error{
	"take_interrupt": func() error {
		s, woken, err := wokenSet(os.Interrupt)
		if err != nil {
			return err
		}
		fmt.Println("ready")
		return awaited(s, woken, os.Interrupt)
	},
}

func TestZeroAllocs(t *testing.T) {
	s := loaded(nil)
	allocs := testing.AllocsPerRun(1000, func() {
		s.publish(1)
		s.publish(2)
		s.Take()
		s.Take()
	})
	if allocs != 0 {
		t.Fatalf("%v allocations", allocs)
	}
}
