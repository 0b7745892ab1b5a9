// Package timers keeps deadlines: a hierarchical timing wheel for one
// goroutine, made for event loops.
//
// A [Wheel] has no clock and starts no goroutine. Time is an int64 number of
// nanoseconds on any monotonic clock, and the caller passes it in. A timer is
// a deadline and an opaque 64-bit token; no closure is kept and, once the
// wheel is built, nothing is allocated (unless [Config.Grow] is set and the
// wheel is full).
//
// A loop uses it like this:
//
//	w, err := timers.New(timers.Config{Start: now()})
//	id, err := w.Add(now()+int64(time.Second), token)
//	for {
//		deadline, ok := w.Next()     // how long to sleep
//		...
//		w.Advance(now())             // what is due at this instant
//		for range budget {           // as many as this turn may run
//			e, ok := w.Pop()
//			if !ok {
//				break
//			}
//			handle(e.Token, e.Overruns) // may Add, Reset and Cancel anything
//		}
//	}
//
// # What is promised
//
//   - Exact: a timer is due when its deadline is not later than the time given
//     to [Wheel.Advance], to the nanosecond and never before. [Config.Tick] is
//     the grain of the filing system and has no influence on precision.
//   - Ordered: timers that become due in one Advance are popped by deadline,
//     and those with equal deadlines in the order in which they were armed
//     (added, reset or, for periodic ones, re-armed).
//   - Two steps: only what was due at the last Advance is popped. A handler
//     that adds a timer with no delay gets it after the next Advance, and a
//     timer that is cancelled or reset before its Pop does not fire.
//   - Bounded: popping may stop at any point. The rest stays due, comes first
//     in the next round, and is what [Wheel.Next] reports.
//   - Periodic timers do not drift: each deadline is a whole number of periods
//     after the first, and periods that were missed are counted in
//     [Expired.Overruns] instead of being fired in a burst.
//   - An [ID] that has fired, or was cancelled, stays invalid when its place is
//     used again.
//
// # How it works
//
// Each level has 64 slots and one word that says which are occupied. A slot of
// level 0 is one tick wide, a slot of each further level 64 times as wide. The
// level of a timer is the position of the highest bit, in groups of six, in
// which its deadline differs from the current time. Hence every timer of a
// lower level is earlier than every timer of a higher one, the first occupied
// slot holds the earliest timer, and time may jump any distance at the cost of
// the timers that it passes, not of the ticks.
//
// At a million timers what costs is memory that is not in a cache, so that each
// operation touches one cache line of the timer's own, and no neighbours:
//
//   - A slot is an array of node numbers, in chunks. Filing appends; emptying a
//     slot reads many nodes at once, none found through another.
//   - Cancel, and Reset to a sooner deadline, leave a stale entry behind, which
//     is recognised by its node being elsewhere. The timer's room is free at
//     once; the entry goes when its slot is emptied, or when no chunk is left:
//     then one call builds all lists anew, reading the nodes from first to
//     last.
//   - Moving a deadline later only rewrites it: the timer is filed anew when its
//     old slot is reached.
//   - A slot remembers its earliest deadline. If that timer was cancelled or
//     moved and somebody asks for the earliest one, the slot's list is folded
//     into a pairing heap, so that cancelling the earliest timer again and again
//     does not scan the slot each time.
//
// Costs are amortised, not bounded for a single call. Filing (Add, Reset, Pop of
// a periodic timer) may once look at all nodes: that takes some milliseconds for
// a million, and half a million timers must have been armed since the last time.
// Next may look at all entries of the first slot. Advance looks at all entries
// of the slots that it passes, which is at most once for each timer and level.
//
// A timer takes 56 bytes, and 44 more for the lists, the free ones and the due
// ones.
//
// # What was measured
//
// With a million timers picked at random, doubly linked slots made an operation
// wait for its neighbours' cache lines, and emptying a slot wait for each node
// in turn: cancelling took 1.6 times and expiring 2.8 times as long. A free list
// linked through the nodes made each Add wait for the one before: 2.8 times.
// Counting timers and stale entries, instead of deriving the numbers, made
// Cancel a third slower: a processor can have only so many writes under way.
// Chunks of 8 and 32 words were no different from 16.
package timers
