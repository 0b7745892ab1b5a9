//go:build unix || windows

package reactor

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/metalio/metalio/internal/behaviours"
)

// The tests of this package are the behaviours of a Poll and a Loop by name,
// the same on every system. What they are made of differs: descriptors_test.go
// and its files for Unix and Windows have it. What only one mechanism does is
// in the files named for mechanisms.

// roleVariable names, for a copy of this program that a test has started, the
// part it plays instead of running tests.
const roleVariable = "METALIO_REACTOR_ROLE"

// roles are the programs that a test can run in another process.
var roles = map[string]func() int{}

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(roles[role]())
	}
	openForGood()
	os.Exit(m.Run())
}

// openForGood makes Go's runtime and libraries open what they open at first use
// and keep: the netpoller, and the goroutine of os/signal.
func openForGood() {
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close()
	}
	if r, w, err := os.Pipe(); err == nil {
		r.Close()
		w.Close()
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	signal.Stop(signals)
}

// child prepares a copy of this program in a role.
func child(role string, more ...string) *exec.Cmd {
	// The tests may run in an emulator, which must then run the copy too.
	line := append(strings.Fields(os.Getenv("METALIO_EXEC")), os.Args[0])
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(append(os.Environ(), roleVariable+"="+role), more...)
	return cmd
}

// patience is how long a test waits for what has to come: long enough for a
// loaded machine.
const patience = 10 * time.Second

// behaviour is a test of a Poll, by the name under which the behaviour is known.
type behaviour struct {
	name string
	run  func(*testing.T, *watcher)
}

func runBehaviours(t *testing.T, all []behaviour) {
	t.Helper()
	for _, b := range all {
		behaviours.Run(t, b.name, func(t *testing.T) {
			checkLeaks(t)
			b.run(t, newWatcher(t))
		})
	}
}

// policies are those that this system has. What depends on the way of waiting is
// run with each.
var policies = sync.OnceValue(func() (all []WaitPolicy) {
	for policy := range WaitPolicy(policyCount) {
		p, err := NewPoll(PollConfig{Wait: policy})
		if errors.Is(err, errors.ErrUnsupported) {
			continue
		}
		if err == nil {
			p.Close()
		}
		all = append(all, policy)
	}
	return all
})

// forEachPolicy runs test as a subtest for each way of waiting.
func forEachPolicy(t *testing.T, test func(*testing.T, WaitPolicy)) {
	t.Helper()
	for _, policy := range policies() {
		t.Run(policy.String(), func(t *testing.T) { test(t, policy) })
	}
}

// checkLeaks fails the test if it leaves a descriptor or a goroutine behind.
func checkLeaks(t *testing.T) {
	t.Helper()
	before, goroutines := openDescriptors(t), runtime.NumGoroutine()
	t.Cleanup(func() {
		// Goroutines that have been told to end need a moment to do so, and
		// Wine's pool of waiting threads seconds to give its handles back.
		for range 2000 {
			if before.covers(openDescriptors(t)) && runtime.NumGoroutine() <= goroutines {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Errorf("open descriptors before %v, after %v; goroutines before %d, after %d",
			before, openDescriptors(t), goroutines, runtime.NumGoroutine())
	})
}

func newPoll(t testing.TB, policy WaitPolicy) *Poll {
	t.Helper()
	p, err := NewPoll(PollConfig{Wait: policy})
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no backend for " + runtime.GOOS + " yet")
	}
	must(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

// watcher is a Poll and what a test expects of it.
type watcher struct {
	*Poll
	t      testing.TB
	events [64]Event
}

func newWatcher(t testing.TB) *watcher { return newWatcherThat(t, Auto) }

// newWatcherThat waits as policy says.
func newWatcherThat(t testing.TB, policy WaitPolicy) *watcher {
	t.Helper()
	return &watcher{Poll: newPoll(t, policy), t: t}
}

func (w *watcher) register(fd FD, token Token, interest Interest, mode Mode) {
	w.t.Helper()
	must(w.t, w.Register(fd, token, interest, mode))
}

func (w *watcher) reregister(fd FD, token Token, interest Interest, mode Mode) {
	w.t.Helper()
	must(w.t, w.Reregister(fd, token, interest, mode))
}

func (w *watcher) deregister(fd FD) {
	w.t.Helper()
	must(w.t, w.Deregister(fd))
}

func (w *watcher) rearm(fd FD, blocked Interest) {
	w.t.Helper()
	must(w.t, w.Rearm(fd, blocked))
}

// drain reads all there is, and says so to the Poll as users of Edge have to.
func (w *watcher) drain(fd FD) string {
	w.t.Helper()
	got := drain(w.t, fd)
	w.rearm(fd, Readable)
	return got
}

// expect waits, a few times and not for ever, until each of the events has been
// seen with at least its bits. More is logged and allowed.
func (w *watcher) expect(want ...seen) {
	w.t.Helper()
	missing := slices.Clone(want)
	for range 5 {
		n, err := w.Wait(w.events[:], patience)
		must(w.t, err)
		for _, ev := range w.events[:n] {
			i := slices.IndexFunc(missing, func(s seen) bool { return s.token == ev.Token() })
			if i < 0 {
				w.t.Logf("also: %d %v", ev.Token(), ev.Ready())
				continue
			}
			missing[i].ready &^= ev.Ready()
			if missing[i].ready == 0 {
				missing = slices.Delete(missing, i, i+1)
			}
		}
		if len(missing) == 0 || n == 0 {
			break
		}
	}
	if len(missing) > 0 {
		w.t.Fatalf("events that did not come: %v", missing)
	}
}

// seen is an event in the eyes of a test.
type seen struct {
	token Token
	ready Ready
}

// one waits for exactly one event and returns its bits.
func (w *watcher) one(token Token) Ready {
	w.t.Helper()
	n, err := w.Wait(w.events[:], patience)
	must(w.t, err)
	if n != 1 || w.events[0].Token() != token {
		w.t.Fatalf("got %d events, first %d %v; want one of token %d", n, w.events[0].Token(), w.events[0].Ready(), token)
	}
	return w.events[0].Ready()
}

// want is one that has exactly these bits.
func (w *watcher) want(token Token, ready Ready) {
	w.t.Helper()
	if r := w.one(token); r != ready {
		w.t.Fatalf("token %d is %v, want %v", token, r, ready)
	}
}

// all waits once and returns the bits of all events, which must be of token:
// some systems report each direction by itself.
func (w *watcher) all(token Token) (r Ready) {
	w.t.Helper()
	n, err := w.Wait(w.events[:], patience)
	must(w.t, err)
	for _, ev := range w.events[:n] {
		if ev.Token() != token {
			w.t.Fatalf("event of token %d, want %d", ev.Token(), token)
		}
		r |= ev.Ready()
	}
	return r
}

// none fails if anything arrives within 50 ms.
func (w *watcher) none() {
	w.t.Helper()
	n, err := w.Wait(w.events[:], 50*time.Millisecond)
	must(w.t, err)
	if n != 0 {
		w.t.Fatalf("unexpected event: token %d, %v", w.events[0].Token(), w.events[0].Ready())
	}
}

// interests are all that the backend has: FreeBSD knows no Priority.
func (w *watcher) interests() Interest {
	w.t.Helper()
	a, _ := pair(w.t)
	err := w.Register(a, 0, Priority, Level)
	if errors.Is(err, errors.ErrUnsupported) {
		return Readable | Writable
	}
	must(w.t, err)
	w.deregister(a)
	return Readable | Writable | Priority
}

// waitForWaiter returns when a goroutine is in p.Wait. It may not be asleep
// yet, which the tests that call it must not depend on.
func waitForWaiter(p *Poll) error {
	for deadline := time.Now().Add(patience); p.gate.state.Load()&aloneBit == 0; {
		if time.Now().After(deadline) {
			return errors.New("nobody waits")
		}
		time.Sleep(time.Millisecond)
	}
	time.Sleep(5 * time.Millisecond)
	return nil
}

// whileWaiting runs f in another goroutine when one is in p.Wait, and lets the
// test wait for its end.
func whileWaiting(t testing.TB, p *Poll, f func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		if err := waitForWaiter(p); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	t.Cleanup(func() { must(t, <-done) })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantIs(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("error %v, want one that is %v", err, target)
	}
}

func isClosed(err error) bool { return errors.Is(err, os.ErrClosed) }

// rounds is n, or less in a short run.
func rounds(n int) int {
	if testing.Short() {
		return max(n/10, 1)
	}
	return n
}
