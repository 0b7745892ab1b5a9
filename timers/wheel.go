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
	nodes   []node  // nodes[none] is none
	links   []links // by node
	periods []int64 // by node, for periodic ones
	free    []uint32
	fresh   uint32 // nodes from here on were never used
	grow    bool

	slots    []slot // by level
	occupied [maxLevels]uint64
	pool     chunkPool
	due      dueQueue

	shift   uint8  // log2 of the tick
	current uint64 // tick that the levels are relative to
	now     int64  // latest time seen
	order   uint64 // last order number given out
	swept   uint64 // order at the last sweep
	visits  uint64 // entries and nodes looked at, for the tests that count work
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
		nodes: make([]node, 1),
		fresh: 1,
		slots: make([]slot, levels*slotsPerLevel),
		pool:  chunkPool{words: make([]uint32, chunkLen), fresh: 1},
		shift: uint8(shift),
		grow:  cfg.Grow,
		now:   cfg.Start,
	}
	for i := range w.slots {
		w.slots[i].clearList()
	}
	w.current = w.tick(cfg.Start)
	w.resize(capacity)
	return w, nil
}

// resize makes room for capacity timers. Writing all of it now takes the page
// faults here and not at the first Add of each page.
func (w *Wheel) resize(capacity int) {
	w.nodes = resized(w.nodes, 1+capacity)
	w.links = resized(w.links, 1+capacity)
	w.periods = resized(w.periods, 1+capacity)
	w.pool.grow(chunksFor(capacity))
	w.free = resized(w.free, capacity)[:len(w.free)]
	w.due.resize(capacity)
}

func resized[T any](s []T, length int) []T {
	r := make([]T, length)
	clear(r[copy(r, s):])
	return r
}

// Add arms a timer for deadline, in nanoseconds. A deadline that has passed is
// due at the next [Wheel.Advance]. The only error is [ErrFull].
func (w *Wheel) Add(deadline int64, token uint64) (ID, error) {
	x := w.take()
	if x == none {
		return 0, ErrFull
	}
	n := &w.nodes[x]
	n.gen++
	n.deadline, n.order, n.token = deadline, w.nextOrder(), token
	w.fileNew(x, n)
	return makeID(n, x), nil
}

// AddPeriodic arms a timer for first, and then for every period after it, in
// nanoseconds, until it is cancelled. A period that is not positive is an error
// that satisfies errors.Is with [ErrInvalid]; the other error is [ErrFull].
func (w *Wheel) AddPeriodic(first, period int64, token uint64) (ID, error) {
	if period <= 0 {
		return 0, fmt.Errorf("timers: add periodic: period %d ns is not positive: %w", period, ErrInvalid)
	}
	id, err := w.Add(first, token)
	if err == nil {
		w.nodes[uint32(id)].order |= periodic
		w.periods[uint32(id)] = period
	}
	return id, err
}

// take is a free node, or none.
func (w *Wheel) take() uint32 {
	last := len(w.free) - 1
	if last < 0 {
		return w.takeFresh()
	}
	x := w.free[last]
	w.free = w.free[:last]
	return x
}

func (w *Wheel) takeFresh() uint32 {
	if int(w.fresh) == len(w.nodes) {
		if !w.grow || w.Cap() == MaxCapacity {
			return none
		}
		w.resize(min(2*w.Cap(), MaxCapacity))
	}
	w.fresh++
	return w.fresh - 1
}

func (w *Wheel) release(x uint32, n *node) {
	n.gen++
	n.at = nowhere
	w.free = append(w.free, x)
}

// lookup is the node of a valid ID, or none. Free nodes have an even
// generation, so that no ID, not even an invented one, names them.
func (w *Wheel) lookup(id ID) uint32 {
	x, gen := uint32(id), uint32(id>>32)
	if uint64(x) >= uint64(len(w.nodes)) || w.nodes[x].gen != gen || gen&1 == 0 {
		return none
	}
	return x
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
	n.order = w.nextOrder() | n.order&periodic
	if deadline >= n.deadline && n.at >= chunkLen {
		// A list has no order, so the node may stay in a slot that is too
		// early for it: whoever reaches that slot files it anew.
		n.deadline = deadline
		return true
	}
	w.unfile(x, n)
	n.deadline = deadline
	n.at = nowhere
	w.fileNew(x, n)
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
	w.unfile(x, n)
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
func (w *Wheel) Len() int { return int(w.fresh) - 1 - len(w.free) }

// Cap is the number of timers that there is room for.
func (w *Wheel) Cap() int { return len(w.nodes) - 1 }

// Next is the earliest deadline, in nanoseconds, exactly; ok is false when no
// timer is pending. While due timers wait to be popped it is the deadline of
// the first of those, which lies in the past.
func (w *Wheel) Next() (deadline int64, ok bool) {
	if e, ok := w.firstDue(); ok {
		return e.deadline, true
	}
	for w.Len() > 0 {
		if deadline, ok := w.earliest(w.firstSlot()); ok {
			return deadline, true
		}
	}
	return 0, false
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
	sorted = w.popSlot(w.slotFor(now), now, before) && sorted
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
	expired := Expired{ID: makeID(n, e.node), Token: n.token, Deadline: e.deadline}
	if n.order&periodic == 0 {
		w.release(e.node, n)
		return expired, true
	}
	n.deadline, expired.Overruns = nextPeriod(e.deadline, w.periods[e.node], w.now)
	n.order = w.nextOrder() | periodic
	n.at = nowhere
	w.fileNew(e.node, n)
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

// periodic is set in the order of a periodic timer.
const periodic = 1

func (w *Wheel) nextOrder() uint64 {
	w.order += 2
	return w.order
}
