//go:build unix

package reactor

import (
	"errors"
	"net"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if role := os.Getenv("REACTOR_TEST_CHILD"); role != "" {
		os.Exit(children[role]())
	}
	// Go's own netpoller opens its descriptors at first use and keeps them.
	if r, w, err := os.Pipe(); err == nil {
		r.Close()
		w.Close()
	}
	// So does os/signal with its goroutine.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	signal.Stop(signals)
	os.Exit(m.Run())
}

// children are the programs that a test can run in another process, by
// starting the test binary again.
var children = map[string]func() int{}

// checkLeaks fails the test if it leaves a descriptor or a goroutine behind.
func checkLeaks(t *testing.T) {
	t.Helper()
	fds, goroutines := openFDs(t), runtime.NumGoroutine()
	t.Cleanup(func() {
		// Goroutines that have been told to end need a moment to do so.
		for range 200 {
			if slices.Equal(openFDs(t), fds) && runtime.NumGoroutine() <= goroutines {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Errorf("open descriptors before %v, after %v; goroutines before %d, after %d",
			fds, openFDs(t), goroutines, runtime.NumGoroutine())
	})
}

func openFDs(t *testing.T) []int {
	t.Helper()
	var open []int
	for fd := range 4096 {
		var st syscall.Stat_t
		if syscall.Fstat(fd, &st) == nil {
			open = append(open, fd)
		}
	}
	return open
}

func newPoll(t testing.TB) *Poll {
	t.Helper()
	p, err := NewPoll(PollConfig{})
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no backend for " + runtime.GOOS + " yet")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// watcher is a Poll and what a test expects of it.
type watcher struct {
	*Poll
	t      testing.TB
	events [64]Event
}

func newWatcher(t testing.TB) *watcher { return &watcher{Poll: newPoll(t), t: t} }

func (w *watcher) register(fd int, token Token, interest Interest, mode Mode) {
	w.t.Helper()
	must(w.t, w.Register(FD(fd), token, interest, mode))
}

func (w *watcher) reregister(fd int, token Token, interest Interest, mode Mode) {
	w.t.Helper()
	must(w.t, w.Reregister(FD(fd), token, interest, mode))
}

func (w *watcher) deregister(fd int) {
	w.t.Helper()
	must(w.t, w.Deregister(FD(fd)))
}

// expect waits, a few times and not for ever, until each of the events has been
// seen with at least its bits. More is logged and allowed.
func (w *watcher) expect(want ...seen) {
	w.t.Helper()
	missing := slices.Clone(want)
	for range 5 {
		n, err := w.Wait(w.events[:], 2*time.Second)
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

// one waits for exactly one event and returns its bits.
func (w *watcher) one(token Token) Ready {
	w.t.Helper()
	n, err := w.Wait(w.events[:], 2*time.Second)
	must(w.t, err)
	if n != 1 || w.events[0].Token() != token {
		w.t.Fatalf("got %d events, first %d; want one of token %d", n, w.events[0].Token(), token)
	}
	return w.events[0].Ready()
}

// all waits once and returns the bits of all events, which must be of token:
// some systems report each direction by itself.
func (w *watcher) all(token Token) (r Ready) {
	w.t.Helper()
	n, err := w.Wait(w.events[:], 2*time.Second)
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

type seen struct {
	token Token
	ready Ready
}

// interests are all that the backend has: FreeBSD knows no Priority.
func (w *watcher) interests() Interest {
	w.t.Helper()
	a, _ := pair(w.t)
	err := w.Register(FD(a), 0, Priority, Level)
	if errors.Is(err, errors.ErrUnsupported) {
		return Readable | Writable
	}
	must(w.t, err)
	w.deregister(a)
	return Readable | Writable | Priority
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

// pair is two connected non-blocking stream sockets.
func pair(t testing.TB) (a, b int) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	must(t, err)
	owned(t, fds[0], fds[1])
	return fds[0], fds[1]
}

// pipe is a non-blocking pipe.
func pipe(t testing.TB) (r, w int) {
	t.Helper()
	var fds [2]int
	must(t, syscall.Pipe(fds[:]))
	owned(t, fds[0], fds[1])
	return fds[0], fds[1]
}

// tcpPair is two ends of a connection over loopback.
func tcpPair(t testing.TB) (a, b int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	defer c.Close()
	s, err := l.Accept()
	must(t, err)
	defer s.Close()
	return duplicate(t, c.(syscall.Conn)), duplicate(t, s.(syscall.Conn))
}

// duplicate is a descriptor of its own for the file behind c.
func duplicate(t testing.TB, c syscall.Conn) int {
	t.Helper()
	raw, err := FDOf(c)
	must(t, err)
	fd, err := syscall.Dup(int(raw))
	must(t, err)
	owned(t, fd)
	return fd
}

// owned makes descriptors non-blocking, and closes them at the end of the test
// unless closeFD has done so.
func owned(t testing.TB, fds ...int) {
	t.Helper()
	for _, fd := range fds {
		must(t, syscall.SetNonblock(fd, true))
		syscall.CloseOnExec(fd)
		mine[fd] = true
		t.Cleanup(func() { closeFD(t, fd) })
	}
}

// mine are the descriptors that tests have to close. Tests run one by one.
var mine = map[int]bool{}

func closeFD(t testing.TB, fd int) {
	t.Helper()
	if mine[fd] {
		delete(mine, fd)
		must(t, syscall.Close(fd))
	}
}

func write(t testing.TB, fd int, s string) {
	t.Helper()
	n, err := syscall.Write(fd, []byte(s))
	if err != nil || n != len(s) {
		t.Fatalf("write: %d, %v", n, err)
	}
}

// drain reads until the descriptor would block or ends, and returns what came.
func drain(t testing.TB, fd int) string {
	t.Helper()
	var all []byte
	var buf [4096]byte
	for {
		n, err := syscall.Read(fd, buf[:])
		if err == syscall.EAGAIN || n == 0 {
			return string(all)
		}
		must(t, err)
		all = append(all, buf[:n]...)
	}
}

// fill writes until the descriptor would block.
func fill(t testing.TB, fd int) {
	t.Helper()
	var buf [65536]byte
	for {
		_, err := syscall.Write(fd, buf[:])
		if err == syscall.EAGAIN {
			return
		}
		must(t, err)
	}
}
