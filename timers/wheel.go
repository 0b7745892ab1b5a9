package timers

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"time"
)

// ErrFull is returned by [Wheel.Add] and [Wheel.AddPeriodic] when the wheel
// holds [Config.Capacity] timers and may not grow.
var ErrFull = errors.New("timers: wheel is full")

// ErrInvalid is wrapped by the errors for arguments that can never be right.
var ErrInvalid = errors.New("invalid argument")

// Defaults for the zero [Config].
const (
	DefaultCapacity = 1024
	DefaultTick     = 1 << 17 * time.Nanosecond // about 131 µs
)

// MaxCapacity is the largest number of timers that one wheel can hold.
const MaxCapacity = math.MaxInt32 - 64*(maxLevels+1)

// ID names a timer of one wheel, from Add until it has fired (a periodic one:
// until it is cancelled). The zero ID is never valid. IDs are not reused until
// one place in the wheel has been taken 2³¹ times.
type ID uint64

func makeID(n *node, index uint32) ID { return ID(n.gen)<<32 | ID(index) }

// Config configures a [Wheel]. The zero Config is good.
type Config struct {
	// Capacity is the number of timers to make room for; 0 means
	// [DefaultCapacity].
	Capacity int

	// Grow doubles the room when it is full, which allocates and copies.
	// Without it a full wheel answers [ErrFull].
	Grow bool

	// Tick is the width of the finest slot, rounded down to a power of two
	// nanoseconds; 0 means [DefaultTick]. Deadlines are exact whatever it is.
	// A wider tick moves a timer fewer times before it is due, a narrower one
	// has fewer timers to sort in one slot.
	Tick time.Duration

	// Start is the current time in nanoseconds on the caller's clock.
	Start int64
}

// Expired is a timer that has fired.
type Expired struct {
	ID       ID     // stale already, unless the timer is periodic
	Token    uint64 // the caller's
	Deadline int64  // when it should have fired, in nanoseconds
	Overruns uint32 // further periods that had passed by the last Advance
}

// Wheel is a set of timers. It belongs to one goroutine at a time: no method
// may run concurrently with another.
type Wheel struct {
	nodes    []node
	payloads []payload
	due      dueQueue

	occupied [maxLevels + 1]uint64 // one word for each level, from firstLevel
	current  uint64                // tick that the levels are relative to
	now      int64                 // latest time seen
	seq      uint64                // last order number given out
	free     uint32                // first free node, linked by next
	base     uint32                // index of the first node that is no head
	live     int                   // timers, due ones included
	visits   uint64                // nodes joined and drained, for the tests that count work
	shift    uint8                 // log2 of the tick
	grow     bool
}

// New makes a wheel, with all the memory it needs until it is full. The error
// satisfies errors.Is with [ErrInvalid].
func New(cfg Config) (*Wheel, error) {
	capacity := cfg.Capacity
	if capacity == 0 {
		capacity = DefaultCapacity
	}
	if capacity < 0 || capacity > MaxCapacity {
		return nil, fmt.Errorf("timers: new wheel: capacity %d is not in 1..%d: %w", cfg.Capacity, MaxCapacity, ErrInvalid)
	}
	tick := cfg.Tick
	if tick == 0 {
		tick = DefaultTick
	}
	if tick < 0 {
		return nil, fmt.Errorf("timers: new wheel: tick %v is negative: %w", cfg.Tick, ErrInvalid)
	}
	shift := bits.Len64(uint64(tick)) - 1
	levels := (64 - shift + slotBits - 1) / slotBits
	w := &Wheel{
		base:  uint32(levels+firstLevel) * slotsPerLevel,
		shift: uint8(shift),
		grow:  cfg.Grow,
		now:   cfg.Start,
	}
	w.current = w.tick(cfg.Start)
	w.resize(capacity)
	return w, nil
}

// Add arms a timer for deadline, in nanoseconds. A deadline that has passed is
// due at the next [Wheel.Advance]. The only error is [ErrFull].
func (w *Wheel) Add(deadline int64, token uint64) (ID, error) {
	return w.add(deadline, payload{token: token})
}

// AddPeriodic arms a timer for first, and then for every period after it, in
// nanoseconds, until it is cancelled. A period that is not positive is an error
// that satisfies errors.Is with [ErrInvalid]; the other error is [ErrFull].
func (w *Wheel) AddPeriodic(first, period int64, token uint64) (ID, error) {
	if period <= 0 {
		return 0, fmt.Errorf("timers: add periodic: period %d ns is not positive: %w", period, ErrInvalid)
	}
	return w.add(first, payload{token: token, period: period})
}

func (w *Wheel) add(deadline int64, p payload) (ID, error) {
	if w.free == none {
		if !w.grow || w.Cap() == MaxCapacity {
			return 0, ErrFull
		}
		w.resize(min(2*w.Cap(), MaxCapacity))
	}
	x := w.free
	n := &w.nodes[x]
	w.free = n.next
	w.live++
	n.gen++
	n.deadline = deadline
	n.seq = w.nextSeq()
	w.payloads[x] = p
	w.file(x, n)
	return makeID(n, x), nil
}

// Reset moves a timer to a new deadline, in nanoseconds, and behind all others
// with that deadline. A periodic timer keeps its period and counts from the new
// deadline. A timer that is due and was not popped yet is no longer due. It
// reports whether the timer was still pending; if not, nothing happens.
func (w *Wheel) Reset(id ID, deadline int64) bool {
	x := w.lookup(id)
	if x == none {
		return false
	}
	n := &w.nodes[x]
	if deadline >= n.deadline && n.child == none && n.prev != dueHead {
		// A later key keeps a leaf in heap order and a list has no order, so
		// the node may stay in a slot that is too early for it: whoever
		// reaches that slot files it anew.
		n.deadline = deadline
		n.seq = w.nextSeq()
		return true
	}
	w.remove(x, n)
	n.deadline = deadline
	n.seq = w.nextSeq()
	w.file(x, n)
	return true
}

// Cancel disarms a timer. It reports whether the timer was still pending; one
// that is due but was not popped is pending, and will not be popped.
func (w *Wheel) Cancel(id ID) bool {
	x := w.lookup(id)
	if x == none {
		return false
	}
	n := &w.nodes[x]
	w.remove(x, n)
	w.release(x, n)
	return true
}

// Deadline is the time, in nanoseconds, at which a pending timer fires next.
func (w *Wheel) Deadline(id ID) (int64, bool) {
	x := w.lookup(id)
	if x == none {
		return 0, false
	}
	return w.nodes[x].deadline, true
}

// Len is the number of pending timers, those that are due and not popped
// included.
func (w *Wheel) Len() int { return w.live }

// Cap is the number of timers that there is room for.
func (w *Wheel) Cap() int { return len(w.nodes) - int(w.base) }

// Next is the earliest deadline, in nanoseconds, exactly; ok is false when no
// timer is pending. While due timers wait to be popped it is the deadline of
// the first of those, which lies in the past.
func (w *Wheel) Next() (deadline int64, ok bool) {
	if e, ok := w.firstDue(); ok {
		return e.deadline, true
	}
	for {
		slot := w.firstSlot()
		if slot == none {
			return 0, false
		}
		deadline := w.nodes[w.earliest(slot)].deadline
		if w.slotFor(deadline) == slot {
			return deadline, true
		}
		// The earliest of the slot was moved later than the slot, hence so
		// were all of them.
		w.drain(slot, math.MinInt64)
	}
}

// Advance makes every timer with a deadline not later than now due, for
// [Wheel.Pop] to hand out, and returns how many became due. The cost is that
// of the timers that it moves, whatever the distance. A time earlier than one
// given before does no harm.
func (w *Wheel) Advance(now int64) int {
	w.reserveDue()
	w.now = max(w.now, now)
	previous := w.current
	w.current = max(previous, w.tick(now))
	before := len(w.due.entries)
	sorted := w.drainPassed(previous, now)
	w.popSlot(w.slotFor(now), now)
	batch := w.due.entries[before:]
	if !sorted {
		sortDue(batch)
	}
	return len(batch)
}

// Pop takes the next due timer. A one-shot timer is gone then; a periodic one
// is armed again, for its first deadline after the latest time seen.
func (w *Wheel) Pop() (Expired, bool) {
	e, ok := w.firstDue()
	if !ok {
		return Expired{}, false
	}
	w.due.head++
	w.due.live--
	n := &w.nodes[e.node]
	p := &w.payloads[e.node]
	expired := Expired{ID: makeID(n, e.node), Token: p.token, Deadline: e.deadline}
	if p.period == 0 {
		w.release(e.node, n)
		return expired, true
	}
	n.deadline, expired.Overruns = nextPeriod(e.deadline, p.period, w.now)
	n.seq = w.nextSeq()
	w.file(e.node, n)
	return expired, true
}

// nextPeriod is the first deadline + k·period, k > 0, that is later than now,
// and the k-1 that were missed. It requires deadline ≤ now; what does not fit
// is clamped.
func nextPeriod(deadline, period, now int64) (next int64, overruns uint32) {
	late := uint64(now) - uint64(deadline) // right for any two int64, as deadline ≤ now
	missed := late / uint64(period)
	ahead := period - int64(late%uint64(period))
	if now > math.MaxInt64-ahead {
		return math.MaxInt64, uint32(min(missed, math.MaxUint32))
	}
	return now + ahead, uint32(min(missed, math.MaxUint32))
}

func (w *Wheel) nextSeq() uint64 {
	w.seq++
	return w.seq
}
