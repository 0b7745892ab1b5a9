package signals

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait: long enough for an emulator on a busy machine,
// and reached only by a failure.
const patience = 30 * time.Second

// madeUp satisfies os.Signal, cannot be compared, and is no system's signal.
type madeUp []int

func (madeUp) Signal()        {}
func (madeUp) String() string { return "made up" }

func TestErrors(t *testing.T) {
	s := New(nil)
	if err := s.Add(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	closed := New(nil)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	full := New(nil)
	full.used = ^uint64(0)
	for i := range full.watches {
		full.watches[i] = &watch{sig: os.Interrupt}
	}
	for _, c := range []struct {
		name string
		err  error
		want error
		text string
	}{
		{"add none", s.Add(), ErrNone, "signals: add: no signal named"},
		{"add nil", s.Add(nil), ErrUnknown, "signals: add: not a signal of this system"},
		{"add foreign", s.Add(madeUp{1}), ErrUnknown, "signals: add made up: not a signal of this system"},
		{"add kill", s.Add(os.Kill), ErrUncatchable, "signals: add " + os.Kill.String() + ": signal cannot be caught"},
		{"add to closed", closed.Add(os.Interrupt), os.ErrClosed, "signals: add: file already closed"},
		{"add to full", full.Add(syscall.SIGTERM), ErrFull, "signals: add " + syscall.SIGTERM.String() + ": set is full"},
		{"remove none", s.Remove(), ErrNone, "signals: remove: no signal named"},
		{"remove absent", s.Remove(syscall.SIGTERM), ErrNotAdded, "signals: remove " + syscall.SIGTERM.String() + ": signal is not in the set"},
		{"remove foreign", s.Remove(madeUp{1}), ErrUnknown, "signals: remove made up: not a signal of this system"},
		{"remove from closed", closed.Remove(os.Interrupt), os.ErrClosed, "signals: remove: file already closed"},
		{"close closed", closed.Close(), os.ErrClosed, "signals: close: file already closed"},
	} {
		if !errors.Is(c.err, c.want) || c.err.Error() != c.text {
			t.Errorf("%s: got %v, want %q", c.name, c.err, c.text)
		}
		var e *Error
		if !errors.As(c.err, &e) {
			t.Errorf("%s: %T is not an *Error", c.name, c.err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestAddIsAllOrNone(t *testing.T) {
	s := New(nil)
	defer s.Close()
	if err := s.Add(os.Interrupt, os.Kill); !errors.Is(err, ErrUncatchable) {
		t.Fatalf("got %v", err)
	}
	if err := s.Remove(os.Interrupt); !errors.Is(err, ErrNotAdded) {
		t.Fatalf("a refused Add has added its first signal: %v", err)
	}
	if err := s.Add(os.Interrupt, os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := s.Add(os.Interrupt); err != nil {
		t.Fatalf("adding again: %v", err)
	}
	if err := s.Remove(os.Interrupt, syscall.SIGTERM); !errors.Is(err, ErrNotAdded) {
		t.Fatalf("got %v", err)
	}
	if err := s.Remove(os.Interrupt, os.Interrupt); err != nil {
		t.Fatalf("a refused Remove has removed its first signal: %v", err)
	}
	if s.used != 0 {
		t.Fatalf("signals left: %b", s.used)
	}
}

// loaded returns a Set of two signals without goroutines, for tests that call
// publish themselves.
func loaded(wake func() error) *Set {
	s := New(wake)
	s.watches[0] = &watch{sig: os.Interrupt}
	s.watches[1] = &watch{sig: syscall.SIGTERM}
	return s
}

func takeAll(s *Set) (sigs []os.Signal) {
	for sig, ok := s.Take(); ok; sig, ok = s.Take() {
		sigs = append(sigs, sig)
	}
	return sigs
}

func TestOneWakeForABurst(t *testing.T) {
	wakes := 0
	s := loaded(func() error { wakes++; return nil })
	for burst := range 3 {
		if s.Pending() {
			t.Fatal("pending before the burst")
		}
		for range 100 {
			s.publish(1)
			s.publish(2)
		}
		if want := burst + 1; wakes != want || !s.Pending() {
			t.Fatalf("%d wakes, want %d; pending %t", wakes, want, s.Pending())
		}
		if got := takeAll(s); !slices.Equal(got, []os.Signal{os.Interrupt, syscall.SIGTERM}) {
			t.Fatalf("took %v", got)
		}
	}
}

func TestStormOfOneStarvesNoOther(t *testing.T) {
	s := loaded(nil)
	s.publish(1)
	s.publish(2)
	seen := 0
	for range 10 {
		sig, _ := s.Take()
		if sig == syscall.SIGTERM {
			seen++
		}
		s.publish(1)
	}
	if seen != 1 {
		t.Fatalf("the quiet signal was taken %d times, want once", seen)
	}
}

func TestFailedWakeIsRetried(t *testing.T) {
	broken := errors.New("broken")
	result := broken
	wakes := 0
	s := loaded(func() error { wakes++; return result })
	s.publish(1)
	if !errors.Is(s.Err(), broken) || !s.Pending() {
		t.Fatalf("Err %v, pending %t", s.Err(), s.Pending())
	}
	result = nil
	s.publish(1)
	if wakes != 2 || s.Err() != nil {
		t.Fatalf("%d wakes, Err %v", wakes, s.Err())
	}
	s.publish(1)
	if wakes != 2 {
		t.Fatal("woken again in the same burst")
	}
}

// wantForwarders waits until n goroutines forward signals: one closes its channel
// just before it ends.
func wantForwarders(t *testing.T, n int) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	for end := time.Now().Add(patience); ; runtime.Gosched() {
		all := string(stacks[:runtime.Stack(stacks, true)])
		got := strings.Count(all, "signals.(*Set).start in goroutine")
		if got == n {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d goroutines forward signals, want %d:\n%s", got, n, all)
		}
	}
}

func TestCloseEndsGoroutines(t *testing.T) {
	wantForwarders(t, 0) // those of other tests may be about to end
	s := New(nil)
	if err := s.Add(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	wantForwarders(t, 3)
	if err := s.Remove(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	wantForwarders(t, 2)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantForwarders(t, 0)
	if _, ok := s.Take(); ok || s.Pending() {
		t.Fatal("a closed Set has a signal")
	}
}
