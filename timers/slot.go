package timers

import (
	"math"
	"math/bits"
)

const (
	slotBits      = 6
	slotsPerLevel = 1 << slotBits
	maxLevels     = (64 + slotBits - 1) / slotBits // with a tick of 1 ns
)

// A list is kept in chunks of one cache line: a word that is the number of the
// chunk before it, and node numbers. A position is a chunk's number, times
// chunkLen, plus the index in it.
const (
	chunkBits = 4
	chunkLen  = 1 << chunkBits
)

// none is a node, and a chunk, that does not exist. Its links may be written
// and are never read.
const none = 0

// Where a node is, if not at a position of a list: those of chunk none are
// free for it.
const (
	nowhere = iota // free
	inDue
	inHeap
)

// node is half a cache line and, as long as nobody asks for the earliest of
// many, all that a timer has.
type node struct {
	deadline int64
	order    uint64 // of arming, doubled; plus 1 if periodic
	token    uint64
	gen      uint32 // odd while in use
	at       uint32
}

// slot has a list and a heap.
//
// The list's entries are node numbers, youngest last. An entry is stale, and
// will be passed over, when its node is not (any more) at the entry's position.
// A node in a list may have a deadline that is too late for the slot.
//
// The heap has what earlier calls of fold found in the list: only what belongs
// into the slot.
type slot struct {
	min   int64  // no deadline in the list is earlier
	minAt uint32 // position of an entry that was filed with it
	last  uint32 // position of the last entry, or the last one of chunk none
	root  uint32 // of the heap
}

func (s *slot) clearList() { s.min, s.minAt, s.last = math.MaxInt64, none, chunkLen-1 }

func (s *slot) hasList() bool { return s.last >= chunkLen }

// chunkPool is the memory of all lists.
type chunkPool struct {
	words []uint32
	free  uint32 // first free chunk, linked by first words
	fresh uint32 // chunks from here on were never used
	left  uint32 // chunks that are free or were never used
}

// take is a chunk, of which there must be one left.
func (p *chunkPool) take() uint32 {
	p.left--
	if chunk := p.free; chunk != none {
		p.free = p.words[chunk<<chunkBits]
		return chunk
	}
	p.fresh++
	return p.fresh - 1
}

func (p *chunkPool) release(chunk uint32) {
	p.words[chunk<<chunkBits] = p.free
	p.free = chunk
	p.left++
}

// grow makes room for a number of chunks beside chunk none.
func (p *chunkPool) grow(chunks int) {
	p.left += uint32(1+chunks) - uint32(len(p.words)>>chunkBits)
	p.words = resized(p.words, (1+chunks)*chunkLen)
}

// reset takes all chunks back.
func (p *chunkPool) reset() {
	p.free, p.fresh = none, 1
	p.left = uint32(len(p.words)>>chunkBits) - 1
}

// chunksFor is the number of chunks for a capacity: room for as many stale
// entries as live ones.
func chunksFor(capacity int) int {
	chunks := uint64(capacity)*2/(chunkLen-1) + 2*slotsPerLevel
	return int(min(chunks, 1<<(32-chunkBits)-2))
}

// tick is the number of the tick that t falls into. Flipping the sign bit maps
// int64 to uint64 in order.
func (w *Wheel) tick(t int64) uint64 {
	return (uint64(t) ^ 1<<63) >> (w.shift % 64)
}

// slotFor is the slot that a deadline belongs into at this time. What has
// passed belongs into the current tick, where it is found first.
func (w *Wheel) slotFor(deadline int64) uint32 {
	t := max(w.tick(deadline), w.current)
	level := levelOf(t ^ w.current)
	return uint32(level)<<slotBits | uint32(t>>(level*slotBits%64))%slotsPerLevel
}

// levelOf is the level at which two ticks with this exclusive or differ.
func levelOf(difference uint64) uint {
	return uint(bits.Len64(difference|1)-1) / slotBits
}

func (w *Wheel) occupy(i uint32) { w.occupied[i>>slotBits] |= 1 << (i % slotsPerLevel) }

func (w *Wheel) vacateIfEmpty(i uint32) {
	if s := &w.slots[i]; !s.hasList() && s.root == none {
		w.occupied[i>>slotBits] &^= 1 << (i % slotsPerLevel)
	}
}

// file puts a node, which is nowhere, into its slot.
func (w *Wheel) file(x uint32, n *node) {
	i := w.slotFor(n.deadline)
	s := &w.slots[i]
	at := s.last + 1
	if at%chunkLen == 0 {
		if w.pool.left == 0 {
			w.pushHeap(i, x, n)
			return
		}
		at = w.extend(i, s)
	}
	w.pool.words[at] = x
	n.at = at
	s.last = at
	if n.deadline < s.min {
		s.min, s.minAt = n.deadline, at
	}
}

// extend adds a chunk to a list and returns its first position.
func (w *Wheel) extend(i uint32, s *slot) uint32 {
	w.occupy(i)
	chunk := w.pool.take()
	w.pool.words[chunk<<chunkBits] = s.last >> chunkBits
	return chunk<<chunkBits + 1
}

// unfile takes a node out of where it is. In a list, an entry that is stale now
// stays behind: finding the node's neighbours costs more than passing it over.
func (w *Wheel) unfile(x uint32, n *node) {
	if n.at >= chunkLen {
		return
	}
	if n.at == inHeap {
		w.removeHeap(x)
	} else {
		w.due.live-- // its entry will be passed over, too
	}
}

// fileNew is file for a node that comes from outside the lists.
func (w *Wheel) fileNew(x uint32, n *node) {
	if w.pool.left == 0 {
		w.sweepIfPaid()
	}
	w.file(x, n)
}

// sweepIfPaid removes all stale entries, unless there were fewer armings since
// it did so than half the nodes that it has to look at.
func (w *Wheel) sweepIfPaid() {
	if w.order-w.swept >= uint64(w.fresh) {
		w.sweep()
	}
}

// sweep builds all lists anew. It reads the nodes from first to last, which is
// much faster than following the lists.
func (w *Wheel) sweep() {
	for level, word := range w.occupied {
		for ; word != 0; word &= word - 1 {
			i := uint32(level)<<slotBits | uint32(bits.TrailingZeros64(word))
			w.slots[i].clearList()
			w.vacateIfEmpty(i)
			w.visits++
		}
	}
	w.pool.reset()
	w.swept = w.order
	for x := uint32(1); x < w.fresh; x++ {
		if n := &w.nodes[x]; n.at >= chunkLen {
			w.file(x, n)
		}
	}
	w.visits += uint64(w.fresh)
}

// firstSlot is the first occupied slot. There must be one. Lower levels are
// earlier, and within a level no slot before the current tick is occupied.
func (w *Wheel) firstSlot() uint32 {
	level := 0
	for w.occupied[level] == 0 {
		level++
	}
	return uint32(level)<<slotBits | uint32(bits.TrailingZeros64(w.occupied[level]))
}

// earliest is the earliest deadline in a slot. If it is not at hand the list is
// folded into the heap, each entry's share of the work being paid by the call
// that filed it, and the result is false: the slot may be empty now.
func (w *Wheel) earliest(i uint32) (deadline int64, ok bool) {
	s := &w.slots[i]
	if !s.hasList() {
		return w.nodes[s.root].deadline, true
	}
	n := &w.nodes[w.pool.words[s.minAt]]
	if n.at != s.minAt || n.deadline != s.min {
		w.fold(i)
		return 0, false
	}
	if s.root == none {
		return s.min, true
	}
	return min(s.min, w.nodes[s.root].deadline), true
}

// takeChunk copies to nodes those of the entries of a list's last chunk that
// are not stale, frees the chunk, and returns their number and the position of
// the last entry of the chunk before. Only with that loop are all nodes read at
// once, as no branch depends on them.
func (w *Wheel) takeChunk(last uint32, nodes *[chunkLen]uint32) (n int, before uint32) {
	first := last &^ (chunkLen - 1)
	before = w.pool.words[first]<<chunkBits | (chunkLen - 1)
	for at := last; at > first; at-- {
		x := w.pool.words[at]
		nodes[n%chunkLen] = x
		if w.nodes[x].at == at {
			n++
		}
	}
	w.visits += uint64(last - first)
	w.pool.release(first >> chunkBits)
	return n, before
}

// drain empties a slot: what is due at now becomes due, in no order; the rest
// is filed anew.
func (w *Wheel) drain(i uint32, now int64) {
	root := w.slots[i].root
	w.slots[i].root = none
	w.drainList(i, now)
	w.drainHeap(root, now)
}

func (w *Wheel) drainList(i uint32, now int64) {
	s := &w.slots[i]
	last := s.last
	s.clearList()
	w.vacateIfEmpty(i)
	var nodes [chunkLen]uint32
	for last >= chunkLen {
		var count int
		count, last = w.takeChunk(last, &nodes)
		for _, x := range nodes[:count] {
			n := &w.nodes[x]
			if n.deadline <= now {
				w.pushDue(x, n)
			} else {
				w.file(x, n)
			}
		}
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
		word := w.occupied[level]
		if level == top {
			position := uint(w.current>>(top*slotBits)) % slotsPerLevel
			word &= 1<<position - 1 | min(uint64(top), 1)<<position
		}
		for ; word != 0; word &= word - 1 {
			run := len(w.due.entries)
			w.drain(uint32(level)<<slotBits|uint32(bits.TrailingZeros64(word)), now)
			sorted = w.due.sortRun(batch, run) && sorted
		}
	}
	return sorted
}

// popSlot makes what is due in a slot due and leaves the rest in it: a loop may
// come by many times within one tick. It reports whether what became due since
// batch is in order.
func (w *Wheel) popSlot(i uint32, now int64, batch int) (sorted bool) {
	s := &w.slots[i]
	run := len(w.due.entries)
	if s.hasList() && s.min <= now {
		if before := w.pool.words[s.last&^(chunkLen-1)]; before == none {
			w.drainList(i, now) // few enough to look at each time
		} else {
			w.fold(i)
		}
	}
	for s.root != none && w.nodes[s.root].deadline <= now {
		x := s.root
		w.removeHeap(x)
		w.pushDue(x, &w.nodes[x])
	}
	return w.due.sortRun(batch, run)
}
