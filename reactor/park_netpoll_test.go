//go:build linux && !kqueue_sim

package reactor

import (
	"os"
	"sync"
	"testing"
	"time"
)

func newParking(t testing.TB) *watcher {
	t.Helper()
	p, err := NewPoll(PollConfig{Wait: Park})
	must(t, err)
	t.Cleanup(func() { p.Close() })
	return &watcher{Poll: p, t: t}
}

// untilParked returns when the goroutine that waits has parked. Any goroutine
// may call it.
func untilParked(t testing.TB, p *Poll) {
	t.Helper()
	for range 20_000 {
		if p.parker.state.Load() == parked {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("nobody parks")
}

// TestParkedPollsHoldNoThreads has 300 Polls wait at once.
func TestParkedPollsHoldNoThreads(t *testing.T) {
	checkLeaks(t)
	before := threads(t)
	const polls = 300
	var wg sync.WaitGroup
	all := make([]*watcher, polls)
	for i := range all {
		w := newParking(t)
		all[i] = w
		wg.Go(func() {
			if _, err := w.Wait(w.events[:], -1); !isClosed(err) {
				t.Error(err)
			}
		})
	}
	for _, w := range all {
		untilParked(t, w.Poll)
	}
	if n := threads(t) - before; n > polls/4 {
		t.Errorf("%d parked polls made %d threads", polls, n)
	}
	for _, w := range all {
		w.Close()
	}
	wg.Wait()
}

func threads(t testing.TB) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	must(t, err)
	return len(tasks)
}

// TestUnparkIsNoSystemCall sends to a parked loop, whose eventfd stays unused.
func TestUnparkIsNoSystemCall(t *testing.T) {
	l := newLoop(t, Config{Wait: Park})
	done := make(chan error, 1)
	answers := make(chan int, 1)
	go func() { done <- l.Run(&answerer{answers: answers}) }()
	const messages = 100
	for i := range messages {
		untilParked(t, l.poll)
		must(t, l.Sender().TrySend(i))
		<-answers
	}
	untilParked(t, l.poll)
	l.Stop()
	must(t, <-done)
	if n := l.poll.unparks; n != messages+1 {
		t.Errorf("%d unparks, want %d", n, messages+1)
	}
	if l.stats.Wakes != 0 {
		t.Errorf("%d wakes through the eventfd", l.stats.Wakes)
	}
	if s := l.Stats(); s.Wakes != messages+1 {
		t.Errorf("Stats counts %d wakes", s.Wakes)
	}
}

// TestLateUnparkIsNoTimeout is about the deadline of an unpark that comes when
// its park has ended: it must not end the next one as a timeout or an event.
func TestLateUnparkIsNoTimeout(t *testing.T) {
	w := newParking(t)
	late := func() { must(t, w.parker.file.SetReadDeadline(farPast)) }
	late()
	start := time.Now()
	w.none()
	if d := time.Since(start); d < 50*time.Millisecond {
		t.Fatalf("a wait of 50 ms ended after %v", d)
	}
	waker, err := w.NewWaker(1)
	must(t, err)
	late()
	go func() {
		untilParked(t, w.Poll)
		late() // the kind that hits a park
		untilParked(t, w.Poll)
		waker.Wake()
	}()
	w.one(1)
}

// TestParkDeadlines goes from a deadline to a later, an earlier and none.
func TestParkDeadlines(t *testing.T) {
	w := newParking(t)
	waker, err := w.NewWaker(1)
	must(t, err)
	wake := func() {
		untilParked(t, w.Poll)
		waker.Wake()
	}
	for _, timeout := range []time.Duration{time.Hour, 2 * time.Hour, -1, time.Minute, -1} {
		go wake()
		if n, err := w.Wait(w.events[:], timeout); n != 1 || err != nil {
			t.Fatal(timeout, n, err)
		}
	}
	for _, timeout := range []time.Duration{30 * time.Millisecond, 3 * time.Millisecond, 100 * time.Microsecond} {
		start := time.Now()
		if n, err := w.Wait(w.events[:], timeout); n != 0 || err != nil {
			t.Fatal(timeout, n, err)
		}
		if d := time.Since(start); d < timeout {
			t.Fatalf("a wait of %v ended after %v", timeout, d)
		}
	}
	// The last deadline has expired: it must not spoil what comes next.
	go wake()
	w.one(1)
}

// TestNestingFollowsTheLoad: the epoll instance in between is let go while there
// is much to do, and taken again for the next sleep.
func TestNestingFollowsTheLoad(t *testing.T) {
	w := newParking(t)
	a, b := pair(t)
	w.register(a, 1, Readable, Edge)
	w.none()
	if !w.parker.nested {
		t.Fatal("not nested after a park")
	}
	for range 1_000_000 {
		write(t, b, "x")
		w.one(1)
		if !w.parker.nested {
			break
		}
		drain(t, a)
	}
	if w.parker.nested {
		t.Fatal("nested still, after a million events without a park")
	}
	drain(t, a)
	go func() {
		untilParked(t, w.Poll)
		write(t, b, "y")
	}()
	w.one(1)
	if !w.parker.nested {
		t.Fatal("not nested after a park")
	}
}

// TestDearNestingHasToBeWorthIt: the kernel looks at all of a Poll's
// registrations to nest it, which Auto does not pay for a single sleep.
func TestDearNestingHasToBeWorthIt(t *testing.T) {
	k := parker{nestCost: 10 * callSleepCost}
	sleeps := 0
	for !k.worthNesting() {
		sleeps++
	}
	if sleeps != 10 {
		t.Errorf("%d sleeps in the call, want 10", sleeps)
	}
}

// TestMoreReadyThanAParkTakes: what a park does not bring, the next Wait does.
func TestMoreReadyThanAParkTakes(t *testing.T) {
	w := newParking(t)
	var events [3 * len(w.parker.found)]Event
	var writers []FD
	for i := range events {
		a, b := pair(t)
		w.register(a, Token(i), Readable, Edge)
		writers = append(writers, b)
	}
	seen := map[Token]bool{}
	go func() {
		untilParked(t, w.Poll)
		for _, fd := range writers {
			write(t, fd, "x")
		}
	}()
	for len(seen) < len(events) {
		n, err := w.Wait(events[:], 10*time.Second)
		must(t, err)
		if n == 0 {
			t.Fatalf("%d of %d events have come", len(seen), len(events))
		}
		for _, ev := range events[:n] {
			if seen[ev.Token()] {
				t.Errorf("token %d twice", ev.Token())
			}
			seen[ev.Token()] = true
		}
	}
}

func TestZeroAllocsPark(t *testing.T) {
	w := newParking(t)
	waker, err := w.NewWaker(1)
	must(t, err)
	wantNoAllocs(t, "a park that times out", func() {
		var events [16]Event
		if n, _ := w.Wait(events[:], 10*time.Microsecond); n != 0 {
			t.Fatal(n)
		}
	})
	woken := make(chan struct{})
	go func() {
		for range woken {
			for w.parker.state.Load() != parked {
				time.Sleep(10 * time.Microsecond)
			}
			waker.Wake()
		}
	}()
	defer close(woken)
	wantNoAllocs(t, "a park that is woken", func() {
		woken <- struct{}{}
		w.one(1)
	})
}
