package reactor

import (
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

// behaviour is a test by the name under which the behaviour is known.
type behaviour struct {
	name string
	run  func(*testing.T, *watcher)
}

func runBehaviours(t *testing.T, behaviours []behaviour) {
	for _, b := range behaviours {
		t.Run(b.name, func(t *testing.T) {
			checkLeaks(t)
			b.run(t, newWatcher(t))
		})
	}
}

func TestAFDRegistration(t *testing.T) {
	runBehaviours(t, []behaviour{
		{"register_deregister", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 7, Readable, Level)
			b.write("x")
			w.want(7, readyReadable)
			must(t, w.Deregister(a.fd))
			w.none()
		}},
		{"double_register_fails", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			w.register(a, 7, Readable, Level)
			err := w.Register(a.fd, 8, Writable, Level)
			wantIs(t, err, syscall.EEXIST)
			wantIs(t, err, fs.ErrExist)
			w.none() // the registration is the first one still, and not writable
			wantIs(t, w.Register(a.fd, 8, Writable, Level), syscall.EEXIST)
		}},
		{"deregister_unknown_fails", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			wantIs(t, w.Deregister(a.fd), syscall.ENOENT)
		}},
		{"reregister_unknown_fails", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			wantIs(t, w.Reregister(a.fd, 1, Readable, Level), syscall.ENOENT)
		}},
		{"reregister_changes_token_and_interest", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			b.write("x")
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
				b.write("x")
				w.register(a, 1, Readable, mode)
				w.want(1, readyReadable)
				w.reregister(a, 2, Readable, mode)
				w.want(2, readyReadable)
				must(t, w.Deregister(a.fd))
			}
		}},
		{"register_during_wait_wakes_it", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			b.write("x")
			done := make(chan error, 1)
			go func() {
				waitForWaiter(w.Poll)
				done <- w.Register(a.fd, 9, Readable, Edge)
			}()
			w.one(9)
			must(t, <-done)
			w.none()
		}},
		{"registry_from_three_goroutines_while_waiting", func(t *testing.T, w *watcher) {
			const each = 20
			var wg sync.WaitGroup
			var peers [3 * each]*peer
			for i := range peers {
				a, b := pair(t)
				peers[i] = a
				b.write("x")
			}
			for g := range 3 {
				wg.Go(func() {
					for i := g * each; i < (g+1)*each; i++ {
						if err := w.Register(peers[i].fd, Token(i), Readable, OneShot); err != nil {
							t.Error(err)
						}
					}
				})
			}
			got := map[Token]bool{}
			for len(got) < len(peers) {
				n, err := w.Wait(w.events[:], 5*time.Second)
				must(t, err)
				if n == 0 {
					t.Fatalf("%d of %d", len(got), len(peers))
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
			w.none()
			b.write("x")
			must(t, w.Deregister(a.fd))
			b.write("y")
			w.none()
		}},
		{"deregistered_listener_with_pending_connection", func(t *testing.T, w *watcher) {
			l, nl := listen(t)
			connectTo(t, nl)
			w.register(l, 1, Readable, Level)
			w.want(1, readyReadable)
			must(t, w.Deregister(l.fd))
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
			var dup windows.Handle
			self := windows.CurrentProcess()
			must(t, windows.DuplicateHandle(self, a.handle(), self, &dup, 0, false, windows.DUPLICATE_SAME_ACCESS))
			defer windows.Closesocket(dup)
			w.register(a, 1, Readable, Level)
			w.none()
			b.write("x")
			w.one(1)
			must(t, w.Deregister(a.fd))
			a.close()
			w.none()
		}},
		{"close_without_deregister_is_harmless", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			w.none()
			b.write("x")
			w.one(1)
			a.close()
			w.none()
			wantIs(t, w.Deregister(a.fd), syscall.EBADF)
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
			wantIs(t, w2.Register(a.fd, 2, Readable, Level), syscall.EBUSY)
			b.write("x")
			w.one(1)
			must(t, w.Deregister(a.fd))
			w2.register(a, 2, Readable, Level)
			w2.one(2)
			wantIs(t, w.Register(a.fd, 1, Readable, Level), syscall.EBUSY)
			must(t, w2.Close())
			w.register(a, 1, Readable, Level)
			w.one(1)
		}},
		{"regular_file_is_refused", func(t *testing.T, w *watcher) {
			f, err := os.Open(os.Args[0]) // this program's own file
			must(t, err)
			defer f.Close()
			fd, err := FDOf(f)
			must(t, err)
			err = w.Register(fd, 1, Readable, Level)
			wantIs(t, err, syscall.EPERM)
			wantIs(t, err, fs.ErrPermission)
		}},
		{"pipe_is_refused", func(t *testing.T, w *watcher) {
			r, pw, err := os.Pipe()
			must(t, err)
			defer r.Close()
			defer pw.Close()
			fd, err := FDOf(r)
			must(t, err)
			wantIs(t, w.Register(fd, 1, Readable, Level), errors.ErrUnsupported)
		}},
		{"closed_fd_is_refused", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			a.close()
			for _, mode := range []Mode{Level, Edge, OneShot} {
				wantIs(t, w.Register(a.fd, 1, Readable, mode), syscall.EBADF)
				wantIs(t, w.Reregister(a.fd, 1, Readable, mode), syscall.EBADF)
			}
			wantIs(t, w.Deregister(a.fd), syscall.EBADF)
			wantIs(t, SetNonblock(a.fd), syscall.EBADF)
		}},
		{"bad_fd_is_refused", func(t *testing.T, w *watcher) {
			for _, fd := range []FD{0, ^FD(0), 1 << 31, 0x7ffffff0} {
				wantIs(t, w.Register(fd, 1, Readable, Level), syscall.EBADF)
				wantIs(t, w.Deregister(fd), syscall.EBADF)
				wantIs(t, SetNonblock(fd), syscall.EBADF)
			}
		}},
		{"empty_interest_is_refused", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			wantIs(t, w.Register(a.fd, 1, 0, Level), syscall.EINVAL)
			wantIs(t, w.Register(a.fd, 1, hangup|Readable, Level), syscall.EINVAL)
			wantIs(t, w.Deregister(a.fd), syscall.ENOENT)
		}},
		{"register_churn_10k", func(t *testing.T, w *watcher) {
			var peers [16]*peer
			for i := range peers {
				a, b := pair(t)
				peers[i] = a
				if i%2 == 0 {
					b.write("x")
				}
			}
			rng := rand.New(rand.NewPCG(1, 2))
			registered := map[*peer]Token{}
			for i := range 10_000 {
				p := peers[rng.IntN(len(peers))]
				interest, mode := Interest(1+rng.IntN(7)), Mode(rng.IntN(3))
				if _, ok := registered[p]; ok && rng.IntN(2) == 0 {
					must(t, w.Deregister(p.fd))
					delete(registered, p)
				} else if ok {
					w.reregister(p, Token(i), interest, mode)
					registered[p] = Token(i)
				} else {
					w.register(p, Token(i), interest, mode)
					registered[p] = Token(i)
				}
				if rng.IntN(4) > 0 {
					continue
				}
				n, err := w.Wait(w.events[:], 0)
				must(t, err)
				for _, ev := range w.events[:n] {
					known := false
					for _, token := range registered {
						known = known || token == ev.Token()
					}
					if !known {
						t.Fatalf("round %d: event of %d, which was replaced", i, ev.Token())
					}
				}
			}
			if n := len(w.sel.slab.watched); n != chunkRecords {
				t.Fatalf("16 sockets have taken %d records", n)
			}
		}},
		{"poll_close_with_registrations", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			b, _ := pair(t)
			w.register(a, 1, Readable, Level)
			w.none()
			w.register(b, 1, Readable, Level)
			must(t, w.Close())
			for _, err := range []error{
				w.Register(b.fd, 1, Readable, Level),
				w.Reregister(a.fd, 1, Readable, Level),
				w.Deregister(a.fd),
				w.Rearm(a.fd, Readable),
			} {
				wantIs(t, err, os.ErrClosed)
			}
			must(t, SetNonblock(a.fd)) // it is open still
		}},
		{"poll_closed_twice", func(t *testing.T, w *watcher) {
			must(t, w.Close())
			other := newWatcher(t) // takes the handles that Close has given back
			must(t, w.Close())
			a, _ := pair(t)
			other.register(a, 1, Writable, Level)
			other.want(1, readyWritable)
		}},
		{"create_and_close_2000_polls_leaks_nothing", func(t *testing.T, w *watcher) {
			before := openHandles(t)
			for range 2000 {
				p, err := NewPoll(PollConfig{})
				must(t, err)
				_, err = p.NewWaker(1)
				must(t, err)
				must(t, p.Close())
			}
			if after := openHandles(t); after > before+40 {
				t.Fatalf("handles before %d, after %d", before, after)
			}
		}},
	})
}

func TestAFDWaiting(t *testing.T) {
	runBehaviours(t, []behaviour{
		{"zero_timeout_returns_ready_events_and_never_blocks", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			for range 100 {
				if n, err := w.Wait(w.events[:], 0); n != 0 || err != nil {
					t.Fatal(n, err)
				}
			}
			w.register(a, 1, Writable, Level)
			if n, err := w.Wait(w.events[:], 0); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}},
		{"timeout_never_early", func(t *testing.T, w *watcher) {
			timeouts := []time.Duration{100 * time.Microsecond, time.Millisecond + 1, 3100 * time.Microsecond}
			for i := range 1000 {
				timeout := timeouts[i%len(timeouts)]
				start := time.Now()
				n, err := w.Wait(w.events[:], timeout)
				if d := time.Since(start); n != 0 || err != nil || d < timeout {
					t.Fatalf("Wait(%v) = %d, %v after %v", timeout, n, err, d)
				}
			}
		}},
		{"negative_timeout_waits_for_ever", func(t *testing.T, w *watcher) {
			wakenFrom(t, w, -1, -time.Hour, math.MinInt64)
		}},
		{"timeout_beyond_24_days_and_beyond_49_days", func(t *testing.T, w *watcher) {
			const day = 24 * time.Hour
			wakenFrom(t, w, 25*day, 50*day, 100*365*day, math.MaxInt64)
			if ms := portTimeout(50 * day); ms != math.MaxUint32-1 {
				t.Fatal(ms)
			}
		}},
		{"more_ready_than_capacity_starves_none", func(t *testing.T, w *watcher) {
			for _, mode := range []Mode{Level, Edge} {
				const fds = 40
				var peers []*peer
				reported := map[Token]int{}
				for i := range Token(fds) {
					a, _ := pair(t)
					w.register(a, Token(mode)<<8|i, Writable, mode)
					peers = append(peers, a)
				}
				for range fds / 4 {
					n, err := w.Wait(w.events[:4], time.Second)
					must(t, err)
					for _, ev := range w.events[:n] {
						reported[ev.Token()]++
					}
				}
				if len(reported) != fds {
					t.Fatalf("%v: %d of %d reported in one round", mode, len(reported), fds)
				}
				for _, p := range peers {
					must(t, w.Deregister(p.fd))
				}
			}
		}},
		{"nothing_registered_sleeps", func(t *testing.T, w *watcher) { w.none() }},
		{"wait_on_closed_poll_fails", func(t *testing.T, w *watcher) {
			must(t, w.Close())
			_, err := w.Wait(w.events[:], -1)
			wantIs(t, err, os.ErrClosed)
		}},
		{"close_wakes_a_waiter", func(t *testing.T, w *watcher) {
			for _, timeout := range []time.Duration{-1, time.Hour} {
				w := newWatcher(t)
				go func() {
					waitForWaiter(w.Poll)
					w.Close()
				}()
				_, err := w.Wait(w.events[:], timeout)
				wantIs(t, err, os.ErrClosed)
			}
		}},
		{"spinning", func(t *testing.T, _ *watcher) {
			p, err := NewPoll(PollConfig{Wait: Spin})
			must(t, err)
			defer p.Close()
			w := &watcher{Poll: p, t: t}
			w.none()
			a, b := pair(t)
			w.register(a, 1, Readable, Edge)
			var wg sync.WaitGroup
			wg.Go(func() { b.write("x") })
			w.want(1, readyReadable)
			wg.Wait()
			w.none()
			must(t, w.Deregister(a.fd))
		}},
		{"second_wait_is_an_error", func(t *testing.T, w *watcher) {
			done := make(chan error, 1)
			go func() {
				waitForWaiter(w.Poll)
				_, err := w.Wait(make([]Event, 1), 0)
				w.Close()
				done <- err
			}()
			_, err := w.Wait(w.events[:], -1)
			wantIs(t, err, os.ErrClosed)
			wantIs(t, <-done, syscall.EBUSY)
		}},
	})
}

// wakenFrom sees that a wait with each of the timeouts lasts until it is woken.
func wakenFrom(t *testing.T, w *watcher, timeouts ...time.Duration) {
	t.Helper()
	waker, err := w.NewWaker(1)
	must(t, err)
	for _, timeout := range timeouts {
		var woken atomic.Bool
		go func() {
			waitForWaiter(w.Poll)
			time.Sleep(5 * time.Millisecond)
			woken.Store(true)
			waker.Wake()
		}()
		if n, err := w.Wait(w.events[:], timeout); n != 1 || err != nil || !woken.Load() {
			t.Fatal(timeout, n, err)
		}
	}
}

func TestAFDWakers(t *testing.T) {
	withWaker := func(run func(*testing.T, *watcher, *Waker)) func(*testing.T, *watcher) {
		return func(t *testing.T, w *watcher) {
			waker, err := w.NewWaker(5)
			must(t, err)
			run(t, w, waker)
		}
	}
	runBehaviours(t, []behaviour{
		{"wake_before_wait_is_delivered", withWaker(func(t *testing.T, w *watcher, waker *Waker) {
			must(t, waker.Wake())
			w.want(5, readyReadable)
			w.none()
		})},
		{"many_wakes_are_one_event", withWaker(func(t *testing.T, w *watcher, waker *Waker) {
			for range 100 {
				must(t, waker.Wake())
			}
			w.one(5)
			w.none()
		})},
		{"wake_from_another_goroutine", withWaker(func(t *testing.T, w *watcher, waker *Waker) {
			go func() {
				waitForWaiter(w.Poll)
				waker.Wake()
			}()
			w.one(5)
		})},
		{"wakes_from_10_goroutines", withWaker(func(t *testing.T, w *watcher, waker *Waker) {
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					for range 1000 {
						if err := waker.Wake(); err != nil {
							t.Error(err)
						}
					}
				})
			}
			w.one(5)
			wg.Wait()
			w.Wait(w.events[:], 0)
			w.none()
		})},
		{"two_wakers", withWaker(func(t *testing.T, w *watcher, waker *Waker) {
			other, err := w.NewWaker(6)
			must(t, err)
			must(t, other.Wake())
			w.one(6)
			must(t, waker.Wake())
			w.one(5)
		})},
		{"closed_waker", withWaker(func(t *testing.T, w *watcher, waker *Waker) {
			must(t, waker.Wake())
			must(t, waker.Close())
			must(t, waker.Close())
			wantIs(t, waker.Wake(), os.ErrClosed)
			w.none()
		})},
		{"waker_of_a_closed_poll", withWaker(func(t *testing.T, w *watcher, waker *Waker) {
			must(t, w.Close())
			wantIs(t, waker.Wake(), os.ErrClosed)
			must(t, waker.Close())
		})},
		{"no_lost_wake", withWaker(noLostWake)},
	})
}

// noLostWake lets two goroutines wake each other in turn.
func noLostWake(t *testing.T, ping *watcher, pingWaker *Waker) {
	rounds := 100_000
	if testing.Short() {
		rounds = 5_000
	}
	pong := newWatcher(t)
	pongWaker, err := pong.NewWaker(6)
	must(t, err)
	done := make(chan error, 1)
	go func() {
		for range rounds {
			if n, err := pong.Wait(pong.events[:], 10*time.Second); n != 1 {
				done <- errors.Join(errors.New("pong was not woken"), err)
				return
			}
			pingWaker.Wake()
		}
		done <- nil
	}()
	for range rounds {
		must(t, pongWaker.Wake())
		ping.one(5)
	}
	must(t, <-done)
}
