package reactor

import (
	"fmt"
	"math"
	"os"
	"time"

	"github.com/metalio/metalio/timers"
)

// After calls Timeout with token once d has passed, never earlier, and not in
// this turn. It reads the clock, so that d counts from the call however long the
// handler has been at work. It fails with [timers.ErrFull], and on a closed loop
// with [os.ErrClosed].
func (l *Loop[M]) After(d time.Duration, token Token) (timers.ID, error) {
	return l.addTimer(l.clock.read(), d, token)
}

// AfterNow is After with d counted from the turn's clock, see Now, which is
// cheaper when a turn sets many timers.
func (l *Loop[M]) AfterNow(d time.Duration, token Token) (timers.ID, error) {
	return l.addTimer(l.clock.turn(), d, token)
}

func (l *Loop[M]) addTimer(now int64, d time.Duration, token Token) (timers.ID, error) {
	if l.closed {
		return 0, errAfterClosed
	}
	id, err := l.wheel.Add(later(now, d), uint64(token))
	if err != nil {
		return 0, fmt.Errorf("reactor: after: %w", err)
	}
	return id, nil
}

// Every calls Timeout with token each time that period has passed, without
// drift, until the timer is cancelled. It fails as After does, and with
// [timers.ErrInvalid] if period is not positive.
func (l *Loop[M]) Every(period time.Duration, token Token) (timers.ID, error) {
	if l.closed {
		return 0, errEveryClosed
	}
	id, err := l.wheel.AddPeriodic(later(l.clock.read(), period), int64(period), uint64(token))
	if err != nil {
		return 0, fmt.Errorf("reactor: every: %w", err)
	}
	return id, nil
}

var (
	errAfterClosed = fmt.Errorf("reactor: after: %w", os.ErrClosed)
	errEveryClosed = fmt.Errorf("reactor: every: %w", os.ErrClosed)
)

// Reset makes a pending timer expire d from now, by a fresh reading of the
// clock. It reports whether the timer was pending; if not, nothing happens.
func (l *Loop[M]) Reset(id timers.ID, d time.Duration) bool {
	return l.wheel.Reset(id, later(l.clock.read(), d))
}

// Cancel disarms a timer and reports whether it was pending. Its Timeout is not
// called any more, not in this turn either.
func (l *Loop[M]) Cancel(id timers.ID) bool { return l.wheel.Cancel(id) }

// Now is the turn's clock: one reading, made when a turn first needs it. Outside
// Run and RunOnce each call is a fresh reading.
func (l *Loop[M]) Now() time.Time {
	return l.clock.start.Add(time.Duration(l.clock.turn()))
}

// later is now plus d, but not before now and not beyond the end of time.
func later(now int64, d time.Duration) int64 {
	if d <= 0 {
		return now
	}
	if now > math.MaxInt64-int64(d) {
		return math.MaxInt64
	}
	return now + int64(d)
}

// clock counts nanoseconds on the monotonic clock from when the loop was made.
type clock struct {
	stopwatch
	inTurn bool
	at     int64 // the turn's reading, if it is known
	known  bool
	ended  int64 // the reading at the end of the turn before, 0 if there is none
}

// newTurn forgets the turn's reading.
func (c *clock) newTurn() { c.known = false }

// endTurn reads the clock at the end of a turn.
func (c *clock) endTurn() int64 {
	c.ended = c.read()
	return c.ended
}

// betweenTurns is a reading from after all handlers of the turn before.
func (c *clock) betweenTurns() int64 {
	now := c.ended
	c.ended = 0
	if now == 0 {
		now = c.read()
	}
	return now
}

// turn is the turn's reading, made once, or a fresh one outside a turn.
func (c *clock) turn() int64 {
	if !c.inTurn {
		return c.read()
	}
	if !c.known {
		c.at, c.known = c.read(), true
	}
	return c.at
}
