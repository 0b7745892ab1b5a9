package signals

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"
)

// createNewConsole is CREATE_NEW_CONSOLE of winbase.h.
const createNewConsole = 0x10

// TestSignals has a child send Ctrl+C to all processes of its console. It has a
// console of its own, so that this is the child alone.
func TestSignals(t *testing.T) {
	t.Run("windows_ctrl_c", func(t *testing.T) {
		cmd := child(t, "take_ctrl_c")
		cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: createNewConsole}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	})
	t.Run("stop_restores_disposition", func(t *testing.T) {
		cmd := child(t, "die_of_ctrl_c")
		cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: createNewConsole}
		// The exit status is not asked for: Windows gives STATUS_CONTROL_C_EXIT,
		// Wine 0. A child that survives says so.
		out, err := cmd.CombinedOutput()
		if string(out) != "closed\n" {
			t.Fatalf("the child did not die of Ctrl+C: %v: %s", err, out)
		}
	})
}

var roles = map[string]func() error{
	"take_ctrl_c": func() error {
		s, err := takeCtrlC()
		return errors.Join(err, s.Close())
	},
	"die_of_ctrl_c": func() error {
		s, err := takeCtrlC()
		if err := errors.Join(err, s.Close()); err != nil {
			return err
		}
		fmt.Println("closed")
		if err := sendCtrlC(); err != nil {
			return err
		}
		time.Sleep(patience)
		return errors.New("survived Ctrl+C")
	},
}

// takeCtrlC returns an open Set, which has taken one Ctrl+C.
func takeCtrlC() (*Set, error) {
	s, woken, err := wokenSet(os.Interrupt)
	return s, errors.Join(err, sendCtrlC(), awaited(s, woken, os.Interrupt))
}

func sendCtrlC() error {
	send := syscall.NewLazyDLL("kernel32.dll").NewProc("GenerateConsoleCtrlEvent")
	if ok, _, err := send.Call(syscall.CTRL_C_EVENT, 0); ok == 0 {
		return fmt.Errorf("GenerateConsoleCtrlEvent: %w", err)
	}
	return nil
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
