//go:build unix || windows

package signals

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// roleVariable names, for a copy of this program that a test has started, the
// part it plays instead of running tests.
const roleVariable = "METALIO_SIGNALS_ROLE"

func TestMain(m *testing.M) {
	role, ok := os.LookupEnv(roleVariable)
	if !ok {
		os.Exit(m.Run())
	}
	play, ok := roles[role]
	if !ok {
		fmt.Println("no role", role)
		os.Exit(2)
	}
	if err := play(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// child prepares a copy of this program in a role.
func child(t *testing.T, role string) *exec.Cmd {
	t.Helper()
	// Longer than the child itself waits, so that it can say for what.
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	t.Cleanup(cancel)
	// The tests may run in an emulator, which must then run the copy too.
	line := append(strings.Fields(os.Getenv("METALIO_EXEC")), os.Args[0])
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	return cmd
}

// awaited receives sig from a Set whose waker is woken.
func awaited(s *Set, woken <-chan struct{}, sig os.Signal) error {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		if got, ok := s.Take(); ok {
			if got != sig {
				return fmt.Errorf("took %v, want %v", got, sig)
			}
			return nil
		}
		select {
		case <-woken:
		case <-timeout.C:
			return fmt.Errorf("no %v", sig)
		}
	}
}

// wokenSet returns a Set that has sigs added, and the channel it wakes.
func wokenSet(sigs ...os.Signal) (*Set, chan struct{}, error) {
	woken := make(chan struct{}, 1)
	s := New(func() error {
		select {
		case woken <- struct{}{}:
		default:
		}
		return nil
	})
	return s, woken, s.Add(sigs...)
}

// weathered raises a storm of n signals and takes events until one of them came
// after the last signal. The sender counts each signal before it raises it, and
// the consumer notes the count after each event: some event must see the last.
func weathered(s *Set, woken <-chan struct{}, sig os.Signal, n int, raise func() error) error {
	var sent atomic.Int64
	failed := make(chan error, 1)
	go func() {
		for range n {
			sent.Add(1)
			if err := raise(); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	events := 0
	for last := int64(0); last < int64(n); events++ {
		if err := awaited(s, woken, sig); err != nil {
			return errors.Join(err, <-failed)
		}
		last = sent.Load()
	}
	if events > n+1 {
		return errors.Join(fmt.Errorf("%d events for %d signals", events, n), <-failed)
	}
	return <-failed
}
