//go:build unix

package reactor

import (
	"math"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestWaiting(t *testing.T) {
	for _, p := range policies {
		t.Run(p.name, func(t *testing.T) { testWaiting(t, p.policy) })
	}
}

// policies are run with what depends on the way of waiting.
var policies = []struct {
	name   string
	policy WaitPolicy
}{{"block", Block}, {"spin", Spin}}

func testWaiting(t *testing.T, policy WaitPolicy) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, *watcher)
	}{
		{"zero_timeout_returns_ready_events_and_never_blocks", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			start := time.Now()
			for range 1000 {
				if n, err := w.Wait(w.events[:], 0); n != 0 || err != nil {
					t.Fatal(n, err)
				}
			}
			if d := time.Since(start); d > time.Second {
				t.Fatal(d)
			}
			w.register(a, 1, Writable, Level)
			if n, err := w.Wait(w.events[:], 0); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}},
		{"timeout_never_early", func(t *testing.T, w *watcher) {
			neverEarly(t, w, rounds(1000))
		}},
		{"negative_timeout_waits_for_ever", func(t *testing.T, w *watcher) {
			waker, err := w.NewWaker(1)
			must(t, err)
			for _, timeout := range []time.Duration{-1, -time.Hour, math.MinInt64} {
				go func() {
					waitForWaiter(w.Poll)
					waker.Wake()
				}()
				if n, err := w.Wait(w.events[:], timeout); n != 1 || err != nil {
					t.Fatal(n, err)
				}
			}
		}},
		{"timeout_beyond_24_days_and_beyond_49_days", func(t *testing.T, w *watcher) {
			longTimeouts(t, w)
		}},
		{"signal_during_wait_keeps_the_remaining_time", func(t *testing.T, w *watcher) {
			signals := make(chan os.Signal, 100)
			signal.Notify(signals, syscall.SIGUSR1)
			defer signal.Stop(signals)
			stop := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					case <-time.After(2 * time.Millisecond):
						syscall.Kill(os.Getpid(), syscall.SIGUSR1)
					}
				}
			})
			const timeout = 100 * time.Millisecond
			start := time.Now()
			n, err := w.Wait(w.events[:], timeout)
			elapsed := time.Since(start)
			close(stop)
			wg.Wait()
			if n != 0 || err != nil || elapsed < timeout || elapsed > timeout+2*time.Second {
				t.Fatal(n, err, elapsed)
			}
		}},
		{"more_ready_than_capacity_starves_none", func(t *testing.T, w *watcher) {
			for _, mode := range []Mode{Level, Edge} {
				const fds = 40
				reported := map[Token]int{}
				for i := range Token(fds) {
					a, _ := pair(t)
					w.register(a, Token(mode)<<8|i, Writable, mode)
					defer w.deregister(a)
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
			}
		}},
		{"nothing_registered_sleeps", func(t *testing.T, w *watcher) { w.none() }},
		{"no_room_for_events_is_refused", func(t *testing.T, w *watcher) {
			_, err := w.Wait(nil, -1)
			wantIs(t, err, syscall.EINVAL)
		}},
		{"wait_on_closed_poll_fails", func(t *testing.T, w *watcher) {
			must(t, w.Close())
			_, err := w.Wait(w.events[:], -1)
			wantIs(t, err, os.ErrClosed)
		}},
		{"close_wakes_a_waiter", func(t *testing.T, w *watcher) {
			for _, timeout := range []time.Duration{-1, time.Hour} {
				w := newWatcher(t)
				w.policy = policy
				go func() {
					waitForWaiter(w.Poll)
					w.Close()
				}()
				_, err := w.Wait(w.events[:], timeout)
				wantIs(t, err, os.ErrClosed)
			}
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
		{"close_races_everything", func(t *testing.T, w *watcher) {
			for range rounds(200) {
				closeRace(t, policy)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			w := newWatcher(t)
			w.policy = policy
			c.run(t, w)
		})
	}
}

// rounds is n, or less in a short run.
func rounds(n int) int {
	if testing.Short() {
		return max(n/10, 1)
	}
	return n
}

func neverEarly(t *testing.T, w *watcher, rounds int) {
	t.Helper()
	timeouts := []time.Duration{100 * time.Microsecond, time.Millisecond + 1, 3100 * time.Microsecond}
	for i := range rounds {
		timeout := timeouts[i%len(timeouts)]
		start := time.Now()
		n, err := w.Wait(w.events[:], timeout)
		if d := time.Since(start); n != 0 || err != nil || d < timeout {
			t.Fatalf("Wait(%v) = %d, %v after %v", timeout, n, err, d)
		}
	}
}

// longTimeouts waits a little, in order to see that the timeout did not
// overflow into a short one or a negative one that fails, and is then woken.
func longTimeouts(t *testing.T, w *watcher) {
	t.Helper()
	waker, err := w.NewWaker(1)
	must(t, err)
	const day = 24 * time.Hour
	for _, timeout := range []time.Duration{25 * day, 50 * day, 100 * 365 * day, math.MaxInt64} {
		var woken atomic.Bool
		go func() {
			waitForWaiter(w.Poll)
			woken.Store(true)
			waker.Wake()
		}()
		if n, err := w.Wait(w.events[:], timeout); n != 1 || err != nil || !woken.Load() {
			t.Fatal(timeout, n, err)
		}
	}
}

// closeRace closes a Poll while others wait, register and wake. That nobody
// has used a closed number shows in the descriptors opened meanwhile: they must
// be as they were.
func closeRace(t *testing.T, policy WaitPolicy) {
	p := newPoll(nopCleanup{t})
	p.policy = policy
	waker, err := p.NewWaker(1)
	must(t, err)
	a, b := pair(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			if _, err := p.Wait(make([]Event, 4), -1); err != nil {
				wantClosed(t, err)
				return
			}
		}
	})
	wg.Go(func() {
		for {
			if err := p.Register(FD(a), 2, Readable, Level); err != nil {
				wantClosed(t, err)
				return
			}
			if err := p.Deregister(FD(a)); err != nil {
				wantClosed(t, err)
				return
			}
		}
	})
	wg.Go(func() {
		for {
			if err := waker.Wake(); err != nil {
				wantClosed(t, err)
				return
			}
		}
	})
	wg.Go(func() {
		time.Sleep(100 * time.Microsecond)
		p.Close()
	})
	wg.Wait()
	if got := drain(t, b); got != "" {
		t.Fatalf("a wake was written to another's descriptor: %q", got)
	}
	closeFD(t, a)
	closeFD(t, b)
}

func wantClosed(t *testing.T, err error) {
	if !isClosed(err) {
		t.Errorf("error %v, want os.ErrClosed", err)
	}
}
