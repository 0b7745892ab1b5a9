//go:build unix || windows

package reactor

import (
	"math"
	"testing"
	"time"
)

func TestLagHistogram(t *testing.T) {
	var h LagHistogram
	if got := h.Quantile(0.5); got != 0 {
		t.Errorf("median of nothing: %v", got)
	}
	// 900 of 3 µs, 90 of 100 µs, 10 of 5 ms
	for range 900 {
		h.add(3 * time.Microsecond)
	}
	for range 90 {
		h.add(100 * time.Microsecond)
	}
	for range 10 {
		h.add(5 * time.Millisecond)
	}
	for _, c := range []struct {
		q    float64
		want time.Duration // the bound of the bucket
	}{
		{0, 4 * time.Microsecond},
		{0.5, 4 * time.Microsecond},
		{0.9, 4 * time.Microsecond},
		{0.901, 128 * time.Microsecond},
		{0.99, 128 * time.Microsecond},
		{0.991, 5 * time.Millisecond}, // Max, which is below the bound
		{1, 5 * time.Millisecond},
	} {
		if got := h.Quantile(c.q); got != c.want {
			t.Errorf("quantile %v: %v, want %v", c.q, got, c.want)
		}
	}
	if h.Count != 1000 || h.Max != 5*time.Millisecond {
		t.Errorf("count %d, max %v", h.Count, h.Max)
	}
}

func TestLagHistogramTakesEverything(t *testing.T) {
	for _, d := range []time.Duration{-1, 0, 1, 999, 1000, time.Hour, math.MaxInt64} {
		var h LagHistogram
		h.add(d)
		if got, want := h.Quantile(1), max(d, 0); got != want {
			t.Errorf("the only duration %v: %v", d, got)
		}
	}
}

// sleeper sets a timer when it gets a message, and holds the loop up beyond the
// timer's deadline.
type sleeper struct {
	Unhandled[int]
	timeouts int
}

func (*sleeper) Message(l *Loop[int], _ int) {
	if _, err := l.After(time.Millisecond, 1); err != nil {
		panic(err)
	}
	time.Sleep(20 * time.Millisecond)
}

func (s *sleeper) Timeout(*Loop[int], Token, uint32) { s.timeouts++ }

// TestStatsShowLag has a handler that sleeps, which makes its turn long and a
// timer late.
func TestStatsShowLag(t *testing.T) {
	l := newLoop(t, Config{})
	h := &sleeper{}
	// With a timer about, every turn reads the clock.
	if _, err := l.After(time.Hour, 2); err != nil {
		t.Fatal(err)
	}
	if err := l.Sender().TrySend(1); err != nil {
		t.Fatal(err)
	}
	for h.timeouts == 0 {
		if _, err := l.RunOnce(h, -1); err != nil {
			t.Fatal(err)
		}
	}
	s := l.Stats()
	if s.TurnLag.Max < 20*time.Millisecond {
		t.Errorf("longest turn %v, but one handler slept for 20 ms", s.TurnLag.Max)
	}
	if s.TimerLag.Count != 1 || s.TimerLag.Max < 15*time.Millisecond {
		t.Errorf("timers: %d, longest lag %v", s.TimerLag.Count, s.TimerLag.Max)
	}
}

func TestTurnsWithoutTimersAreSampled(t *testing.T) {
	l := newLoop(t, Config{})
	for range 10 * sampledTurns {
		if _, err := l.RunOnce(&sleeper{}, 0); err != nil {
			t.Fatal(err)
		}
	}
	if n := l.Stats().TurnLag.Count; n != 10 {
		t.Errorf("%d turns of %d are measured, want 10", n, 10*sampledTurns)
	}
}

// TestTimerAfterAPause: the reading from the end of a turn says nothing after a
// pause between two calls of RunOnce.
func TestTimerAfterAPause(t *testing.T) {
	l := newLoop(t, Config{})
	h := &sleeper{}
	id, err := l.After(time.Hour, 1)
	must(t, err)
	if _, err := l.RunOnce(h, 0); err != nil {
		t.Fatal(err)
	}
	l.Reset(id, 200*time.Millisecond)
	time.Sleep(250 * time.Millisecond)
	start := time.Now()
	if n, err := l.RunOnce(h, -1); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if d := time.Since(start); d > 150*time.Millisecond {
		t.Errorf("a timer that was due took %v", d)
	}
}
