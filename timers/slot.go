package timers

import "math/bits"

const (
	slotBits      = 6
	slotsPerLevel = 1 << slotBits
	maxLevels     = (64 + slotBits - 1) / slotBits // with a tick of 1 ns
)

// The first nodes are no timers: they are heads. The head of slot s of level l
// is node (l+firstLevel)*slotsPerLevel + s, so that its upper bits are the
// index of its occupied word and its lower ones the bit. The word below
// firstLevel is spare, which leaves room for:
const (
	none       = 0 // nil; its links may be written and are never read
	dueHead    = 1 // prev of a node that is due and thus in no slot
	firstLevel = 1
)

// node is half a cache line, and has what arming, moving and cancelling need.
//
// The nodes of a slot are its head's children. A child list ends in none; the
// prev of its first node is the parent, which is how a node is taken out
// without knowing its slot. Only earliest gives children to a node that is no
// head, and then no child is earlier than its parent.
type node struct {
	deadline          int64
	seq               uint64 // order of arming; 0 while free
	next, prev, child uint32
	gen               uint32 // odd while in use
}

// payload is what only the beginning and the end of a timer need.
type payload struct {
	token  uint64
	period int64 // 0: one-shot
}

// lookup is the node of a valid ID, or none. Heads and free nodes have an even
// generation, so that no ID, not even an invented one, names them.
func (w *Wheel) lookup(id ID) uint32 {
	x, gen := uint32(id), uint32(id>>32)
	if uint64(x) >= uint64(len(w.nodes)) || w.nodes[x].gen != gen || gen&1 == 0 {
		return none
	}
	return x
}

func (w *Wheel) release(x uint32, n *node) {
	n.gen++
	n.seq = 0
	n.next = w.free
	w.free = x
	w.live--
}

// resize makes room for capacity timers. Writing all of it now takes the page
// faults here and not at the first Add of each page.
func (w *Wheel) resize(capacity int) {
	nodes := make([]node, int(w.base)+capacity)
	first := max(copy(nodes, w.nodes), int(w.base))
	for x := first; x < len(nodes)-1; x++ {
		nodes[x].next = uint32(x + 1)
	}
	payloads := make([]payload, len(nodes))
	clear(payloads[copy(payloads, w.payloads):])
	w.nodes, w.payloads, w.free = nodes, payloads, uint32(first)
	w.due.resize(capacity)
}

// tick is the number of the tick that t falls into. Flipping the sign bit maps
// int64 to uint64 in order.
func (w *Wheel) tick(t int64) uint64 {
	return (uint64(t) ^ 1<<63) >> w.shift
}

// slotFor is the head of the slot that a deadline belongs into at this time.
// What has passed belongs into the current tick, where it is found first.
func (w *Wheel) slotFor(deadline int64) uint32 {
	t := max(w.tick(deadline), w.current)
	level := levelOf(t ^ w.current)
	return uint32(level+firstLevel)<<slotBits | uint32(t>>(level*slotBits))%slotsPerLevel
}

// levelOf is the level at which two ticks with this exclusive or differ.
func levelOf(difference uint64) uint {
	return uint(bits.Len64(difference|1)-1) / slotBits
}

// file puts a node, which is in no list, into its slot.
func (w *Wheel) file(x uint32, n *node) {
	slot := w.slotFor(n.deadline)
	head := &w.nodes[slot]
	w.occupied[slot>>slotBits] |= 1 << (slot % slotsPerLevel)
	n.child = none
	n.prev = slot
	n.next = head.child
	w.nodes[head.child].prev = x
	head.child = x
}

// remove takes a node out of the list that it is in. Its children, if any, are
// melded and take its place.
func (w *Wheel) remove(x uint32, n *node) {
	prev := n.prev
	if prev == dueHead {
		w.due.live-- // its entry no longer has its seq and will be passed over
		return
	}
	heir := n.next
	if n.child != none {
		heir = w.meld(n.child)
		w.nodes[heir].next = n.next
		w.nodes[n.next].prev = heir
	}
	w.nodes[heir].prev = prev
	before := &w.nodes[prev]
	if before.child != x {
		before.next = heir
		return
	}
	before.child = heir
	if heir == none && prev < w.base {
		w.occupied[prev>>slotBits] &^= 1 << (prev % slotsPerLevel)
	}
}

// firstSlot is the head of the first occupied slot, or none. Lower levels are
// earlier, and within a level no slot before the current tick is occupied.
func (w *Wheel) firstSlot() uint32 {
	for level, word := range w.occupied {
		if word != 0 {
			return uint32(level)<<slotBits | uint32(bits.TrailingZeros64(word))
		}
	}
	return none
}

// earliest is the first node, by deadline and order of arming, of a slot that
// is not empty. It folds the slot into one heap, each node's share of the work
// being paid by the call that filed it.
func (w *Wheel) earliest(slot uint32) uint32 {
	first := w.nodes[slot].child
	if w.nodes[first].next == none {
		return first
	}
	root := w.meld(first)
	w.nodes[root].prev = slot
	w.nodes[slot].child = root
	return root
}

// meld makes one heap of the heaps in a list, by the two passes of a pairing
// heap, and returns its root. The root's prev is left to the caller.
func (w *Wheel) meld(first uint32) uint32 {
	pairs := uint32(none)
	for first != none {
		a := first
		b := w.nodes[a].next
		if b == none {
			w.nodes[a].next = pairs
			pairs = a
			break
		}
		first = w.nodes[b].next
		a = w.join(a, b)
		w.nodes[a].next = pairs
		pairs = a
	}
	root := pairs
	rest := w.nodes[root].next
	for rest != none {
		next := w.nodes[rest].next
		root = w.join(root, rest)
		rest = next
	}
	w.nodes[root].next = none
	return root
}

// join makes the later of two roots the first child of the other, which it
// returns with its next undefined.
func (w *Wheel) join(a, b uint32) uint32 {
	w.visits++
	if w.before(b, a) {
		a, b = b, a
	}
	parent, child := &w.nodes[a], &w.nodes[b]
	child.next = parent.child
	child.prev = a
	w.nodes[parent.child].prev = b
	parent.child = b
	return a
}

func (w *Wheel) before(a, b uint32) bool {
	x, y := &w.nodes[a], &w.nodes[b]
	return x.deadline < y.deadline || x.deadline == y.deadline && x.seq < y.seq
}

// drain empties a slot: what is due at now becomes due, in no order; the rest
// is filed anew.
func (w *Wheel) drain(slot uint32, now int64) {
	head := &w.nodes[slot]
	x := head.child
	head.child = none
	w.occupied[slot>>slotBits] &^= 1 << (slot % slotsPerLevel)
	// A parent is dealt with after its children; until then its prev links it
	// to the parent before it.
	parents := uint32(none)
	for {
		for x != none && w.nodes[x].child != none {
			w.nodes[x].prev = parents
			parents = x
			x = w.nodes[x].child
		}
		if x == none {
			if parents == none {
				return
			}
			x = parents
			parents = w.nodes[x].prev
		}
		w.visits++
		n := &w.nodes[x]
		next := n.next
		if n.deadline <= now {
			w.pushDue(x, n)
		} else {
			w.file(x, n)
		}
		x = next
	}
}

// drainPassed drains every slot that lies between the previous tick and the
// current one, which includes the slot of a higher level that the current tick
// lies in but not its slot in level 0. It reports whether what became due is
// in order.
//
// A node that was moved later may be filed into a slot that has its turn yet.
// It is then looked at once more and filed there again.
func (w *Wheel) drainPassed(previous uint64, now int64) (sorted bool) {
	sorted = true
	batch := len(w.due.entries)
	top := levelOf(previous ^ w.current)
	for level := range top + 1 {
		word := w.occupied[level+firstLevel]
		if level == top {
			position := uint(w.current>>(top*slotBits)) % slotsPerLevel
			word &= 1<<position - 1 | min(uint64(top), 1)<<position
		}
		for ; word != 0; word &= word - 1 {
			slot := uint32(level+firstLevel)<<slotBits | uint32(bits.TrailingZeros64(word))
			run := len(w.due.entries)
			w.drain(slot, now)
			sorted = w.due.sortRun(batch, run) && sorted
		}
	}
	return sorted
}

// popSlot makes what is due in a slot due, in order, and leaves the rest alone:
// a loop may come by many times within one tick.
func (w *Wheel) popSlot(slot uint32, now int64) {
	for w.nodes[slot].child != none {
		x := w.earliest(slot)
		n := &w.nodes[x]
		if n.deadline > now {
			return
		}
		w.remove(x, n)
		w.pushDue(x, n)
	}
}
