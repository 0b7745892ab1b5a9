//go:build unix || windows

package reactor

import (
	"errors"
	"math"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/metalio/metalio/msgq"
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
	forEachPolicy(t, testLoop)
}

func testLoop(t *testing.T, policy WaitPolicy) {
	runLoopBehaviours(t, policy, []loopBehaviour{
		{"turn_order", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			a, _ := pair(t)
			must(t, l.Register(a, 1, Writable, Level))
			_, err := l.After(0, 3)
			must(t, err)
			must(t, l.Sender().TrySend(2))
			if n := once(t, l, h, -1); n != 3 {
				t.Fatal(n)
			}
			h.want(t, call{"writable", 1}, call{"message", 2}, call{"timeout", 3})
		}},
		{"readable_before_writable", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			a, b := pair(t)
			write(t, b, "x")
			must(t, l.Register(a, 1, Readable|Writable, Edge))
			once(t, l, h, -1)
			h.want(t, call{"readable", 1}, call{"writable", 1})
		}},
		{"stop_from_handler_and_from_another_goroutine", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			h.message = func(l *Loop[int], msg int) { l.Stop() }
			must(t, l.Sender().TrySend(1))
			must(t, l.Run(h))
			h.want(t, call{"message", 1})
			stop := func() error { l.Stop(); return nil }
			for range 10 {
				whileWaiting(t, l.Poll(), stop)
				must(t, l.Run(h))
			}
			whileWaiting(t, l.Poll(), stop)
			if n := once(t, l, h, -1); n != 0 {
				t.Fatal(n)
			}
			h.want(t)
		}},
		{"stop_before_run", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
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
		{"run_twice", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			h.message = func(l *Loop[int], msg int) { l.Stop() }
			for i := range 2 {
				must(t, l.Sender().TrySend(i))
				must(t, l.Run(h))
			}
			h.want(t, call{"message", 0}, call{"message", 1})
		}},
		{"run_inside_a_handler_is_an_error", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			h.message = func(l *Loop[int], msg int) {
				_, err := l.RunOnce(h, 0)
				wantIs(t, err, syscall.EBUSY)
				wantIs(t, l.Run(h), syscall.EBUSY)
			}
			must(t, l.Sender().TrySend(1))
			once(t, l, h, -1)
			h.want(t, call{"message", 1})
		}},
		{"panic_in_handler_leaves_loop_closable", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			a, b := pair(t)
			c, d := pair(t)
			write(t, b, "x")
			write(t, d, "x")
			must(t, l.Register(a, 1, Readable, Edge))
			must(t, l.Register(c, 2, Readable, Edge))
			h.readable = func(l *Loop[int], token Token, ready Ready) {
				h.readable = nil
				panic("handler")
			}
			wantPanic(t, func() { l.Run(h) })
			once(t, l, h, 0) // the other edge is not lost
			h.want(t, call{"readable", 1}, call{"readable", 2})
			must(t, l.Close())
		}},
		{"closed_after_a_panic", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			for token := range Token(2) {
				a, b := pair(t)
				write(t, b, "x")
				must(t, l.Register(a, token, Readable, Edge))
			}
			h.readable = func(l *Loop[int], token Token, ready Ready) { panic("handler") }
			wantPanic(t, func() { l.Run(h) })
			must(t, l.Close())
			_, err := l.RunOnce(h, 0) // not the rest of that turn
			wantIs(t, err, os.ErrClosed)
		}},
		{"registrations_of_a_closed_loop", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			a, _ := pair(t)
			must(t, l.Register(a, 1, Readable, Level))
			must(t, l.Close())
			wantIs(t, l.Register(a, 1, Readable, Level), os.ErrClosed)
			wantIs(t, l.Reregister(a, 1, Readable, Level), os.ErrClosed)
			wantIs(t, l.Deregister(a), os.ErrClosed)
			wantIs(t, l.RegisterProcess(os.Getpid(), 1), os.ErrClosed)
			wantIs(t, l.DeregisterProcess(os.Getpid()), os.ErrClosed)
		}},
		{"stale_event_in_batch_after_deregister_is_dropped", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			a, b := pair(t)
			fds := map[Token]FD{1: a, 2: b}
			h.writable = func(l *Loop[int], token Token, ready Ready) {
				must(t, l.Deregister(fds[3-token]))
			}
			must(t, l.Register(a, 1, Writable, Level))
			must(t, l.Register(b, 2, Writable, Level))
			once(t, l, h, -1)
			if len(h.calls) != 1 {
				t.Fatalf("calls %v, want one", h.calls)
			}
			if s := l.Stats(); s.Events != 2 || s.Stale != 1 || s.Registered != 1 {
				t.Fatalf("%+v", s)
			}
		}},
		{"close_without_deregister_and_reuse", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			for i := range Token(20) {
				a, peer := pair(t)
				must(t, l.Register(a, 2*i, Readable, Level))
				once(t, l, h, 0)
				write(t, peer, "x")
				closeFD(t, a)
				// AFD takes one turn for the data and one to hear of the close.
				once(t, l, h, 0)
				once(t, l, h, 0)
				h.calls = nil
				b, c, _ := pairWith(t, a)
				must(t, l.Register(b, 2*i+1, Readable, Level))
				write(t, c, "x")
				once(t, l, h, patience)
				h.want(t, call{"readable", 2*i + 1})
				must(t, l.Deregister(b))
			}
		}},
		{"deregister_after_close_forgets", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			a, _ := pair(t)
			must(t, l.Register(a, 1, Writable, Level))
			closeFD(t, a)
			// AFD knows of the close only if a poll was in flight.
			if err := l.Deregister(a); err != nil {
				wantIs(t, err, syscall.EBADF)
			}
			wantIs(t, l.Deregister(a), syscall.ENOENT)
			wantIs(t, l.Reregister(a, 1, Readable, Level), syscall.ENOENT)
			if n := l.Stats().Registered; n != 0 {
				t.Fatal(n)
			}
		}},
		{"failed_register_leaves_nothing", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			a, _ := pair(t)
			wantIs(t, l.Register(a, 1, 0, Level), syscall.EINVAL)
			must(t, l.Register(a, 1, Writable, Level))
			wantIs(t, l.Register(a, 2, Writable, Level), syscall.EEXIST)
			wantIs(t, l.Reregister(a, 2, 0, Level), syscall.EINVAL)
			once(t, l, h, -1)
			h.want(t, call{"writable", 1})
			if n := l.Stats().Registered; n != 1 {
				t.Fatal(n)
			}
		}},
		{"handler_registers_and_deregisters_freely", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			a, b := pair(t)
			c, d := pair(t)
			write(t, b, "x")
			write(t, d, "x")
			h.readable = func(l *Loop[int], token Token, ready Ready) {
				if token == 1 {
					must(t, l.Deregister(a))
					must(t, l.Register(a, 2, Writable, Level))
					must(t, l.Reregister(c, 3, Readable, OneShot))
				}
			}
			must(t, l.Register(a, 1, Readable|Writable, Level))
			must(t, l.Register(c, 4, Readable, Level))
			once(t, l, h, -1)
			// Writable of the registration that has ended is not called, and
			// the other event has the new token.
			h.want(t, call{"readable", 1}, call{"readable", 3})
			once(t, l, h, -1)
			if !slices.Contains(h.calls, call{"writable", 2}) {
				t.Fatal(h.calls)
			}
		}},
		{"reregister_in_readable_withdraws_writable", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			a, b := pair(t)
			write(t, b, "x")
			h.readable = func(l *Loop[int], token Token, ready Ready) {
				must(t, l.Reregister(a, 2, Readable, Level))
			}
			must(t, l.Register(a, 1, Readable|Writable, Level))
			once(t, l, h, -1)
			h.want(t, call{"readable", 1})
		}},
		{"reregister_in_readable_renames_writable", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			a, b := pair(t)
			write(t, b, "x")
			h.readable = func(l *Loop[int], token Token, ready Ready) {
				must(t, l.Reregister(a, 2, Readable|Writable, Level))
			}
			must(t, l.Register(a, 1, Readable|Writable, Level))
			once(t, l, h, -1)
			h.want(t, call{"readable", 1}, call{"writable", 2})
		}},
		{"reregister_in_readable_grants_writable", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			a, b := tcpPair(t)
			must(t, l.Register(a, 1, Readable, Level))
			reset(t, b) // news in both directions, whatever the interest
			h.readable = func(l *Loop[int], token Token, ready Ready) {
				must(t, l.Reregister(a, 2, Readable|Writable, Level))
			}
			once(t, l, h, patience)
			h.want(t, call{"readable", 1}, call{"writable", 2})
			if s := l.Stats(); s.Events != 1 || s.Readable != 1 || s.Writable != 1 || s.Stale != 0 {
				t.Fatalf("%+v", s)
			}
		}},
		{"close_in_readable_withdraws_writable", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			a, b := pair(t)
			write(t, b, "x")
			must(t, l.Register(a, 1, Readable|Writable, Level))
			h.readable = func(l *Loop[int], token Token, ready Ready) { must(t, l.Close()) }
			wantIs(t, l.Run(h), os.ErrClosed)
			h.want(t, call{"readable", 1})
		}},
		{"panic_in_readable_ends_its_event", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			a, b := tcpPair(t)
			fill(t, a) // not writable
			must(t, l.Register(a, 1, Readable|Writable, OneShot))
			c, _ := pair(t)
			must(t, l.Register(c, 2, Writable, OneShot))
			once(t, l, h, patience)
			reset(t, b) // news in both directions
			h.readable = func(l *Loop[int], token Token, ready Ready) { panic("handler") }
			wantPanic(t, func() { l.RunOnce(h, patience) })
			must(t, l.Sender().TrySend(3))
			once(t, l, h, patience)
			h.want(t, call{"writable", 2}, call{"readable", 1}, call{"message", 3})
		}},
		{"foreign_token_on_the_poll_calls_nothing", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			a, _ := pair(t)
			b, _ := pair(t)
			must(t, l.Register(a, 1, Readable, Level))
			for i, token := range []Token{0, 1, 1 << 63, 1<<64 - 2} {
				must(t, l.Poll().Register(b, token, Writable, OneShot))
				for l.Stats().Events == uint64(i) {
					once(t, l, h, 0)
				}
				must(t, l.Poll().Deregister(b))
			}
			h.want(t)
			if s := l.Stats(); s.Events != 4 || s.Stale != 4 {
				t.Fatalf("%+v", s)
			}
		}},
		{"table_full", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			l.table.used = maxSlots - 1 // as if so many had come and stayed
			a, b := pair(t)
			must(t, l.Register(a, 1, Writable, Level))
			err := l.Register(b, 2, Writable, Level)
			wantIs(t, err, syscall.ENOSPC)
			if op := (*OpError)(nil); !errors.As(err, &op) || op.Op != "register" || op.FD != b {
				t.Fatalf("%#v", err)
			}
			once(t, l, h, -1)
			h.want(t, call{"writable", 1})
			must(t, l.Deregister(a))
			must(t, l.Register(b, 3, Writable, Level))
			once(t, l, h, -1)
			h.want(t, call{"writable", 3})
		}},
		{"error_alone_reaches_a_handler", Config{}, errorAlone},
		{"sources_do_not_starve_each_other", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			a, _ := pair(t)
			must(t, l.Register(a, 1, Writable, Level)) // always ready
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
		{"process_exit_delivered_once", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			cmd, end := start(t)
			must(t, l.RegisterProcess(cmd.Process.Pid, 9))
			end()
			turnsUntil(t, l, h, 1)
			must(t, cmd.Wait())
			once(t, l, h, 20*time.Millisecond)
			h.want(t, call{"readable", 9})
		}},
		{"runs_one_turn_with_timeout", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			const timeout = 20 * time.Millisecond
			start := time.Now()
			if n := once(t, l, h, timeout); n != 0 || time.Since(start) < timeout {
				t.Fatal(n, time.Since(start))
			}
			if n := once(t, l, h, 0); n != 0 {
				t.Fatal(n)
			}
		}},
		{"closed_loop", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			must(t, l.Close())
			must(t, l.Close())
			wantIs(t, l.Run(h), os.ErrClosed)
			_, err := l.RunOnce(h, 0)
			wantIs(t, err, os.ErrClosed)
			_, err = l.After(0, 1)
			wantIs(t, err, os.ErrClosed)
			_, err = l.AfterNow(0, 1)
			wantIs(t, err, os.ErrClosed)
			_, err = l.Every(1, 1)
			wantIs(t, err, os.ErrClosed)
			wantIs(t, l.NewProducer(1).TrySend(1), msgq.ErrClosed)
			wantIs(t, l.Sender().TrySend(1), msgq.ErrClosed)
			a, _ := pair(t)
			wantIs(t, l.Register(a, 1, Readable, Level), os.ErrClosed)
			l.Stop()
		}},
		{"close_in_a_handler", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			a, b := pair(t)
			must(t, l.Register(a, 1, Writable, Level))
			must(t, l.Register(b, 2, Writable, Level))
			h.writable = func(l *Loop[int], token Token, ready Ready) { l.Close() }
			_, err := l.After(0, 3)
			must(t, err)
			must(t, l.Sender().TrySend(4))
			wantIs(t, l.Run(h), os.ErrClosed)
			h.want(t, call{"writable", 1})
		}},
		{"close_in_a_message", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			h.message = func(l *Loop[int], msg int) { l.Close() }
			_, err := l.After(0, 3)
			must(t, err)
			must(t, l.Sender().TrySend(1))
			must(t, l.Sender().TrySend(2))
			wantIs(t, l.Run(h), os.ErrClosed)
			h.want(t, call{"message", 1})
		}},
		{"stats_add_up", Config{}, statsAddUp},
		{"bad_config", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			for _, cfg := range []Config{
				{Capacity: -1}, {EventsPerTurn: -1}, {MessagesPerTurn: -1}, {TimersPerTurn: -1}, {Wait: 99},
				{Capacity: math.MaxInt}, {EventsPerTurn: math.MaxInt}, {MessageCapacity: math.MaxInt},
			} {
				_, err := NewLoop[int](cfg)
				wantIs(t, err, syscall.EINVAL)
			}
		}},
	})
}

func wantPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Fatal("the panic did not pass through")
		}
	}()
	f()
}

// errorAlone resets connections of which the loop watches one direction, and
// gives pipes an error that comes with nothing else.
func errorAlone(t *testing.T, l *Loop[int], h *scripted) {
	for interest, method := range map[Interest]string{Readable: "readable", Writable: "writable", Priority: "readable"} {
		a, b := tcpPair(t)
		fill(t, a) // not writable
		err := l.Register(a, 1, interest, Level)
		if errors.Is(err, errors.ErrUnsupported) {
			continue
		}
		must(t, err)
		if n := once(t, l, h, 0); n != 0 {
			t.Fatalf("%v: %v before the reset", interest, h.calls)
		}
		reset(t, b)
		once(t, l, h, patience)
		if len(h.calls) == 0 || h.calls[0] != (call{method, 1}) {
			t.Fatalf("%v: %v", interest, h.calls)
		}
		must(t, l.Deregister(a))
		h.calls = nil
	}

	r, w := pipe(t)
	fill(t, w)
	must(t, l.Register(w, 2, Writable, Level))
	closeFD(t, r) // a full pipe whose reader is gone: on Unix an error, and not writable
	h.writable = func(l *Loop[int], token Token, ready Ready) {
		if !ready.IsWriteClosed() {
			t.Error(ready)
		}
	}
	once(t, l, h, patience)
	h.want(t, call{"writable", 2})
	must(t, l.Deregister(w))

	r, w = pipe(t)
	closeFD(t, w) // a hang-up, and on Unix not readable
	must(t, l.Register(r, 3, Readable, Level))
	once(t, l, h, patience)
	h.want(t, call{"readable", 3})
}

// statsAddUp counts calls of each method and compares.
func statsAddUp(t *testing.T, l *Loop[int], h *scripted) {
	a, b := pair(t)
	c, _ := pair(t)
	write(t, b, "x")
	must(t, l.Register(a, 1, Readable|Writable, Level))
	must(t, l.Register(c, 2, Writable, Level))
	_, err := l.After(time.Hour, 3)
	must(t, err)
	const turns = 50
	for i := range turns {
		must(t, l.Sender().TrySend(i))
		_, err := l.After(0, 4)
		must(t, err)
		once(t, l, h, -1)
	}
	for once(t, l, h, 0) > 0 && l.Stats().Timeouts < turns {
	}
	// One event in the batch whose registration goes before its turn.
	h.writable = func(l *Loop[int], token Token, _ Ready) {
		must(t, l.Deregister(map[Token]FD{1: c, 2: a}[token]))
		h.writable = nil
	}
	must(t, l.Reregister(a, 1, Writable, Level))
	once(t, l, h, -1)
	must(t, l.Sender().TrySend(1))

	calls := map[string]uint64{}
	for _, c := range h.calls {
		calls[c.method]++
	}
	s := l.Stats()
	if s.Readable != calls["readable"] || s.Writable != calls["writable"] ||
		s.Messages != calls["message"] || s.Timeouts != calls["timeout"] {
		t.Errorf("%+v, but calls %v", s, calls)
	}
	if s.Messages != turns || s.Timeouts != turns || s.Readable == 0 || s.Turns < turns {
		t.Errorf("%+v in %d turns and more", s, turns)
	}
	// An event calls one method or two; kqueue reports each direction by itself.
	served := s.Events - s.Stale
	if s.Stale != 1 || served > s.Readable+s.Writable || 2*served < s.Readable+s.Writable {
		t.Errorf("%+v: events do not add up", s)
	}
	if s.Registered != 1 || s.Timers != 1 || s.Queued != 1 {
		t.Errorf("%+v: one registration, one timer and one message are there", s)
	}
	// Between sampled turns only those with timers are measured.
	if s.TimerLag.Count != s.Timeouts || s.TurnLag.Count == 0 || s.TurnLag.Count > s.Turns {
		t.Errorf("%+v: lag of %d timers and %d turns", s, s.TimerLag.Count, s.TurnLag.Count)
	}
}
