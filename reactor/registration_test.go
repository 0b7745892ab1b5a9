//go:build unix || windows

package reactor

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/metalio/metalio/internal/behaviours"
)

func TestRegistration(t *testing.T) {
	runBehaviours(t, []behaviour{
		{"register_deregister", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 7, Readable, Level)
			write(t, b, "x")
			w.want(7, readyReadable)
			w.deregister(a)
			w.none()
		}},
		{"double_register_fails", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			w.register(a, 7, Readable, Level)
			for range 2 {
				err := w.Register(a, 8, Writable, Level)
				wantIs(t, err, syscall.EEXIST)
				wantIs(t, err, fs.ErrExist)
				if op := (*OpError)(nil); !errors.As(err, &op) || op.Op != "register" || op.FD != a {
					t.Fatalf("%#v", err)
				}
				w.none() // the registration is the first one still, and not writable
			}
		}},
		{"deregister_unknown_fails", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			wantIs(t, w.Deregister(a), syscall.ENOENT)
			w.register(a, 1, Readable, Level)
			w.deregister(a)
			wantIs(t, w.Deregister(a), syscall.ENOENT)
		}},
		{"reregister_unknown_fails", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			wantIs(t, w.Reregister(a, 1, Writable, Level), syscall.ENOENT)
			w.none()
		}},
		{"reregister_changes_token_and_interest", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			write(t, b, "x")
			w.register(a, 1, Readable, Level)
			w.reregister(a, 2, Writable, Level)
			w.want(2, readyWritable)
		}},
		{"reregister_before_any_wait_gives_no_stale_event", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			w.register(a, 1, Writable, Edge)
			w.reregister(a, 2, Readable, Edge)
			w.none()
		}},
		{"pending_data_fires_after_reregister", func(t *testing.T, w *watcher) {
			for _, mode := range []Mode{Level, Edge, OneShot} {
				a, b := pair(t)
				write(t, b, "x")
				w.register(a, 1, Readable, mode)
				w.want(1, readyReadable)
				w.reregister(a, 2, Readable, mode)
				w.want(2, readyReadable)
				w.deregister(a)
			}
		}},
		{"register_during_wait_wakes_it", func(t *testing.T, w *watcher) {
			for i, mode := range []Mode{Edge, OneShot} {
				a, b := pair(t)
				write(t, b, "x")
				whileWaiting(t, w.Poll, func() error { return w.Register(a, Token(i), Readable, mode) })
				w.want(Token(i), readyReadable)
				w.none()
			}
		}},
		{"registry_from_three_goroutines_while_waiting", fromThreeGoroutines},
		{"no_events_after_deregister", noEventsAfterDeregister},
		{"deregistered_listener_with_pending_connection", func(t *testing.T, w *watcher) {
			l, _ := listenerWithPending(t)
			w.register(l, 1, Readable, Level)
			w.want(1, readyReadable)
			w.deregister(l)
			waker, err := w.NewWaker(2)
			must(t, err)
			whileWaiting(t, w.Poll, waker.Wake)
			n, err := w.Wait(w.events[:], -1)
			must(t, err)
			if n != 1 || w.events[0].Token() != 2 {
				t.Fatal(n, w.events[0].Token())
			}
		}},
		{"fd_reuse_no_stale_event", fdReuse},
		{"dup_deregister_close_no_spin", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			duplicate(t, a)
			w.register(a, 1, Readable, Level)
			w.none()
			write(t, b, "x")
			w.one(1)
			w.deregister(a)
			closeFD(t, a)
			w.none()
		}},
		{"close_without_deregister_is_harmless", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			w.none()
			write(t, b, "x")
			w.one(1)
			closeFD(t, a)
			w.none()
			wantIs(t, w.Deregister(a), syscall.EBADF)
			c, d, _ := pairWith(t, a)
			w.register(c, 2, Readable, Level)
			w.none()
			write(t, d, "x")
			w.want(2, readyReadable)
		}},
		{"same_token_on_two_fds", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Writable, Level)
			w.register(b, 1, Writable, Level)
			n, err := w.Wait(w.events[:], patience)
			must(t, err)
			if n != 2 || w.events[0].Token() != 1 || w.events[1].Token() != 1 {
				t.Fatal(n)
			}
		}},
		{"two_polls_one_fd", func(t *testing.T, w *watcher) {
			w2 := newWatcher(t)
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			w2.register(a, 2, Readable, Level)
			write(t, b, "x")
			w.want(1, readyReadable)
			w2.want(2, readyReadable)
			w.deregister(a)
			w2.want(2, readyReadable)
		}},
		{"regular_file_is_refused", func(t *testing.T, w *watcher) {
			f, err := os.Open(os.Args[0]) // this program's own
			must(t, err)
			defer f.Close()
			for _, mode := range []Mode{Level, Edge, OneShot} {
				err = w.Register(fdOf(t, f), 1, Readable, mode)
				wantIs(t, err, syscall.EPERM)
				wantIs(t, err, fs.ErrPermission)
			}
		}},
		{"closed_fd_is_refused", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			closeFD(t, a)
			for _, mode := range []Mode{Level, Edge, OneShot} {
				wantIs(t, w.Register(a, 1, Readable, mode), syscall.EBADF)
				wantIs(t, w.Reregister(a, 1, Readable, mode), syscall.EBADF)
			}
			wantIs(t, w.Deregister(a), syscall.EBADF)
			wantIs(t, SetNonblock(a), syscall.EBADF)
		}},
		{"bad_fd_is_refused", func(t *testing.T, w *watcher) {
			for _, fd := range []FD{^FD(0), 1 << 31, 0x7ffffff0} {
				for _, mode := range []Mode{Level, Edge, OneShot} {
					wantIs(t, w.Register(fd, 1, Readable, mode), syscall.EBADF)
				}
				wantIs(t, w.Deregister(fd), syscall.EBADF)
				wantIs(t, SetNonblock(fd), syscall.EBADF)
			}
		}},
		{"empty_interest_is_refused", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			wantIs(t, w.Register(a, 1, 0, Level), syscall.EINVAL)
			wantIs(t, w.Register(a, 1, 0x80|Readable, Level), syscall.EINVAL)
			wantIs(t, w.Register(a, 1, Readable, OneShot+1), syscall.EINVAL)
			wantIs(t, w.Reregister(a, 1, 0, Level), syscall.EINVAL)
			wantIs(t, w.Deregister(a), syscall.ENOENT)
		}},
		{"register_churn_10k", registerChurn},
		{"poll_close_with_registrations", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			w.none()
			w.register(b, 1, Readable, Level)
			must(t, w.Close())
			for _, err := range []error{
				w.Register(b, 1, Readable, Level),
				w.Reregister(a, 1, Readable, Level),
				w.Deregister(a),
				w.Rearm(a, Readable),
			} {
				wantIs(t, err, os.ErrClosed)
			}
			_, err := w.NewWaker(1)
			wantIs(t, err, os.ErrClosed)
			write(t, b, "x") // the descriptors are open still
			other := newWatcher(t)
			other.register(a, 2, Readable, Level)
			other.want(2, readyReadable)
		}},
		{"poll_closed_twice", func(t *testing.T, w *watcher) {
			must(t, w.Close())
			other := newWatcher(t) // takes the descriptors that Close has given back
			must(t, w.Close())
			a, _ := pair(t)
			other.register(a, 1, Writable, Level)
			other.want(1, readyWritable)
		}},
		{"create_and_close_2000_polls_leaks_nothing", func(t *testing.T, w *watcher) {
			before := openDescriptors(t)
			for range behaviours.Budget(t, "create_and_close_2000_polls_leaks_nothing") {
				p := newPoll(nopCleanup{t}, Auto)
				_, err := p.NewWaker(1)
				must(t, err)
				must(t, p.Close())
			}
			if after := openDescriptors(t); !before.covers(after) {
				t.Fatalf("open descriptors before %v, after %v", before, after)
			}
		}},
		{"errors_name_the_call_and_the_descriptor", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			w.register(a, 1, Readable, Level)
			err := w.Register(a, 1, Readable, Level)
			if got := err.Error(); !strings.HasPrefix(got, "reactor: register fd ") || !strings.HasSuffix(got, ": "+syscall.EEXIST.Error()) {
				t.Fatal(got)
			}
			err = w.Register(^FD(0), 1, Readable, Level)
			if got := err.Error(); !strings.HasPrefix(got, "reactor: register fd -1: ") {
				t.Fatal(got)
			}
		}},
	})
}

// nopCleanup drops the clean-up that a test does itself.
type nopCleanup struct{ testing.TB }

func (nopCleanup) Cleanup(func()) {}

func fromThreeGoroutines(t *testing.T, w *watcher) {
	const each = 20
	var wg sync.WaitGroup
	fds := make([]FD, 3*each)
	for i := range fds {
		a, b := pair(t)
		fds[i] = a
		write(t, b, "x")
	}
	for g := range 3 {
		wg.Go(func() {
			for i := g * each; i < (g+1)*each; i++ {
				if err := w.Register(fds[i], Token(i), Readable, OneShot); err != nil {
					t.Error(err)
				}
			}
		})
	}
	got := map[Token]bool{}
	for len(got) < len(fds) {
		n, err := w.Wait(w.events[:], patience)
		must(t, err)
		if n == 0 {
			t.Fatalf("%d of %d", len(got), len(fds))
		}
		for _, ev := range w.events[:n] {
			if got[ev.Token()] {
				t.Fatalf("token %d twice", ev.Token())
			}
			got[ev.Token()] = true
		}
	}
	wg.Wait()
}

// noEventsAfterDeregister deregisters while data flows: one goroutine writes
// and reads as fast as it can.
func noEventsAfterDeregister(t *testing.T, w *watcher) {
	a, b := pair(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		var buf [64]byte
		for {
			select {
			case <-stop:
				return
			default:
				writeFD(b, buf[:1])
				readFD(a, buf[:])
				time.Sleep(10 * time.Microsecond)
			}
		}
	})
	defer wg.Wait()
	defer close(stop)
	for i := range Token(10) {
		w.register(a, i, Readable|Writable, Mode(i%3))
		w.expect(seen{i, readyWritable})
		w.deregister(a)
		w.none()
	}
}

// fdReuse closes a descriptor whose event is in the batch, and gives its number
// to another one, with a registration of its own.
func fdReuse(t *testing.T, w *watcher) {
	a, _ := pair(t)
	b, _ := pair(t)
	w.register(a, 1, Writable, Level)
	w.register(b, 2, Writable, Level)
	w.deregister(a)
	closeFD(t, a)
	c, _, _ := pairWith(t, a)
	w.register(c, 3, Readable, Level) // not ready
	w.want(2, readyWritable)
	w.deregister(b)
	w.deregister(c)

	l := newLoop(t, Config{})
	d, _ := pair(t)
	e, _ := pair(t)
	fds := map[Token]FD{1: d, 2: e}
	for token, fd := range fds {
		must(t, l.Register(fd, token, Writable, Level))
	}
	h := &scripted{}
	h.writable = func(l *Loop[int], token Token, _ Ready) {
		other := fds[3-token]
		must(t, l.Deregister(other))
		closeFD(t, other)
		again, _, _ := pairWith(t, other)
		must(t, l.Register(again, 3, Readable, Level))
	}
	once(t, l, h, -1)
	if len(h.calls) != 1 || h.calls[0].token == 3 {
		t.Fatalf("calls %v, want one of the first registrations", h.calls)
	}
	if s := l.Stats(); s.Events != 2 || s.Stale != 1 || s.Registered != 2 {
		t.Fatalf("both events were to be in one batch: %+v", s)
	}
}

// registerChurn registers and deregisters with random masks and modes. What is
// reported must be registered, under the token reported.
func registerChurn(t *testing.T, w *watcher) {
	var fds [16]FD
	for i := range fds {
		a, b := pair(t)
		fds[i] = a
		if i%2 == 0 {
			write(t, b, "x")
		}
	}
	masks := int(w.interests()) // without a gap, from 1
	rng := rand.New(rand.NewPCG(1, 2))
	registered := map[FD]Token{}
	for i := range behaviours.Budget(t, "register_churn_10k") {
		fd, token := fds[rng.IntN(len(fds))], Token(i)
		interest, mode := Interest(1+rng.IntN(masks)), Mode(rng.IntN(3))
		switch _, known := registered[fd]; {
		case known && rng.IntN(2) == 0:
			w.deregister(fd)
			delete(registered, fd)
		case known:
			w.reregister(fd, token, interest, mode)
			registered[fd] = token
		default:
			w.register(fd, token, interest, mode)
			registered[fd] = token
		}
		if rng.IntN(4) > 0 {
			continue
		}
		n, err := w.Wait(w.events[:], 0)
		must(t, err)
		for _, ev := range w.events[:n] {
			if !contains(registered, ev.Token()) {
				t.Fatalf("round %d: event of %d, which was replaced", i, ev.Token())
			}
		}
	}
	for fd := range registered {
		w.deregister(fd)
	}
	w.none()
}

func contains(registered map[FD]Token, token Token) bool {
	for _, t := range registered {
		if t == token {
			return true
		}
	}
	return false
}
