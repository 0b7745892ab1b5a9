//go:build unix || windows

package reactor

import (
	"math"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/metalio/metalio/internal/behaviours"
)

func TestWaiting(t *testing.T) {
	forEachPolicy(t, testWaiting)
}

func testWaiting(t *testing.T, policy WaitPolicy) {
	for _, b := range append(waitingUnderSignals, []behaviour{
		{"zero_timeout_returns_ready_events_and_never_blocks", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			for range 1000 {
				if n, err := w.Wait(w.events[:], 0); n != 0 || err != nil {
					t.Fatal(n, err)
				}
			}
			w.register(a, 1, Readable|Writable, Level)
			if n, err := w.Wait(w.events[:], 0); n != 1 || err != nil || w.events[0].Ready() != readyWritable {
				t.Fatal(n, err)
			}
			w.reregister(a, 1, Readable, Level)
			if n, err := w.Wait(w.events[:], 0); n != 0 || err != nil {
				t.Fatal(n, err)
			}
			write(t, b, "x")
			w.expectNow(1, readyReadable)
		}},
		{"timeout_never_early", func(t *testing.T, w *watcher) {
			neverEarly(t, w, behaviours.Budget(t, "timeout_never_early"))
		}},
		{"negative_timeout_waits_for_ever", func(t *testing.T, w *watcher) {
			wakenFrom(t, w, -1, -time.Hour, math.MinInt64)
		}},
		{"timeout_beyond_24_days_and_beyond_49_days", longTimeouts},
		{"more_ready_than_capacity_starves_none", moreReadyThanCapacity},
		{"nothing_registered_sleeps", func(t *testing.T, w *watcher) {
			for range 3 {
				w.none()
			}
		}},
		{"no_room_for_events_is_refused", func(t *testing.T, w *watcher) {
			_, err := w.Wait(nil, -1)
			wantIs(t, err, syscall.EINVAL)
		}},
		{"wait_on_closed_poll_fails", func(t *testing.T, w *watcher) {
			must(t, w.Close())
			for _, timeout := range []time.Duration{-1, 0, time.Hour} {
				_, err := w.Wait(w.events[:], timeout)
				wantIs(t, err, os.ErrClosed)
			}
		}},
		{"close_wakes_a_waiter", func(t *testing.T, w *watcher) {
			for _, timeout := range []time.Duration{-1, time.Hour} {
				w := newWatcherThat(t, policy)
				whileWaiting(t, w.Poll, w.Close)
				_, err := w.Wait(w.events[:], timeout)
				wantIs(t, err, os.ErrClosed)
			}
		}},
		{"second_wait_is_an_error", func(t *testing.T, w *watcher) {
			second := make(chan error, 1)
			whileWaiting(t, w.Poll, func() error {
				_, err := w.Wait(make([]Event, 1), 0)
				second <- err
				return w.Close()
			})
			_, err := w.Wait(w.events[:], -1)
			wantIs(t, err, os.ErrClosed)
			wantIs(t, <-second, syscall.EBUSY)
		}},
		{"close_races_everything", func(t *testing.T, w *watcher) {
			for range rounds(50) {
				closeRace(t, policy)
			}
		}},
	}...) {
		behaviours.Run(t, b.name, func(t *testing.T) {
			checkLeaks(t)
			b.run(t, newWatcherThat(t, policy))
		})
	}
}

// expectNow fails unless waits that do not sleep find the event. The first may
// come before the system has carried over what was written.
func (w *watcher) expectNow(token Token, ready Ready) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		n, err := w.Wait(w.events[:], 0)
		must(w.t, err)
		if n == 1 && w.events[0].Token() == token && w.events[0].Ready() == ready {
			return
		}
	}
	w.t.Fatalf("no event of token %d", token)
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

func longTimeouts(t *testing.T, w *watcher) {
	t.Helper()
	const day = 24 * time.Hour
	wakenFrom(t, w, 24*day, 25*day, 49*day, 50*day, 100*365*day, math.MaxInt64)
}

// wakenFrom sees that a wait with each of the timeouts lasts until it is woken,
// and that the timeout has not become a short one or one that fails.
func wakenFrom(t *testing.T, w *watcher, timeouts ...time.Duration) {
	t.Helper()
	waker, err := w.NewWaker(1)
	must(t, err)
	for _, timeout := range timeouts {
		var woken atomic.Bool
		whileWaiting(t, w.Poll, func() error {
			woken.Store(true)
			return waker.Wake()
		})
		if n, err := w.Wait(w.events[:], timeout); n != 1 || err != nil || !woken.Load() {
			t.Fatal(timeout, n, err)
		}
	}
}

func moreReadyThanCapacity(t *testing.T, w *watcher) {
	for _, mode := range []Mode{Level, Edge} {
		const all, room = 40, 4
		var fds [all]FD
		reported := map[Token]int{}
		for i := range fds {
			a, _ := pair(t)
			fds[i] = a
			w.register(a, Token(i), Writable, mode)
		}
		for range all / room {
			n, err := w.Wait(w.events[:room], patience)
			must(t, err)
			for _, ev := range w.events[:n] {
				reported[ev.Token()]++
			}
		}
		if len(reported) != all {
			t.Fatalf("%v: %d of %d reported in one round", mode, len(reported), all)
		}
		for _, fd := range fds {
			w.deregister(fd)
		}
	}
}

// closeRace closes a Poll while others wait, register, re-arm and wake. That
// nobody has used a descriptor that was closed shows in those opened meanwhile:
// they must be as they were.
func closeRace(t *testing.T, policy WaitPolicy) {
	p := newPoll(nopCleanup{t}, policy)
	waker, err := p.NewWaker(1)
	must(t, err)
	a, b := pair(t)
	write(t, b, "x")
	events := make([]Event, 4)
	var wg sync.WaitGroup
	for _, call := range []func() error{
		func() error { _, err := p.Wait(events, -1); return err },
		func() error { return p.Rearm(a, Readable) },
		waker.Wake,
		func() error {
			if err := p.Register(a, 2, Readable|Writable, Edge); err != nil {
				return err
			}
			if err := p.Reregister(a, 3, Readable, Level); err != nil {
				return err
			}
			return p.Deregister(a)
		},
	} {
		wg.Go(func() {
			for {
				if err := call(); err != nil {
					if !isClosed(err) {
						t.Errorf("error %v, want os.ErrClosed", err)
					}
					return
				}
			}
		})
	}
	wg.Go(func() {
		time.Sleep(100 * time.Microsecond)
		p.Close()
	})
	wg.Wait()
	if got := drain(t, a); got != "x" {
		t.Fatalf("read %q, want what was written", got)
	}
	if got := drain(t, b); got != "" {
		t.Fatalf("a wake was written to another's descriptor: %q", got)
	}
	closeFD(t, a)
	closeFD(t, b)
}
