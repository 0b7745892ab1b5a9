//go:build unix

package signals

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/metalio/metalio/internal/behaviours"
)

func raise(sig syscall.Signal) error { return syscall.Kill(os.Getpid(), sig) }

func mustRaise(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := raise(sig); err != nil {
		t.Fatal(err)
	}
}

func mustAwait(t *testing.T, s *Set, woken <-chan struct{}, sig os.Signal) {
	t.Helper()
	if err := awaited(s, woken, sig); err != nil {
		t.Fatal(err)
	}
}

func mustSet(t *testing.T, sigs ...os.Signal) (*Set, chan struct{}) {
	t.Helper()
	s, woken, err := wokenSet(sigs...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, woken
}

// mustReceive receives sig from a channel given to signal.Notify.
func mustReceive(t *testing.T, ch <-chan os.Signal, sig os.Signal) {
	t.Helper()
	select {
	case got := <-ch:
		if got != sig {
			t.Fatalf("received %v, want %v", got, sig)
		}
	case <-time.After(patience):
		t.Fatalf("no %v on the channel", sig)
	}
}

// mustArrive waits until a signal is pending, leaving it there.
func mustArrive(t *testing.T, s *Set) {
	t.Helper()
	for end := time.Now().Add(patience); !s.Pending(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("no signal")
		}
	}
}

func TestSignals(t *testing.T) {
	behaviours.Run(t, "delivered_to_handler", func(t *testing.T) {
		s, woken := mustSet(t, syscall.SIGUSR1, syscall.SIGTERM)
		for range 100 {
			for _, sig := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGTERM} {
				mustRaise(t, sig)
				mustAwait(t, s, woken, sig)
			}
		}
	})
	behaviours.Run(t, "at_least_one_event_after_the_last_delivery", lastDelivery)
	behaviours.Run(t, "coexists_with_os_signal_Notify", coexists)
	behaviours.Run(t, "not_notified_signal_keeps_its_default", func(t *testing.T) {
		mustDieOfSIGTERM(t, "not_notified")
	})
	behaviours.Run(t, "storm_of_1000_ends_with_an_event", storm)
	behaviours.Run(t, "stop_restores_disposition", func(t *testing.T) {
		for _, role := range []string{"removed", "closed", "closed_by_the_last_of_two"} {
			t.Run(role, func(t *testing.T) { mustDieOfSIGTERM(t, role) })
		}
	})
	behaviours.Run(t, "child_inherits_no_ignored_signal", childInherits)
	behaviours.Run(t, "two_loops_each_get_it", func(t *testing.T) {
		a, wokenA := mustSet(t, syscall.SIGUSR1)
		b, wokenB := mustSet(t, syscall.SIGUSR2, syscall.SIGUSR1)
		for range 100 {
			mustRaise(t, syscall.SIGUSR1)
			mustAwait(t, a, wokenA, syscall.SIGUSR1)
			mustAwait(t, b, wokenB, syscall.SIGUSR1)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		mustRaise(t, syscall.SIGUSR1)
		mustAwait(t, b, wokenB, syscall.SIGUSR1)
	})
	behaviours.Run(t, "SIGURG_preemption_disturbs_nothing", preemption)
}

// lastDelivery keeps the goroutine that forwards SIGUSR1 in the waker, so that a
// storm finds that signal's channel full, and then sends one SIGUSR2.
func lastDelivery(t *testing.T) {
	entered := make(chan struct{}, 10)
	gate := make(chan struct{})
	s := New(func() error {
		entered <- struct{}{}
		<-gate
		return nil
	})
	defer s.Close()
	var open sync.Once
	release := func() { open.Do(func() { close(gate) }) }
	defer release() // before Close, which waits for the waker
	if err := s.Add(syscall.SIGUSR1, syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}

	mustRaise(t, syscall.SIGUSR1)
	<-entered
	if got, ok := s.Take(); !ok || got != syscall.SIGUSR1 {
		t.Fatalf("took %v, %t", got, ok)
	}
	full := s.watches[0].ch
	for n := 0; n < 1000 || len(full) == 0; n++ {
		mustRaise(t, syscall.SIGUSR1)
	}
	mustRaise(t, syscall.SIGUSR2)
	mustArrive(t, s)
	if got, ok := s.Take(); !ok || got != syscall.SIGUSR2 {
		t.Fatalf("took %v, %t; want the one SIGUSR2", got, ok)
	}
	if s.Pending() {
		t.Fatal("the forwarding goroutine was not kept: the test shows nothing")
	}

	// What the storm has left is one event that comes after its last delivery.
	release()
	mustArrive(t, s)
	if got, ok := s.Take(); !ok || got != syscall.SIGUSR1 {
		t.Fatalf("took %v, %t; want SIGUSR1 after the storm", got, ok)
	}
}

func storm(t *testing.T) {
	s, woken := mustSet(t, syscall.SIGUSR1)
	n := behaviours.Budget(t, "storm_of_1000_ends_with_an_event")
	for range 10 {
		// The last signal, if not yet taken, stays for the next storm, which
		// only makes that one's first event early.
		err := weathered(s, woken, syscall.SIGUSR1, n, func() error { return raise(syscall.SIGUSR1) })
		if err != nil {
			t.Fatal(err)
		}
	}
}

// coexists uses a signal that no storm of another test has left under way.
func coexists(t *testing.T) {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGALRM)
	defer signal.Stop(ch)
	s, woken := mustSet(t, syscall.SIGALRM, syscall.SIGUSR2)

	mustRaise(t, syscall.SIGALRM)
	mustReceive(t, ch, syscall.SIGALRM)
	mustAwait(t, s, woken, syscall.SIGALRM)

	if err := s.Remove(syscall.SIGALRM); err != nil {
		t.Fatal(err)
	}
	mustRaise(t, syscall.SIGALRM)
	mustReceive(t, ch, syscall.SIGALRM)
	mustRaise(t, syscall.SIGUSR2) // comes alone: SIGALRM was not for the Set
	mustAwait(t, s, woken, syscall.SIGUSR2)

	if err := s.Add(syscall.SIGALRM); err != nil {
		t.Fatal(err)
	}
	signal.Stop(ch)
	mustRaise(t, syscall.SIGALRM)
	mustAwait(t, s, woken, syscall.SIGALRM)
	if len(ch) != 0 {
		t.Fatal("the stopped channel has a signal")
	}
}

func preemption(t *testing.T) {
	s, woken := mustSet(t, syscall.SIGUSR1)
	urgent := make(chan os.Signal, 1) // shows that there is preemption
	signal.Notify(urgent, syscall.SIGURG)
	defer signal.Stop(urgent)

	var stop atomic.Bool
	var busy sync.WaitGroup
	for range runtime.GOMAXPROCS(0) + 1 {
		busy.Go(func() {
			for !stop.Load() {
			}
		})
	}
	defer busy.Wait()
	defer stop.Store(true)
	for range 20 {
		mustReceive(t, urgent, syscall.SIGURG)
		mustRaise(t, syscall.SIGUSR1)
		mustAwait(t, s, woken, syscall.SIGUSR1)
	}
	if got, ok := s.Take(); ok && got != syscall.SIGUSR1 {
		t.Fatalf("took %v", got)
	}
}

// childInherits also starts a child while SIGHUP is ignored, to show that the
// child would tell.
func childInherits(t *testing.T) {
	s, _ := mustSet(t, syscall.SIGHUP, syscall.SIGUSR1)
	if got := ignoredInChild(t); got != "false" {
		t.Fatalf("SIGHUP ignored in a child: %s", got)
	}
	// And a program that is not Go's, whose runtime changes dispositions itself.
	sh := exec.Command("/bin/sh", "-c", "kill -USR1 $$; echo survived")
	out, err := sh.CombinedOutput()
	mustHaveDied(t, err, out, syscall.SIGUSR1)

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGHUP)
	defer signal.Reset(syscall.SIGHUP)
	if got := ignoredInChild(t); got != "true" {
		t.Fatalf("the child does not see an ignored SIGHUP: %s", got)
	}
}

func ignoredInChild(t *testing.T) string {
	t.Helper()
	out, err := child(t, "tell_ignored").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func mustDieOfSIGTERM(t *testing.T, role string) {
	t.Helper()
	out, err := child(t, role).CombinedOutput()
	mustHaveDied(t, err, out, syscall.SIGTERM)
}

func mustHaveDied(t *testing.T, err error, out []byte, sig syscall.Signal) {
	t.Helper()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("ended with %v, want by %v: %s", err, sig, out)
	}
	if ws := exit.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != sig {
		t.Fatalf("ended with %v, want by %v: %s", err, sig, out)
	}
}

// roles are the parts of programs that tests start. Those that are to die of
// SIGTERM return an error if they live.
var roles = map[string]func() error{
	"tell_ignored": func() error {
		fmt.Println(signal.Ignored(syscall.SIGHUP))
		return nil
	},
	"not_notified": func() error {
		s, woken, err := wokenSet(syscall.SIGUSR1)
		if err != nil {
			return err
		}
		if err := errors.Join(raise(syscall.SIGUSR1), awaited(s, woken, syscall.SIGUSR1)); err != nil {
			return err
		}
		return dieOfSIGTERM()
	},
	"removed": func() error {
		return surviveOnce(func(s *Set) error { return s.Remove(syscall.SIGTERM) })
	},
	"closed": func() error { return surviveOnce((*Set).Close) },
	"closed_by_the_last_of_two": func() error {
		other, woken, err := wokenSet(syscall.SIGTERM)
		if err != nil {
			return err
		}
		return surviveOnce(func(s *Set) error {
			return errors.Join(awaited(other, woken, syscall.SIGTERM), s.Close(),
				raise(syscall.SIGTERM), awaited(other, woken, syscall.SIGTERM), other.Close())
		})
	},
}

// surviveOnce takes a SIGTERM, gives the signal back, and dies of the next.
func surviveOnce(giveBack func(*Set) error) error {
	s, woken, err := wokenSet(syscall.SIGTERM)
	if err != nil {
		return err
	}
	err = errors.Join(raise(syscall.SIGTERM), awaited(s, woken, syscall.SIGTERM), giveBack(s))
	if err != nil {
		return err
	}
	return dieOfSIGTERM()
}

func dieOfSIGTERM() error {
	if err := raise(syscall.SIGTERM); err != nil {
		return err
	}
	time.Sleep(patience)
	return errors.New("survived SIGTERM")
}

func TestRemoveDropsWhatIsPending(t *testing.T) {
	s, woken := mustSet(t, syscall.SIGUSR1, syscall.SIGUSR2)
	mustRaise(t, syscall.SIGUSR1)
	mustArrive(t, s)
	if err := s.Remove(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if s.Pending() {
		t.Fatal("a removed signal is pending")
	}
	// The slot is reused by another signal, which must not inherit the event.
	if err := s.Add(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if s.Pending() {
		t.Fatal("an added signal is pending")
	}
	mustRaise(t, syscall.SIGTERM)
	mustAwait(t, s, woken, syscall.SIGTERM)
}

func TestAddAndRemoveInAStorm(t *testing.T) {
	s, woken := mustSet(t, syscall.SIGUSR2)
	// The signal must have no effect while it is not in the set.
	other := make(chan os.Signal, 1)
	signal.Notify(other, syscall.SIGUSR1)
	defer signal.Stop(other)

	var stop atomic.Bool
	var storm sync.WaitGroup
	storm.Go(func() {
		for !stop.Load() {
			raise(syscall.SIGUSR1)
			runtime.Gosched()
		}
	})
	defer storm.Wait()
	defer stop.Store(true)
	for range 200 {
		if err := s.Add(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		mustAwait(t, s, woken, syscall.SIGUSR1)
		if err := s.Remove(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		if s.Pending() {
			t.Fatal("a removed signal is pending")
		}
	}
}

func TestSIGSTOPIsRefused(t *testing.T) {
	s := New(nil)
	defer s.Close()
	if err := s.Add(syscall.SIGSTOP); !errors.Is(err, ErrUncatchable) {
		t.Fatalf("got %v", err)
	}
	for _, number := range []syscall.Signal{-1, 0, 65, 1 << 20} {
		if err := s.Add(number); !errors.Is(err, ErrUnknown) {
			t.Errorf("signal %d: got %v", int(number), err)
		}
	}
}

func TestZeroAllocs(t *testing.T) {
	const signals = 2000
	s, woken := mustSet(t, syscall.SIGUSR1, syscall.SIGUSR2)
	pid := os.Getpid()
	round := func() {
		for i := range signals {
			sig := syscall.SIGUSR1
			if i%2 == 1 {
				sig = syscall.SIGUSR2
			}
			syscall.Kill(pid, sig)
			for !s.Pending() {
				<-woken
			}
			s.Take()
		}
	}
	round()
	// Mallocs counts the whole process: the least of a few rounds leaves out
	// what the runtime allocates for itself now and then.
	least := ^uint64(0)
	var before, after runtime.MemStats
	for range 5 {
		runtime.ReadMemStats(&before)
		round()
		runtime.ReadMemStats(&after)
		least = min(least, after.Mallocs-before.Mallocs)
	}
	if least != 0 {
		t.Fatalf("%d allocations for %d signals", least, signals)
	}
}

func BenchmarkRaiseAndTake(b *testing.B) {
	s, woken, err := wokenSet(syscall.SIGUSR1)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	pid := os.Getpid()
	b.ReportAllocs()
	for b.Loop() {
		syscall.Kill(pid, syscall.SIGUSR1)
		for !s.Pending() {
			<-woken
		}
		s.Take()
	}
}
