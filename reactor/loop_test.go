//go:build unix

package reactor

import (
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/metalio/metalio/msgq"
	"github.com/metalio/metalio/signals"
	"github.com/metalio/metalio/timers"
)

// scripted is a Handler made of functions, that notes every call.
type scripted struct {
	readable func(l *Loop[int], token Token, ready Ready)
	writable func(l *Loop[int], token Token, ready Ready)
	message  func(l *Loop[int], msg int)
	timeout  func(l *Loop[int], token Token, overruns uint32)
	signal   func(l *Loop[int], sig os.Signal)
	calls    []call
}

type call struct {
	method string
	token  Token
}

func (s *scripted) Readable(l *Loop[int], token Token, ready Ready) {
	s.calls = append(s.calls, call{"readable", token})
	if s.readable != nil {
		s.readable(l, token, ready)
	}
}

func (s *scripted) Writable(l *Loop[int], token Token, ready Ready) {
	s.calls = append(s.calls, call{"writable", token})
	if s.writable != nil {
		s.writable(l, token, ready)
	}
}

func (s *scripted) Message(l *Loop[int], msg int) {
	s.calls = append(s.calls, call{"message", Token(msg)})
	if s.message != nil {
		s.message(l, msg)
	}
}

func (s *scripted) Timeout(l *Loop[int], token Token, overruns uint32) {
	s.calls = append(s.calls, call{"timeout", token})
	if s.timeout != nil {
		s.timeout(l, token, overruns)
	}
}

func (s *scripted) Signal(l *Loop[int], sig os.Signal) {
	s.calls = append(s.calls, call{"signal", Token(sig.(syscall.Signal))})
	if s.signal != nil {
		s.signal(l, sig)
	}
}

func (s *scripted) want(t *testing.T, want ...call) {
	t.Helper()
	if !slices.Equal(s.calls, want) {
		t.Fatalf("calls %v, want %v", s.calls, want)
	}
	s.calls = nil
}

func newLoop(t testing.TB, cfg Config) *Loop[int] {
	t.Helper()
	l, err := NewLoop[int](cfg)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no backend for " + runtime.GOOS + " yet")
	}
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

func once(t testing.TB, l *Loop[int], h Handler[int], timeout time.Duration) int {
	t.Helper()
	n, err := l.RunOnce(h, timeout)
	must(t, err)
	return n
}

func TestLoop(t *testing.T) {
	for _, p := range policies {
		t.Run(p.name, func(t *testing.T) { testLoop(t, p.policy) })
	}
}

func testLoop(t *testing.T, policy WaitPolicy) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, *Loop[int], *scripted)
	}{
		{"turn_order", func(t *testing.T, l *Loop[int], h *scripted) {
			a, _ := pair(t)
			must(t, l.Register(FD(a), 1, Writable, Level))
			_, err := l.After(0, 3)
			must(t, err)
			must(t, l.Sender().TrySend(2))
			if n := once(t, l, h, -1); n != 3 {
				t.Fatal(n)
			}
			h.want(t, call{"writable", 1}, call{"message", 2}, call{"timeout", 3})
		}},
		{"readable_before_writable", func(t *testing.T, l *Loop[int], h *scripted) {
			a, b := pair(t)
			write(t, b, "x")
			must(t, l.Register(FD(a), 1, Readable|Writable, Edge))
			once(t, l, h, -1)
			h.want(t, call{"readable", 1}, call{"writable", 1})
		}},
		{"stop_from_handler_and_from_another_goroutine", func(t *testing.T, l *Loop[int], h *scripted) {
			h.message = func(l *Loop[int], msg int) { l.Stop() }
			must(t, l.Sender().TrySend(1))
			must(t, l.Run(h))
			go func() {
				waitForWaiter(l.Poll())
				l.Stop()
			}()
			must(t, l.Run(h))
			go func() {
				waitForWaiter(l.Poll())
				l.Stop()
			}()
			if n := once(t, l, h, -1); n != 0 {
				t.Fatal(n)
			}
		}},
		{"stop_before_run", func(t *testing.T, l *Loop[int], h *scripted) {
			l.Stop()
			l.Stop()
			must(t, l.Sender().TrySend(1))
			must(t, l.Run(h))
			h.want(t)
			l.Stop()
			if n := once(t, l, h, -1); n != 0 {
				t.Fatal(n)
			}
			once(t, l, h, -1)
			h.want(t, call{"message", 1})
		}},
		{"run_twice", func(t *testing.T, l *Loop[int], h *scripted) {
			h.message = func(l *Loop[int], msg int) { l.Stop() }
			for i := range 2 {
				must(t, l.Sender().TrySend(i))
				must(t, l.Run(h))
			}
			h.want(t, call{"message", 0}, call{"message", 1})
		}},
		{"run_inside_a_handler_is_an_error", func(t *testing.T, l *Loop[int], h *scripted) {
			h.message = func(l *Loop[int], msg int) {
				_, err := l.RunOnce(h, 0)
				wantIs(t, err, syscall.EBUSY)
				wantIs(t, l.Run(h), syscall.EBUSY)
			}
			must(t, l.Sender().TrySend(1))
			once(t, l, h, -1)
			h.want(t, call{"message", 1})
		}},
		{"panic_in_handler_leaves_loop_closable", func(t *testing.T, l *Loop[int], h *scripted) {
			a, b := pair(t)
			c, d := pair(t)
			write(t, b, "x")
			write(t, d, "x")
			must(t, l.Register(FD(a), 1, Readable, Edge))
			must(t, l.Register(FD(c), 2, Readable, Edge))
			h.readable = func(l *Loop[int], token Token, ready Ready) {
				h.readable = nil
				panic("handler")
			}
			func() {
				defer func() {
					if recover() == nil {
						t.Fatal("the panic did not pass through")
					}
				}()
				l.Run(h)
			}()
			once(t, l, h, 0) // the other edge is not lost
			h.want(t, call{"readable", 1}, call{"readable", 2})
			must(t, l.Close())
		}},
		{"stale_event_in_batch_after_deregister_is_dropped", func(t *testing.T, l *Loop[int], h *scripted) {
			a, b := pair(t)
			fds := map[Token]int{1: a, 2: b}
			h.writable = func(l *Loop[int], token Token, ready Ready) {
				must(t, l.Deregister(FD(fds[3-token])))
			}
			must(t, l.Register(FD(a), 1, Writable, Level))
			must(t, l.Register(FD(b), 2, Writable, Level))
			once(t, l, h, -1)
			h.want(t, call{"writable", 1})
			if s := l.Stats(); s.Events != 2 || s.Stale != 1 || s.Registered != 1 {
				t.Fatalf("%+v", s)
			}
		}},
		{"fd_reuse_no_stale_event", func(t *testing.T, l *Loop[int], h *scripted) {
			a, _ := pair(t)
			b, _ := pair(t)
			must(t, l.Register(FD(a), 1, Writable, Level))
			must(t, l.Register(FD(b), 2, Writable, Level))
			h.writable = func(l *Loop[int], token Token, ready Ready) {
				if token != 1 {
					return
				}
				must(t, l.Deregister(FD(b)))
				closeFD(t, b)
				r, _ := pipe(t) // its read end, which is not ready, takes the number
				if r != b {
					t.Fatalf("number %d, want %d", r, b)
				}
				must(t, l.Register(FD(r), 3, Readable, Level))
			}
			once(t, l, h, -1)
			h.want(t, call{"writable", 1})
		}},
		{"close_without_deregister_and_reuse", func(t *testing.T, l *Loop[int], h *scripted) {
			a, peer := pair(t)
			dup, err := syscall.Dup(a) // keeps the kernel's registration alive
			must(t, err)
			owned(t, dup)
			must(t, l.Register(FD(a), 1, Readable, Level))
			write(t, peer, "x")
			closeFD(t, a)
			b, c := pair(t)
			if b != a {
				t.Fatalf("number %d, want %d", b, a)
			}
			must(t, l.Register(FD(b), 2, Readable, Level))
			write(t, c, "x")
			once(t, l, h, -1)
			h.want(t, call{"readable", 2})
			if n := l.Stats().Registered; n != 1 {
				t.Fatal(n)
			}
		}},
		{"deregister_after_close_forgets", func(t *testing.T, l *Loop[int], h *scripted) {
			a, _ := pair(t)
			must(t, l.Register(FD(a), 1, Writable, Level))
			closeFD(t, a)
			wantIs(t, l.Deregister(FD(a)), syscall.EBADF)
			wantIs(t, l.Deregister(FD(a)), syscall.ENOENT)
			wantIs(t, l.Reregister(FD(a), 1, Readable, Level), syscall.ENOENT)
			if n := l.Stats().Registered; n != 0 {
				t.Fatal(n)
			}
		}},
		{"failed_register_leaves_nothing", func(t *testing.T, l *Loop[int], h *scripted) {
			a, _ := pair(t)
			wantIs(t, l.Register(FD(a), 1, 0, Level), syscall.EINVAL)
			must(t, l.Register(FD(a), 1, Writable, Level))
			wantIs(t, l.Register(FD(a), 2, Writable, Level), syscall.EEXIST)
			wantIs(t, l.Reregister(FD(a), 2, 0, Level), syscall.EINVAL)
			once(t, l, h, -1)
			h.want(t, call{"writable", 1})
			if n := l.Stats().Registered; n != 1 {
				t.Fatal(n)
			}
		}},
		{"handler_registers_and_deregisters_freely", func(t *testing.T, l *Loop[int], h *scripted) {
			a, b := pair(t)
			c, d := pair(t)
			write(t, b, "x")
			write(t, d, "x")
			h.readable = func(l *Loop[int], token Token, ready Ready) {
				if token == 1 {
					must(t, l.Deregister(FD(a)))
					must(t, l.Register(FD(a), 2, Writable, Level))
					must(t, l.Reregister(FD(c), 3, Readable, OneShot))
				}
			}
			must(t, l.Register(FD(a), 1, Readable|Writable, Level))
			must(t, l.Register(FD(c), 4, Readable, Level))
			once(t, l, h, -1)
			// Writable of the registration that has ended is not called, and
			// the other event has the new token.
			h.want(t, call{"readable", 1}, call{"readable", 3})
			once(t, l, h, -1)
			if !slices.Contains(h.calls, call{"writable", 2}) {
				t.Fatal(h.calls)
			}
		}},
		{"reregister_in_readable_withdraws_writable", func(t *testing.T, l *Loop[int], h *scripted) {
			a, b := pair(t)
			write(t, b, "x")
			h.readable = func(l *Loop[int], token Token, ready Ready) {
				must(t, l.Reregister(FD(a), 2, Readable, Level))
			}
			must(t, l.Register(FD(a), 1, Readable|Writable, Level))
			once(t, l, h, -1)
			h.want(t, call{"readable", 1})
		}},
		{"error_alone_reaches_a_handler", func(t *testing.T, l *Loop[int], h *scripted) {
			r, w := pipe(t)
			fill(t, w)
			must(t, l.Register(FD(w), 1, Writable, Level))
			closeFD(t, r) // a full pipe whose reader is gone: ERR, and no OUT
			h.writable = func(l *Loop[int], token Token, ready Ready) {
				if !ready.IsWriteClosed() {
					t.Error(ready)
				}
			}
			once(t, l, h, time.Second)
			h.want(t, call{"writable", 1})

			r2, w2 := pipe(t)
			closeFD(t, w2) // HUP, and no IN
			must(t, l.Deregister(FD(w)))
			must(t, l.Register(FD(r2), 2, Readable, Level))
			once(t, l, h, time.Second)
			h.want(t, call{"readable", 2})
		}},
		{"sources_do_not_starve_each_other", func(t *testing.T, l *Loop[int], h *scripted) {
			a, _ := pair(t)
			must(t, l.Register(FD(a), 1, Writable, Level)) // always ready
			s := l.Sender()
			h.message = func(l *Loop[int], msg int) { must(t, s.TrySend(2)) }
			h.timeout = func(l *Loop[int], token Token, _ uint32) { l.AfterNow(0, 3) }
			must(t, s.TrySend(2))
			_, err := l.After(0, 3)
			must(t, err)
			for range 10 {
				once(t, l, h, -1)
			}
			for _, c := range []call{{"writable", 1}, {"message", 2}, {"timeout", 3}} {
				n := 0
				for _, got := range h.calls {
					if got == c {
						n++
					}
				}
				if n < 10 {
					t.Fatalf("%v: %d calls in 10 turns", c, n)
				}
			}
		}},
		{"runs_one_turn_with_timeout", func(t *testing.T, l *Loop[int], h *scripted) {
			const timeout = 20 * time.Millisecond
			start := time.Now()
			if n := once(t, l, h, timeout); n != 0 || time.Since(start) < timeout {
				t.Fatal(n, time.Since(start))
			}
			if n := once(t, l, h, 0); n != 0 {
				t.Fatal(n)
			}
		}},
		{"closed_loop", func(t *testing.T, l *Loop[int], h *scripted) {
			must(t, l.Close())
			must(t, l.Close())
			wantIs(t, l.Run(h), os.ErrClosed)
			_, err := l.RunOnce(h, 0)
			wantIs(t, err, os.ErrClosed)
			wantIs(t, l.Sender().TrySend(1), msgq.ErrClosed)
			a, _ := pair(t)
			wantIs(t, l.Register(FD(a), 1, Readable, Level), os.ErrClosed)
			l.Stop()
		}},
		{"close_in_a_handler", func(t *testing.T, l *Loop[int], h *scripted) {
			a, b := pair(t)
			must(t, l.Register(FD(a), 1, Writable, Level))
			must(t, l.Register(FD(b), 2, Writable, Level))
			h.writable = func(l *Loop[int], token Token, ready Ready) { l.Close() }
			_, err := l.After(0, 3)
			must(t, err)
			must(t, l.Sender().TrySend(4))
			wantIs(t, l.Run(h), os.ErrClosed)
			h.want(t, call{"writable", 1})
		}},
		{"close_in_a_message", func(t *testing.T, l *Loop[int], h *scripted) {
			h.message = func(l *Loop[int], msg int) { l.Close() }
			_, err := l.After(0, 3)
			must(t, err)
			must(t, l.Sender().TrySend(1))
			must(t, l.Sender().TrySend(2))
			wantIs(t, l.Run(h), os.ErrClosed)
			h.want(t, call{"message", 1})
		}},
		{"stats_add_up", func(t *testing.T, l *Loop[int], h *scripted) {
			a, b := pair(t)
			write(t, b, "x")
			must(t, l.Register(FD(a), 1, Readable|Writable, Level))
			_, err := l.After(0, 2)
			must(t, err)
			_, err = l.After(time.Hour, 3)
			must(t, err)
			must(t, l.Sender().TrySend(4))
			once(t, l, h, -1)
			must(t, l.Sender().TrySend(5))
			s := l.Stats()
			timers, turns := s.TimerLag.Count, s.TurnLag.Count
			s.TimerLag, s.TurnLag, s.Wakes = LagHistogram{}, LagHistogram{}, 0
			if s.Events == 2 { // some systems report each direction by itself
				s.Events = 1
			}
			want := Stats{Turns: 1, Events: 1, Readable: 1, Writable: 1, Messages: 1, Timeouts: 1, Registered: 1, Timers: 1, Queued: 1}
			if s != want || timers != 1 || turns != 1 {
				t.Fatalf("%+v, want %+v; lag of %d timers and %d turns", s, want, timers, turns)
			}
		}},
		{"bad_config", func(t *testing.T, l *Loop[int], h *scripted) {
			for _, cfg := range []Config{{Capacity: -1}, {EventsPerTurn: -1}, {MessagesPerTurn: -1}, {TimersPerTurn: -1}, {Wait: 99}} {
				_, err := NewLoop[int](cfg)
				wantIs(t, err, syscall.EINVAL)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			c.run(t, newLoop(t, Config{Wait: policy}), &scripted{})
		})
	}
}

func TestLoopMessages(t *testing.T) {
	t.Run("fifo_for_each_producer", func(t *testing.T) {
		checkLeaks(t)
		const producers, each = 4, 5000
		l := newLoop(t, Config{MessageCapacity: 64})
		next := make([]int, producers)
		received := 0
		h := &scripted{message: func(l *Loop[int], msg int) {
			p, i := msg/each, msg%each
			if next[p] != i {
				t.Errorf("producer %d: %d, want %d", p, i, next[p])
			}
			next[p]++
			if received++; received == producers*each {
				l.Stop()
			}
		}}
		var wg sync.WaitGroup
		for p := range producers {
			wg.Go(func() {
				for i := range each {
					if err := l.Sender().Send(context.Background(), p*each+i); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		must(t, l.Run(h))
		wg.Wait()
	})
	t.Run("one_syscall_for_a_burst", func(t *testing.T) {
		checkLeaks(t)
		l := newLoop(t, Config{})
		received := 0
		h := &scripted{message: func(l *Loop[int], msg int) {
			if received++; received == 100 {
				l.Stop()
			}
		}}
		go func() {
			waitForWaiter(l.Poll())
			s := l.Sender()
			for i := range 100 {
				s.TrySend(i)
			}
		}()
		must(t, l.Run(h))
		once(t, l, h, 0) // a wake that is under way still
		// The loop may fall asleep again within the burst, but then it has
		// handled something in between.
		if s := l.Stats(); s.Wakes > s.Turns {
			t.Fatalf("%+v", s)
		}
	})
	t.Run("none_while_awake", func(t *testing.T) {
		checkLeaks(t)
		l := newLoop(t, Config{})
		h := &scripted{}
		h.message = func(l *Loop[int], msg int) {
			if msg < 1000 {
				must(t, l.Sender().TrySend(msg+1))
			}
		}
		must(t, l.Sender().TrySend(0))
		for len(h.calls) < 1000 {
			once(t, l, h, -1)
		}
		if s := l.Stats(); s.Wakes != 0 {
			t.Fatalf("%+v", s)
		}
	})
	t.Run("none_while_spinning", func(t *testing.T) {
		checkLeaks(t)
		l := newLoop(t, Config{Wait: Spin})
		must(t, l.Notify(syscall.SIGUSR1))
		h := &scripted{message: func(l *Loop[int], msg int) {
			if msg == 999 {
				l.Stop()
			}
		}}
		go func() {
			syscall.Kill(os.Getpid(), syscall.SIGUSR1)
			for i := range 1000 {
				l.Sender().Send(context.Background(), i)
			}
		}()
		must(t, l.Run(h))
		if s := l.Stats(); s.Wakes != 0 || s.Messages != 1000 {
			t.Fatalf("%+v", s)
		}
	})
	t.Run("full_returns_ErrFull", func(t *testing.T) {
		checkLeaks(t)
		l := newLoop(t, Config{MessageCapacity: 2})
		s := l.Sender()
		must(t, s.TrySend(1))
		must(t, s.TrySend(2))
		wantIs(t, s.TrySend(3), msgq.ErrFull)
		h := &scripted{}
		once(t, l, h, 0)
		h.want(t, call{"message", 1}, call{"message", 2})
		must(t, s.TrySend(3))
	})
	t.Run("messages_per_turn_is_a_bound", func(t *testing.T) {
		checkLeaks(t)
		l := newLoop(t, Config{MessagesPerTurn: 3})
		for i := range 5 {
			must(t, l.Sender().TrySend(i))
		}
		h := &scripted{}
		if n := once(t, l, h, -1); n != 3 {
			t.Fatal(n)
		}
		if n := once(t, l, h, -1); n != 2 {
			t.Fatal(n)
		}
	})
	t.Run("loop_stop_with_blocked_senders", func(t *testing.T) {
		checkLeaks(t)
		l := newLoop(t, Config{MessageCapacity: 1})
		must(t, l.Sender().TrySend(0))
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if err := l.Sender().Send(context.Background(), 1); err != nil && !errors.Is(err, msgq.ErrClosed) {
					t.Error(err)
				}
			})
		}
		l.Stop()
		must(t, l.Run(&scripted{}))
		must(t, l.Close())
		wg.Wait()
	})
}

func TestLoopSignals(t *testing.T) {
	raise := func(t *testing.T, sig syscall.Signal) { must(t, syscall.Kill(os.Getpid(), sig)) }
	const usr1 = Token(syscall.SIGUSR1)

	t.Run("delivered_to_handler", func(t *testing.T) {
		checkLeaks(t)
		l := newLoop(t, Config{})
		must(t, l.Notify(syscall.SIGUSR1))
		h := &scripted{signal: func(l *Loop[int], sig os.Signal) { l.Stop() }}
		go func() {
			waitForWaiter(l.Poll())
			syscall.Kill(os.Getpid(), syscall.SIGUSR1)
		}()
		must(t, l.Run(h)) // asleep
		raise(t, syscall.SIGUSR1)
		must(t, l.Run(h)) // awake, or not yet asleep
		h.want(t, call{"signal", usr1}, call{"signal", usr1})
		must(t, l.Unnotify(syscall.SIGUSR1))
		wantIs(t, l.Unnotify(syscall.SIGUSR1), signals.ErrNotAdded)
		wantIs(t, l.Notify(syscall.SIGKILL), signals.ErrUncatchable)
	})
	t.Run("two_loops_each_get_it", func(t *testing.T) {
		checkLeaks(t)
		loops := []*Loop[int]{newLoop(t, Config{}), newLoop(t, Config{})}
		for _, l := range loops {
			must(t, l.Notify(syscall.SIGUSR1))
		}
		raise(t, syscall.SIGUSR1)
		for _, l := range loops {
			h := &scripted{}
			if n := once(t, l, h, 5*time.Second); n != 1 {
				t.Fatal(n)
			}
			h.want(t, call{"signal", usr1})
		}
	})
	t.Run("storm_of_1000_ends_with_an_event", func(t *testing.T) {
		checkLeaks(t)
		l := newLoop(t, Config{})
		must(t, l.Notify(syscall.SIGUSR1))
		h := &scripted{}
		for range 1000 {
			raise(t, syscall.SIGUSR1)
			once(t, l, h, 0)
		}
		h.calls = nil
		raise(t, syscall.SIGUSR1)
		once(t, l, h, 5*time.Second)
		if len(h.calls) == 0 {
			t.Fatal("nothing after the last one")
		}
	})
	t.Run("notify_after_close_is_refused", func(t *testing.T) {
		checkLeaks(t)
		l := newLoop(t, Config{})
		must(t, l.Notify(syscall.SIGUSR1, syscall.SIGWINCH))
		must(t, l.Close()) // gives them back, which the leak check sees
		wantIs(t, l.Notify(syscall.SIGUSR1), os.ErrClosed)
		wantIs(t, l.Unnotify(syscall.SIGUSR1), os.ErrClosed)
	})
}

func TestLoopTimers(t *testing.T) {
	t.Run("never_early_and_in_order", func(t *testing.T) {
		checkLeaks(t)
		l := newLoop(t, Config{})
		var due [50]time.Time
		left := len(due)
		h := &scripted{timeout: func(l *Loop[int], token Token, _ uint32) {
			if time.Now().Before(due[token]) {
				t.Errorf("timer %d early", token)
			}
			if left--; left == 0 {
				l.Stop()
			}
		}}
		for i := range due {
			d := time.Duration(i*331) * time.Microsecond
			due[i] = time.Now().Add(d)
			_, err := l.After(d, Token(i))
			must(t, err)
		}
		must(t, l.Run(h))
		for i, c := range h.calls {
			if c.token != Token(i) {
				t.Fatalf("call %d is timer %d", i, c.token)
			}
		}
	})
	t.Run("after_from_a_slow_handler_is_not_early", func(t *testing.T) {
		checkLeaks(t)
		l := newLoop(t, Config{})
		var due time.Time
		h := &scripted{}
		h.message = func(l *Loop[int], msg int) {
			l.Now() // fixes the turn's clock
			time.Sleep(5 * time.Millisecond)
			due = time.Now().Add(10 * time.Millisecond)
			_, err := l.After(10*time.Millisecond, 1)
			must(t, err)
		}
		h.timeout = func(l *Loop[int], token Token, _ uint32) {
			if time.Now().Before(due) {
				t.Error("early")
			}
			l.Stop()
		}
		must(t, l.Sender().TrySend(1))
		must(t, l.Run(h))
	})
	t.Run("zero_and_negative_delay_fire_on_the_next_turn_not_this_one", func(t *testing.T) {
		checkLeaks(t)
		for _, d := range []time.Duration{0, -time.Hour} {
			l := newLoop(t, Config{})
			h := &scripted{message: func(l *Loop[int], msg int) {
				l.After(d, 1)
				l.AfterNow(d, 2)
			}}
			must(t, l.Sender().TrySend(0))
			once(t, l, h, -1)
			h.want(t, call{"message", 0})
			once(t, l, h, -1)
			if len(h.calls) != 2 {
				t.Fatal(h.calls)
			}
		}
	})
	t.Run("cancel_and_reset", func(t *testing.T) {
		checkLeaks(t)
		l := newLoop(t, Config{})
		h := &scripted{}
		a, _ := l.After(time.Millisecond, 1)
		b, _ := l.After(time.Hour, 2)
		if !l.Cancel(a) || l.Cancel(a) || !l.Reset(b, time.Millisecond) {
			t.Fatal("pending timers were not")
		}
		once(t, l, h, time.Second)
		h.want(t, call{"timeout", 2})
		if l.Reset(b, 0) || l.Cancel(b) {
			t.Fatal("an expired timer is pending")
		}
	})
	t.Run("periodic_without_drift_reports_overruns", func(t *testing.T) {
		checkLeaks(t)
		l := newLoop(t, Config{})
		const period = 2 * time.Millisecond
		start := time.Now()
		periods := 0
		h := &scripted{timeout: func(l *Loop[int], _ Token, overruns uint32) {
			periods += 1 + int(overruns)
			if elapsed := time.Since(start); elapsed < time.Duration(periods)*period {
				t.Errorf("%d periods after %v", periods, elapsed)
			}
			if periods > 5 {
				time.Sleep(10 * time.Millisecond)
			}
			if periods > 20 {
				l.Stop()
			}
		}}
		id, err := l.Every(period, 1)
		must(t, err)
		must(t, l.Run(h))
		if len(h.calls) > 20 {
			t.Fatalf("%d calls for %d periods: missed ones were fired in a burst", len(h.calls), periods)
		}
		if !l.Cancel(id) {
			t.Fatal("a periodic timer is not pending")
		}
	})
	t.Run("errors", func(t *testing.T) {
		checkLeaks(t)
		l := newLoop(t, Config{TimerCapacity: 1})
		_, err := l.Every(0, 1)
		wantIs(t, err, timers.ErrInvalid)
		_, err = l.After(1<<63-1, 1)
		must(t, err)
		_, err = l.After(0, 1)
		wantIs(t, err, timers.ErrFull)
		if n := once(t, l, &scripted{}, time.Millisecond); n != 0 {
			t.Fatal("a timer of 292 years has expired")
		}
	})
	t.Run("after_now_between_turns_is_not_early", func(t *testing.T) {
		checkLeaks(t)
		l := newLoop(t, Config{})
		h := &scripted{timeout: func(l *Loop[int], _ Token, _ uint32) { l.Now() }}
		l.After(0, 1)
		once(t, l, h, -1)
		time.Sleep(20 * time.Millisecond)
		due := time.Now().Add(5 * time.Millisecond)
		l.AfterNow(5*time.Millisecond, 2)
		if n := once(t, l, h, time.Second); n != 1 || time.Now().Before(due) {
			t.Fatal("early")
		}
		if l.Now().Before(due) {
			t.Fatal("Now stands still between turns")
		}
	})
	t.Run("expiry_budget", func(t *testing.T) {
		checkLeaks(t)
		l := newLoop(t, Config{TimersPerTurn: 2})
		for i := range 5 {
			l.AfterNow(0, Token(i))
		}
		h := &scripted{}
		for _, want := range []int{2, 2, 1} {
			if n := once(t, l, h, -1); n != want {
				t.Fatal(n)
			}
		}
	})
}
