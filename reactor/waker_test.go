//go:build unix

package reactor

import (
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"
)

func isClosed(err error) bool { return errors.Is(err, os.ErrClosed) }

func TestWakers(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, *watcher, *Waker)
	}{
		{"wake_before_wait_is_delivered", func(t *testing.T, w *watcher, waker *Waker) {
			must(t, waker.Wake())
			if r := w.one(5); !r.IsReadable() {
				t.Fatal(r)
			}
			w.none()
		}},
		{"many_wakes_are_one_event", func(t *testing.T, w *watcher, waker *Waker) {
			for range 100 {
				must(t, waker.Wake())
			}
			w.one(5)
			w.none()
		}},
		{"wake_from_another_goroutine", func(t *testing.T, w *watcher, waker *Waker) {
			go func() {
				waitForWaiter(w.Poll)
				waker.Wake()
			}()
			w.one(5)
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
			w.one(5)
			wg.Wait()
			w.Wait(w.events[:], 0)
			w.none()
		}},
		{"wake_races_a_signal", func(t *testing.T, w *watcher, waker *Waker) {
			signals := make(chan os.Signal, 100)
			signal.Notify(signals, syscall.SIGUSR1)
			defer signal.Stop(signals)
			for range 200 {
				go func() {
					syscall.Kill(os.Getpid(), syscall.SIGUSR1)
					waker.Wake()
				}()
				w.one(5)
			}
		}},
		{"two_wakers", func(t *testing.T, w *watcher, waker *Waker) {
			other, err := w.NewWaker(6)
			must(t, err)
			must(t, other.Wake())
			w.one(6)
			must(t, waker.Wake())
			w.one(5)
		}},
		{"closed_waker", func(t *testing.T, w *watcher, waker *Waker) {
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
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			w := newWatcher(t)
			waker, err := w.NewWaker(5)
			must(t, err)
			c.run(t, w, waker)
		})
	}
}

// noLostWake lets two goroutines wake each other in turn.
func noLostWake(t *testing.T, ping *watcher, pingWaker *Waker) {
	rounds := rounds(100_000)
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
