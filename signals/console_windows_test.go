package signals

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/metalio/metalio/internal/behaviours"
)

// createNewConsole is CREATE_NEW_CONSOLE of winbase.h.
const createNewConsole = 0x10

// stormVariable tells the child how many times to press Ctrl+C.
const stormVariable = "METALIO_SIGNALS_STORM"

// TestSignals has a child do all that needs a signal, which can only be sent to
// every process of a console: the child has one of its own.
func TestSignals(t *testing.T) {
	for _, name := range []string{
		"windows_ctrl_c",
		"delivered_to_handler",
		"at_least_one_event_after_the_last_delivery",
		"coexists_with_os_signal_Notify",
		"storm_of_1000_ends_with_an_event",
		"child_inherits_no_ignored_signal",
		"two_loops_each_get_it",
	} {
		behaviours.Run(t, name, func(t *testing.T) {
			if out, err := childWithConsole(t, name).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		})
	}
	behaviours.Run(t, "not_notified_signal_keeps_its_default", func(t *testing.T) {
		mustDieOfCtrlC(t, "not_notified")
	})
	behaviours.Run(t, "stop_restores_disposition", func(t *testing.T) {
		for _, role := range []string{"removed", "closed"} {
			t.Run(role, func(t *testing.T) { mustDieOfCtrlC(t, role) })
		}
	})
}

func childWithConsole(t *testing.T, role string) *exec.Cmd {
	cmd := child(t, role)
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: createNewConsole}
	n := behaviours.Budget(t, "storm_of_1000_ends_with_an_event")
	cmd.Env = append(cmd.Env, stormVariable+"="+strconv.Itoa(n))
	return cmd
}

// mustDieOfCtrlC does not ask for the exit status: Windows gives
// STATUS_CONTROL_C_EXIT, Wine 0. A child that survives says so.
func mustDieOfCtrlC(t *testing.T, role string) {
	t.Helper()
	out, err := childWithConsole(t, role).CombinedOutput()
	if string(out) != "alive\n" {
		t.Fatalf("the child did not die of Ctrl+C: %v: %s", err, out)
	}
}

var roles = map[string]func() error{
	"windows_ctrl_c": func() error {
		s, err := takeCtrlC()
		return errors.Join(err, s.Close())
	},
	"delivered_to_handler": func() error {
		s, woken, err := wokenSet(os.Interrupt, syscall.SIGTERM)
		for range 100 {
			if err := errors.Join(pressCtrlC(), awaited(s, woken, os.Interrupt)); err != nil {
				return err
			}
		}
		return errors.Join(err, s.Close())
	},
	"at_least_one_event_after_the_last_delivery": lastDelivery,
	"coexists_with_os_signal_Notify":             coexists,
	"storm_of_1000_ends_with_an_event": func() error {
		n, err := strconv.Atoi(os.Getenv(stormVariable))
		if err != nil {
			return err
		}
		s, woken, err := wokenSet(os.Interrupt)
		return errors.Join(err, weathered(s, woken, os.Interrupt, n, pressCtrlC), s.Close())
	},
	"child_inherits_no_ignored_signal": childInherits,
	"dies_when_told":                   func() error { return surviveNot(nil) },
	"two_loops_each_get_it":            twoLoops,

	"not_notified": func() error {
		s, _, err := wokenSet(syscall.SIGTERM)
		return errors.Join(err, surviveNot(pressCtrlC), s.Close())
	},
	"removed": func() error {
		s, err := takeCtrlC()
		return errors.Join(err, s.Remove(os.Interrupt), surviveNot(pressCtrlC))
	},
	"closed": func() error {
		s, err := takeCtrlC()
		return errors.Join(err, s.Close(), surviveNot(pressCtrlC))
	},
}

// takeCtrlC returns an open Set, which has taken one Ctrl+C.
func takeCtrlC() (*Set, error) {
	s, woken, err := wokenSet(os.Interrupt)
	return s, errors.Join(err, pressCtrlC(), awaited(s, woken, os.Interrupt))
}

// surviveNot says "alive", does what is to end the process, if anything, and
// returns an error if it lives on.
func surviveNot(end func() error) error {
	fmt.Println("alive")
	if end != nil {
		if err := end(); err != nil {
			return err
		}
	}
	time.Sleep(patience)
	return errors.New("survived Ctrl+C")
}

// lastDelivery keeps the goroutine that forwards Ctrl+C in the waker, so that
// the ones that follow have to wait in its channel, or are dropped there.
func lastDelivery() error {
	entered, gate := make(chan struct{}, 10), make(chan struct{})
	s := New(func() error {
		entered <- struct{}{}
		<-gate
		return nil
	})
	if err := errors.Join(s.Add(os.Interrupt), pressCtrlC()); err != nil {
		return err
	}
	<-entered
	if got, ok := s.Take(); !ok || got != os.Interrupt {
		return fmt.Errorf("took %v, %t", got, ok)
	}
	waiting := s.watches[0].ch
	err := until(func() bool { return len(waiting) > 0 }, pressCtrlC)
	if s.Pending() {
		return errors.New("the forwarding goroutine was not kept: the test shows nothing")
	}
	close(gate)
	err = errors.Join(err, until(s.Pending, nil))
	if got, ok := s.Take(); !ok || got != os.Interrupt {
		return fmt.Errorf("took %v, %t; want an event after the last Ctrl+C", got, ok)
	}
	return errors.Join(err, s.Close())
}

func coexists() error {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, os.Interrupt)
	received := func() error {
		select {
		case <-ch:
			return nil
		case <-time.After(patience):
			return errors.New("nothing on the channel of os/signal")
		}
	}
	s, woken, err := wokenSet(os.Interrupt)
	err = errors.Join(err, pressCtrlC(), received(), awaited(s, woken, os.Interrupt),
		s.Remove(os.Interrupt), pressCtrlC(), received())
	if s.Pending() {
		return errors.New("a removed signal is pending")
	}
	err = errors.Join(err, s.Add(os.Interrupt))
	signal.Stop(ch)
	err = errors.Join(err, pressCtrlC(), awaited(s, woken, os.Interrupt))
	if len(ch) != 0 {
		return errors.New("the stopped channel has a signal")
	}
	return errors.Join(err, s.Close())
}

// childInherits starts a process on the same console: what SetConsoleCtrlHandler
// ignores is inherited, and a Set must not have used it.
func childInherits() error {
	s, woken, err := wokenSet(os.Interrupt)
	if err != nil {
		return err
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"=dies_when_told")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	out := bufio.NewReader(stdout)
	if line, err := out.ReadString('\n'); line != "alive\n" {
		return fmt.Errorf("the child said %q, %v", line, err)
	}
	if err := errors.Join(pressCtrlC(), awaited(s, woken, os.Interrupt)); err != nil {
		return err
	}
	rest, err := io.ReadAll(out)
	if len(rest) != 0 || err != nil {
		return fmt.Errorf("the child did not die of Ctrl+C: %s, %v", rest, err)
	}
	cmd.Wait() // its status says nothing: see mustDieOfCtrlC
	return s.Close()
}

func twoLoops() error {
	a, wokenA, errA := wokenSet(os.Interrupt)
	b, wokenB, errB := wokenSet(syscall.SIGTERM, os.Interrupt)
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	for range 50 {
		err := errors.Join(pressCtrlC(), awaited(a, wokenA, os.Interrupt), awaited(b, wokenB, os.Interrupt))
		if err != nil {
			return err
		}
	}
	return errors.Join(a.Close(), pressCtrlC(), awaited(b, wokenB, os.Interrupt), b.Close())
}

// until waits for a condition, doing something again and again if it is given.
func until(condition func() bool, again func() error) error {
	for end := time.Now().Add(patience); !condition(); runtime.Gosched() {
		if time.Now().After(end) {
			return errors.New("waited in vain")
		}
		if again == nil {
			continue
		}
		if err := again(); err != nil {
			return err
		}
	}
	return nil
}

// pressCtrlC sends Ctrl+C to all processes of the console. (Ctrl+Break arrives
// the same way, but Wine 8.0 sends it to no console.)
func pressCtrlC() error {
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
