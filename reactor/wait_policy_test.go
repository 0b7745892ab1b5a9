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
	spins := func(sleeps int, found bool) (n int) {
		for range sleeps {
			if s.worthwhile() {
				n++
				s.record(found)
			}
		}
		return n
	}
	if n := spins(1000, true); n != 1000 {
		t.Errorf("%d spins of 1000 that are worth it", n)
	}
	if n := spins(vainSpins, false); n != vainSpins {
		t.Errorf("%d spins before it gives up, want %d", n, vainSpins)
	}
	for _, pause := range []int{15, 31, 63, 127, mostSkipped, mostSkipped} {
		if n := spins(pause, true); n != 0 {
			t.Fatalf("%d spins among %d sleeps after it has given up", n, pause)
		}
		if n := spins(1, false); n != 1 {
			t.Fatalf("does not try again after %d sleeps", pause)
		}
	}
	spins(mostSkipped, true)
	if n := spins(100, true); n != 100 {
		t.Errorf("%d spins of 100 after one that was worth it", n)
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
	for _, policy := range []WaitPolicy{Auto, Block, Park} {
		t.Run(policy.String(), func(t *testing.T) {
			checkLeaks(t)
			l, err := NewLoop[int](Config{Wait: policy})
			if errors.Is(err, errors.ErrUnsupported) {
				t.Skip("this system has no " + policy.String())
			}
			must(t, err)
			defer l.Close()
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
