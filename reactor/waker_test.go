//go:build unix || windows

package reactor

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/metalio/metalio/internal/behaviours"
	"github.com/metalio/metalio/msgq"
)

// wakerBehaviour is a test of a Waker with the token 5.
type wakerBehaviour struct {
	name string
	run  func(*testing.T, *watcher, *Waker)
}

func TestWakers(t *testing.T) {
	for _, b := range append(wakingUnderSignals, []wakerBehaviour{
		{"wake_before_wait_is_delivered", func(t *testing.T, w *watcher, waker *Waker) {
			must(t, waker.Wake())
			w.want(5, readyReadable)
			w.none()
		}},
		{"many_wakes_are_one_event", func(t *testing.T, w *watcher, waker *Waker) {
			for range 3 {
				for range 100 {
					must(t, waker.Wake())
				}
				w.want(5, readyReadable)
				w.none()
			}
		}},
		{"wake_from_another_goroutine", func(t *testing.T, w *watcher, waker *Waker) {
			whileWaiting(t, w.Poll, waker.Wake)
			w.want(5, readyReadable)
			w.none()
		}},
		{"wakes_from_10_goroutines", func(t *testing.T, w *watcher, waker *Waker) {
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
			w.want(5, readyReadable)
			wg.Wait()
			w.Wait(w.events[:], 0)
			w.none()
			must(t, waker.Wake())
			w.want(5, readyReadable)
		}},
		{"two_wakers", func(t *testing.T, w *watcher, waker *Waker) {
			other, err := w.NewWaker(6)
			must(t, err)
			must(t, other.Wake())
			w.want(6, readyReadable)
			must(t, waker.Wake())
			w.want(5, readyReadable)
			must(t, other.Close())
			must(t, waker.Wake())
			w.want(5, readyReadable)
		}},
		{"closed_waker", func(t *testing.T, w *watcher, waker *Waker) {
			must(t, waker.Wake())
			must(t, waker.Close())
			must(t, waker.Close())
			wantIs(t, waker.Wake(), os.ErrClosed)
			w.none()
		}},
		{"waker_of_a_closed_poll", func(t *testing.T, w *watcher, waker *Waker) {
			must(t, w.Close())
			wantIs(t, waker.Wake(), os.ErrClosed)
			must(t, waker.Close())
		}},
		{"no_lost_wake", noLostWake},
	}...) {
		behaviours.Run(t, b.name, func(t *testing.T) {
			checkLeaks(t)
			w := newWatcher(t)
			waker, err := w.NewWaker(5)
			must(t, err)
			b.run(t, w, waker)
		})
	}
}

// noLostWake lets a goroutine with a Poll and a Loop wake each other in turn:
// the Poll by a Waker, the Loop by messages.
func noLostWake(t *testing.T, w *watcher, waker *Waker) {
	pingPong(t, w, waker, Config{}, behaviours.Budget(t, "no_lost_wake"))
}

// TestNoLostWake is no_lost_wake for each way of waiting. That of the zero
// Config has been tried as often as the table says.
func TestNoLostWake(t *testing.T) {
	forEachPolicy(t, func(t *testing.T, policy WaitPolicy) {
		checkLeaks(t)
		rounds := behaviours.Budget(t, "no_lost_wake") / 50
		if policy == Spin {
			// It takes no wake, and on a busy machine the other side may wait
			// for the end of its time slice in each round.
			rounds = min(rounds, 2000)
		}
		w := newWatcher(t)
		waker, err := w.NewWaker(5)
		must(t, err)
		pingPong(t, w, waker, Config{Wait: policy}, rounds)
	})
}

func pingPong(t *testing.T, w *watcher, waker *Waker, cfg Config, rounds int) {
	t.Helper()
	l := newLoop(t, cfg)
	h := &ponger{waker: waker}
	done := make(chan error, 1)
	go func() { done <- ping(w, l.Sender(), rounds) }()
	for h.received < rounds {
		if n, err := l.RunOnce(h, patience); n == 0 || err != nil {
			t.Fatalf("message %d has not woken the loop: %d, %v", h.received, n, err)
		}
	}
	must(t, <-done)
}

func ping(w *watcher, s msgq.Sender[int], rounds int) error {
	for i := range rounds {
		if err := s.TrySend(i); err != nil {
			return err
		}
		n, err := w.Wait(w.events[:], patience)
		if n != 1 || err != nil {
			return fmt.Errorf("wake %d has not ended the wait: %d, %w", i, n, err)
		}
	}
	return nil
}

// ponger answers each message with a wake.
type ponger struct {
	Unhandled[int]
	waker    *Waker
	received int
}

func (p *ponger) Message(*Loop[int], int) {
	p.received++
	p.waker.Wake() // fails only when closed, and then nobody hears of it
}
