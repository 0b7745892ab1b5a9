//go:build unix || windows

package reactor

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/metalio/metalio/internal/behaviours"
	"github.com/metalio/metalio/msgq"
	"github.com/metalio/metalio/signals"
)

// loopBehaviour is a test of a Loop with a given configuration, by name.
type loopBehaviour struct {
	name string
	cfg  Config
	run  func(*testing.T, *Loop[int], *scripted)
}

func runLoopBehaviours(t *testing.T, policy WaitPolicy, all []loopBehaviour) {
	t.Helper()
	for _, b := range all {
		behaviours.Run(t, b.name, func(t *testing.T) {
			checkLeaks(t)
			b.cfg.Wait = policy
			b.run(t, newLoop(t, b.cfg), &scripted{})
		})
	}
}

func TestMessages(t *testing.T) {
	forEachPolicy(t, testMessages)
}

func testMessages(t *testing.T, policy WaitPolicy) {
	runLoopBehaviours(t, policy, []loopBehaviour{
		{"fifo_for_each_producer", Config{MessageCapacity: 64}, fifoForEachProducer},
		{"one_syscall_for_a_burst", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			const burst = 100
			wakes := countWakes(l)
			taken := make(chan struct{})
			sent := make(chan struct{})
			h.message = func(l *Loop[int], msg int) {
				switch msg {
				case 0: // awake from here on
					close(taken)
					<-sent
				case burst - 1:
					l.Stop()
				}
			}
			s := l.Sender()
			whileWaiting(t, l.Poll(), func() error {
				err := s.TrySend(0)
				<-taken
				for i := 1; i < burst; i++ {
					err = errors.Join(err, s.TrySend(i))
				}
				close(sent)
				return err
			})
			must(t, l.Run(h))
			want := int64(1)
			if policy == Spin {
				want = 0 // it does not sleep
			}
			if n := wakes.Load(); n > want {
				t.Fatalf("%d wakes for a burst of %d messages, want %d", n, burst, want)
			}
			if s := l.Stats(); s.Messages != burst {
				t.Fatalf("%+v", s)
			}
		}},
		{"none_while_awake", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			wakes := countWakes(l)
			s := l.Sender()
			h.message = func(l *Loop[int], msg int) {
				if msg > 0 {
					return
				}
				var others sync.WaitGroup
				for range 4 {
					others.Go(func() {
						for range 250 {
							if err := s.TrySend(1); err != nil {
								t.Error(err)
							}
						}
					})
				}
				others.Wait()
			}
			must(t, s.TrySend(0))
			turnsUntil(t, l, h, 1001)
			if n, s := wakes.Load(), l.Stats(); n != 0 || s.Wakes != 0 {
				t.Fatalf("%d wakes of a loop that was awake: %+v", n, s)
			}
		}},
		{"full_returns_ErrFull", Config{MessageCapacity: 2}, func(t *testing.T, l *Loop[int], h *scripted) {
			s := l.Sender()
			must(t, s.TrySend(1))
			must(t, s.TrySend(2))
			wantIs(t, s.TrySend(3), msgq.ErrFull)
			once(t, l, h, 0)
			h.want(t, call{"message", 1}, call{"message", 2})
			must(t, s.TrySend(3))
			once(t, l, h, 0)
			h.want(t, call{"message", 3})
		}},
		{"send_waits_for_room_and_honours_context", Config{MessageCapacity: 1}, func(t *testing.T, l *Loop[int], h *scripted) {
			s := l.Sender()
			must(t, s.TrySend(1))
			cancelled, cancel := context.WithCancel(t.Context())
			cancel()
			wantIs(t, s.Send(cancelled, 2), context.Canceled)
			done := make(chan error, 1)
			go func() { done <- s.Send(context.Background(), 3) }()
			turnsUntil(t, l, h, 2)
			must(t, <-done)
			h.want(t, call{"message", 1}, call{"message", 3})
		}},
		{"handler_sends_to_its_own_loop", Config{MessageCapacity: 4}, func(t *testing.T, l *Loop[int], h *scripted) {
			wakes := countWakes(l)
			s := l.Sender()
			h.message = func(l *Loop[int], msg int) {
				if msg == 1000 {
					l.Stop()
					return
				}
				must(t, s.TrySend(msg+1))
			}
			must(t, s.TrySend(0))
			must(t, l.Run(h))
			if len(h.calls) != 1001 || wakes.Load() != 0 {
				t.Fatalf("%d messages, %d wakes", len(h.calls), wakes.Load())
			}
		}},
		{"close_keeps_what_was_accepted", Config{MessageCapacity: 8, MessagesPerTurn: 3}, func(t *testing.T, l *Loop[int], h *scripted) {
			// As Close says: stop, and go round until nothing comes.
			var accepted atomic.Int64
			var senders sync.WaitGroup
			for range 3 {
				senders.Go(func() {
					for range 100 {
						if l.Sender().Send(context.Background(), 1) == nil {
							accepted.Add(1)
						}
					}
				})
			}
			h.message = func(l *Loop[int], _ int) { l.Stop() }
			for range 50 {
				must(t, l.Run(h))
			}
			h.message = nil
			turnsUntil(t, l, h, 300)
			senders.Wait()
			for once(t, l, h, 0) > 0 {
			}
			must(t, l.Close())
			if int64(len(h.calls)) != accepted.Load() {
				t.Fatalf("%d messages were accepted, %d handled", accepted.Load(), len(h.calls))
			}
		}},
		{"send_after_close_is_ErrClosed", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			s := l.Sender()
			must(t, l.Close())
			wantIs(t, s.TrySend(1), msgq.ErrClosed)
			wantIs(t, s.Send(context.Background(), 1), msgq.ErrClosed)
		}},
		{"messages_per_turn_is_a_bound", Config{MessagesPerTurn: 3}, func(t *testing.T, l *Loop[int], h *scripted) {
			for i := range 5 {
				must(t, l.Sender().TrySend(i))
			}
			for _, want := range []int{3, 2} {
				if n := once(t, l, h, -1); n != want {
					t.Fatal(n)
				}
			}
		}},
		{"loop_stop_with_blocked_senders", Config{MessageCapacity: 1}, func(t *testing.T, l *Loop[int], h *scripted) {
			must(t, l.Sender().TrySend(0))
			var senders sync.WaitGroup
			for range 3 {
				senders.Go(func() {
					if err := l.Sender().Send(context.Background(), 1); err != nil && !errors.Is(err, msgq.ErrClosed) {
						t.Error(err)
					}
				})
			}
			l.Stop()
			must(t, l.Run(h))
			h.want(t)
			must(t, l.Close())
			senders.Wait()
		}},
		{"mixing_messages_and_sockets_starves_neither", Config{EventsPerTurn: 4, MessagesPerTurn: 4}, mixing},
	})
}

// turnsUntil runs turns until the handler has been called so many times.
func turnsUntil(t *testing.T, l *Loop[int], h *scripted, calls int) {
	t.Helper()
	for len(h.calls) < calls {
		if once(t, l, h, patience) == 0 {
			t.Fatalf("%d of %d calls have come", len(h.calls), calls)
		}
	}
}

// countWakes puts a counter between what wakes a loop and its waker, of which
// each call is a system call at most. The loop must not have been used before.
func countWakes(l *Loop[int]) *atomic.Int64 {
	var count atomic.Int64
	waker := loopWaker{l.poll, l.poll.wakers[0]}
	l.word = msgq.NewWakeWord(msgq.WakerFunc(func() error {
		count.Add(1)
		return waker.Wake()
	}))
	l.queue = msgq.New[int](msgq.Config{Capacity: l.cfg.MessageCapacity, Word: l.word})
	l.signals = signals.New(l.word.Notify)
	return &count
}

func fifoForEachProducer(t *testing.T, l *Loop[int], h *scripted) {
	const producers, each = 4, 5000
	next := make([]int, producers)
	received := 0
	h.message = func(l *Loop[int], msg int) {
		p, i := msg/each, msg%each
		if next[p] != i {
			t.Errorf("producer %d: %d, want %d", p, i, next[p])
		}
		next[p]++
		if received++; received == producers*each {
			l.Stop()
		}
	}
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
}

// mixing keeps more sockets ready, and more messages waiting, than a turn takes.
// In each turn both go on by their bound, and no socket falls behind.
func mixing(t *testing.T, l *Loop[int], h *scripted) {
	const sockets, queued, turns, bound = 16, 20, 200, 4
	var calls [sockets]int
	for i := range calls {
		a, _ := pair(t)
		must(t, l.Register(a, Token(i), Writable, Level))
	}
	h.writable = func(_ *Loop[int], token Token, _ Ready) { calls[token]++ }
	s := l.Sender()
	h.message = func(_ *Loop[int], msg int) { must(t, s.TrySend(msg)) }
	for i := range queued {
		must(t, s.TrySend(i))
	}
	for range turns {
		before := l.Stats()
		once(t, l, h, -1)
		after := l.Stats()
		if after.Writable == before.Writable || after.Messages != before.Messages+bound {
			t.Fatalf("a turn went from %+v to %+v", before, after)
		}
	}
	for i, n := range calls {
		if fair := turns * bound / sockets; n < fair/2 {
			t.Fatalf("socket %d: %d calls, want about %d", i, n, fair)
		}
	}
}
