//go:build unix

package reactor

import (
	"errors"
	"testing"
	"time"

	"github.com/metalio/metalio/internal/behaviours"
)

func TestUnknownWaitPolicy(t *testing.T) {
	_, err := NewPoll(PollConfig{Wait: policyCount})
	if err == nil || errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	}
}

func TestWaitPolicyString(t *testing.T) {
	for policy, want := range map[WaitPolicy]string{
		Auto: "auto", Block: "block", Spin: "spin", Park: "park", policyCount: "WaitPolicy(4)",
	} {
		if got := policy.String(); got != want {
			t.Errorf("%d: %q, want %q", policy, got, want)
		}
	}
}

func TestSpinningGivesUpAndTriesAgain(t *testing.T) {
	var s spinning
	spins := func(sleeps int, took int64) (n int) {
		for range sleeps {
			if s.due() {
				n++
				s.record(took)
			}
		}
		return n
	}
	if n := spins(1000, worthSpin/2); n != 1000 {
		t.Errorf("%d spins of 1000 that are worth it", n)
	}
	if n := spins(14, spinTime); n < 2 || n == 14 {
		t.Errorf("%d spins in vain before it gives up, want two or more", n)
	}
	spins(mostSkipped, spinTime)
	if n := spins(10*(mostSkipped+1), spinTime); n > 20 {
		t.Errorf("%d spins of %d after it has given up", n, 10*(mostSkipped+1))
	}
	// Once it is worth it again, the next try finds out.
	spins(mostSkipped, worthSpin/2)
	if n := spins(100, worthSpin/2); n != 100 {
		t.Errorf("%d spins of 100 after one that was worth it", n)
	}
}

func TestSpinningIsNotWorthALongTime(t *testing.T) {
	var s spinning
	n := 0
	for range 1000 {
		if s.due() {
			n++
			s.record(worthSpin + worthSpin/10)
		}
	}
	if n > 50 {
		t.Errorf("%d spins of 1000 that find something, but too late", n)
	}
}

// TestCrowdedPollLeavesSchedulingToGo is about the moments at which a Poll
// passes through the scheduler.
func TestCrowdedPollLeavesSchedulingToGo(t *testing.T) {
	p := &Poll{clock: stopwatch{time.Now().Add(-time.Hour)}}
	now := p.clock.read()
	p.passScheduler(now)
	if p.pace.passed < now {
		t.Fatal("has not passed although it is an hour since")
	}
	passed := p.pace.passed
	p.passScheduler(passed + passEvery - 1)
	if p.pace.passed != passed {
		t.Fatal("has passed too early")
	}
	p.crowd(passed)
	p.passScheduler(passed + crowdedFor - 1)
	if p.pace.passed != passed+crowdedFor-1 {
		t.Fatal("has queued behind others that compute")
	}
}

func TestKeepPaceReadsTheClockNowAndThen(t *testing.T) {
	p := &Poll{clock: stopwatch{time.Now().Add(-time.Hour)}}
	for range readClockEvery - 1 {
		p.keepPace(0)
	}
	if p.pace.passed != 0 {
		t.Fatal("has read the clock too early")
	}
	p.keepPace(0)
	if p.pace.passed == 0 {
		t.Fatal("has not read the clock")
	}
}

// TestPoliciesLoseNoWake sends a message, waits for the answer, and every now
// and then gives the loop the time to fall asleep in one way or another.
func TestPoliciesLoseNoWake(t *testing.T) {
	messages := min(50_000, behaviours.Budget(t, "no_lost_wake"))
	for _, policy := range policies() {
		if policy == Spin {
			continue // it takes no wake
		}
		t.Run(policy.String(), func(t *testing.T) {
			checkLeaks(t)
			l := newLoop(t, Config{Wait: policy})
			answers := make(chan int, 1)
			done := make(chan error, 1)
			go func() { done <- l.Run(&answerer{answers: answers}) }()

			s := l.Sender()
			for i := range messages {
				if pause := time.Duration(i%512) * time.Microsecond; i%16 == 0 {
					for start := time.Now(); time.Since(start) < pause; {
					}
				}
				must(t, s.TrySend(i))
				select {
				case got := <-answers:
					if got != i {
						t.Fatalf("answer %d to %d", got, i)
					}
				case <-time.After(20 * time.Second):
					t.Fatalf("message %d of %d has no answer", i, messages)
				}
			}
			l.Stop()
			must(t, <-done)
		})
	}
}

type answerer struct {
	Unhandled[int]
	answers chan int
}

func (a *answerer) Message(_ *Loop[int], i int) { a.answers <- i }

// TestSpinningLoopGathersMessages: a batch is followed by a pause in which
// messages are not looked for, and a single message is not.
func TestSpinningLoopGathersMessages(t *testing.T) {
	l := newLoop(t, Config{Wait: Spin})
	send := func(n int) {
		for i := range n {
			if err := l.Sender().TrySend(i); err != nil {
				t.Fatal(err)
			}
		}
		if calls, err := l.RunOnce(&Unhandled[int]{}, -1); calls != n || err != nil {
			t.Fatal(calls, err)
		}
	}
	send(1)
	if l.gatherUntil != 0 {
		t.Error("one message makes the loop wait for more")
	}
	send(manyMessages)
	if l.gatherUntil == 0 {
		t.Error("a batch does not make the loop wait for more")
	}
	for l.gathering() {
	}
	send(1) // nothing keeps it from being found
}
