//go:build unix

package reactor

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestRegistration(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, *watcher)
	}{
		{"register_deregister", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 7, Readable, Level)
			write(t, b, "x")
			if r := w.one(7); !r.IsReadable() || r.IsWritable() {
				t.Fatal(r)
			}
			w.deregister(a)
			w.none()
		}},
		{"double_register_fails", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			w.register(a, 7, Readable, Level)
			err := w.Register(FD(a), 8, Writable, Level)
			wantIs(t, err, syscall.EEXIST)
			wantIs(t, err, fs.ErrExist)
			if op := (*OpError)(nil); !errors.As(err, &op) || op.Op != "register" || op.FD != FD(a) {
				t.Fatalf("%#v", err)
			}
			w.none() // the registration is the first one still, and not writable
		}},
		{"deregister_unknown_fails", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			wantIs(t, w.Deregister(FD(a)), syscall.ENOENT)
		}},
		{"reregister_unknown_fails", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			wantIs(t, w.Reregister(FD(a), 1, Readable, Level), syscall.ENOENT)
		}},
		{"reregister_changes_token_and_interest", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			write(t, b, "x")
			w.register(a, 1, Readable, Level)
			w.reregister(a, 2, Writable, Level)
			if r := w.one(2); r.IsReadable() || !r.IsWritable() {
				t.Fatal(r)
			}
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
				w.one(1)
				w.reregister(a, 2, Readable, mode)
				if r := w.one(2); !r.IsReadable() {
					t.Fatal(mode, r)
				}
				w.deregister(a)
			}
		}},
		{"register_during_wait_wakes_it", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			write(t, b, "x")
			entered := make(chan struct{})
			done := make(chan error, 1)
			go func() {
				<-entered
				waitForWaiter(w.Poll)
				done <- w.Register(FD(a), 9, Readable, Edge)
			}()
			close(entered)
			w.one(9)
			must(t, <-done)
			w.none()
		}},
		{"registry_from_three_goroutines_while_waiting", func(t *testing.T, w *watcher) {
			const each = 20
			var wg sync.WaitGroup
			fds := make([]int, 3*each)
			for i := range fds {
				a, b := pair(t)
				fds[i] = a
				write(t, b, "x")
			}
			for g := range 3 {
				wg.Go(func() {
					for i := g * each; i < (g+1)*each; i++ {
						if err := w.Register(FD(fds[i]), Token(i), Readable, OneShot); err != nil {
							t.Error(err)
						}
					}
				})
			}
			got := map[Token]bool{}
			for len(got) < len(fds) {
				n, err := w.Wait(w.events[:], 2*time.Second)
				must(t, err)
				if n == 0 {
					t.Fatalf("%d of %d", len(got), len(fds))
				}
				for _, ev := range w.events[:n] {
					got[ev.Token()] = true
				}
			}
			wg.Wait()
		}},
		{"no_events_after_deregister", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			write(t, b, "x")
			w.deregister(a)
			write(t, b, "y")
			w.none()
		}},
		{"deregistered_listener_with_pending_connection", func(t *testing.T, w *watcher) {
			l, _ := listenerWithPending(t)
			w.register(l, 1, Readable, Level)
			w.one(1)
			w.deregister(l)
			waker, err := w.NewWaker(2)
			must(t, err)
			go func() {
				waitForWaiter(w.Poll)
				waker.Wake()
			}()
			n, err := w.Wait(w.events[:], -1)
			must(t, err)
			if n != 1 || w.events[0].Token() != 2 {
				t.Fatal(n, w.events[0].Token())
			}
		}},
		{"dup_deregister_close_no_spin", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			dup, err := syscall.Dup(a)
			must(t, err)
			owned(t, dup)
			w.register(a, 1, Readable, Level)
			write(t, b, "x")
			w.deregister(a)
			closeFD(t, a)
			w.none()
		}},
		{"close_without_deregister_is_harmless", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			write(t, b, "x")
			closeFD(t, a)
			w.none()
			wantIs(t, w.Deregister(FD(a)), syscall.EBADF)
			c, d := pair(t) // takes the number again
			w.register(c, 2, Readable, Level)
			write(t, d, "x")
			w.one(2)
		}},
		{"same_token_on_two_fds", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Writable, Level)
			w.register(b, 1, Writable, Level)
			n, err := w.Wait(w.events[:], time.Second)
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
			w.one(1)
			w2.one(2)
		}},
		{"regular_file_is_refused", func(t *testing.T, w *watcher) {
			f, err := os.Create(filepath.Join(t.TempDir(), "file"))
			must(t, err)
			defer f.Close()
			fd, err := FDOf(f)
			must(t, err)
			err = w.Register(fd, 1, Readable, Level)
			wantIs(t, err, syscall.EPERM)
			wantIs(t, err, fs.ErrPermission)
		}},
		{"closed_fd_is_refused", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			closeFD(t, a)
			for _, mode := range []Mode{Level, Edge, OneShot} {
				wantIs(t, w.Register(FD(a), 1, Readable, mode), syscall.EBADF)
				wantIs(t, w.Reregister(FD(a), 1, Readable, mode), syscall.EBADF)
			}
			wantIs(t, w.Deregister(FD(a)), syscall.EBADF)
		}},
		{"bad_fd_is_refused", func(t *testing.T, w *watcher) {
			for _, fd := range []FD{^FD(0), 1 << 31} {
				for _, mode := range []Mode{Level, Edge} {
					wantIs(t, w.Register(fd, 1, Readable, mode), syscall.EBADF)
				}
				wantIs(t, w.Deregister(fd), syscall.EBADF)
				wantIs(t, SetNonblock(fd), syscall.EBADF)
			}
		}},
		{"empty_interest_is_refused", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			wantIs(t, w.Register(FD(a), 1, 0, Level), syscall.EINVAL)
			wantIs(t, w.Register(FD(a), 1, 0x80|Readable, Level), syscall.EINVAL)
			wantIs(t, w.Register(FD(a), 1, Readable, OneShot+1), syscall.EINVAL)
			wantIs(t, w.Reregister(FD(a), 1, 0, Level), syscall.EINVAL)
			wantIs(t, w.Deregister(FD(a)), syscall.ENOENT)
		}},
		{"blocking_descriptor_is_refused_for_edge", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			must(t, syscall.SetNonblock(a, false))
			wantIs(t, w.Register(FD(a), 1, Readable, Edge), ErrBlocking)
			w.register(a, 1, Readable, Level)
			wantIs(t, w.Reregister(FD(a), 1, Readable, Edge), ErrBlocking)
			must(t, SetNonblock(FD(a)))
			w.reregister(a, 1, Readable, Edge)
		}},
		{"register_churn_10k", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			c, d := pair(t)
			write(t, b, "x")
			r := rand.New(rand.NewPCG(1, 2))
			masks := int(w.interests()) // without a gap, from 1
			for range 10_000 {
				fd := []int{a, b, c, d}[r.IntN(4)]
				w.register(fd, Token(fd), Interest(1+r.IntN(masks)), Mode(r.IntN(3)))
				if r.IntN(2) == 0 {
					w.reregister(fd, Token(fd), Interest(1+r.IntN(masks)), Mode(r.IntN(3)))
				}
				n, err := w.Wait(w.events[:], 0)
				must(t, err)
				for _, ev := range w.events[:n] {
					if ev.Token() != Token(fd) {
						t.Fatal(n, ev.Token())
					}
				}
				w.deregister(fd)
			}
			w.none()
		}},
		{"poll_close_with_registrations", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			must(t, w.Close())
			write(t, b, "x") // the descriptors are open still
			for _, err := range []error{
				w.Register(FD(b), 1, Readable, Level),
				w.Reregister(FD(a), 1, Readable, Level),
				w.Deregister(FD(a)),
				w.Rearm(FD(a), Readable),
			} {
				wantIs(t, err, os.ErrClosed)
			}
			_, err := w.NewWaker(1)
			wantIs(t, err, os.ErrClosed)
		}},
		{"poll_closed_twice", func(t *testing.T, w *watcher) {
			must(t, w.Close())
			a, _ := pair(t) // takes the numbers that Close has given back
			must(t, w.Close())
			must(t, SetNonblock(FD(a)))
		}},
		{"create_and_close_2000_polls_leaks_nothing", func(t *testing.T, w *watcher) {
			for range 2000 {
				p := newPoll(nopCleanup{t})
				_, err := p.NewWaker(1)
				must(t, err)
				must(t, p.Close())
			}
		}},
		{"errors_name_the_call_and_the_descriptor", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			w.register(a, 1, Readable, Level)
			err := w.Register(FD(a), 1, Readable, Level)
			if got := err.Error(); !strings.HasPrefix(got, "reactor: register fd ") || !strings.HasSuffix(got, ": file exists") {
				t.Fatal(got)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			c.run(t, newWatcher(t))
		})
	}
}

// nopCleanup drops the clean-up that a test does itself.
type nopCleanup struct{ testing.TB }

func (nopCleanup) Cleanup(func()) {}

// waitForWaiter returns when a goroutine is in p.Wait. It may not be asleep
// yet, which the tests that call it must not depend on.
func waitForWaiter(p *Poll) {
	for p.gate.state.Load()&aloneBit == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(5 * time.Millisecond)
}

func listenerWithPending(t *testing.T) (listener, client int) {
	t.Helper()
	l, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	must(t, err)
	owned(t, l)
	must(t, syscall.Bind(l, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(t, syscall.Listen(l, 4096))
	return l, connect(t, l)
}

// connect starts a connection to a listening socket.
func connect(t testing.TB, listener int) int {
	t.Helper()
	sa, err := syscall.Getsockname(listener)
	must(t, err)
	c, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	must(t, err)
	owned(t, c)
	if err := syscall.Connect(c, sa); err != syscall.EINPROGRESS {
		must(t, err)
	}
	return c
}
