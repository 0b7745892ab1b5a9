package timers

// links are what a node has while it is in the heap of a slot, a pairing heap.
// The prev of a child list's first node is the parent, which is how a node is
// taken out without knowing the way to it.
type links struct {
	next, prev, child uint32
	slot              uint32
}

// pushHeap puts a node, which is nowhere, into the heap of its slot.
func (w *Wheel) pushHeap(i, x uint32, n *node) {
	w.occupy(i)
	n.at = inHeap
	w.links[x] = links{slot: i}
	s := &w.slots[i]
	if s.root == none {
		s.root = x
		return
	}
	s.root = w.join(s.root, x)
	w.links[s.root].next, w.links[s.root].prev = none, none
}

// fold moves a slot's list into its heap. What does not belong into the slot
// any more, having been moved later, is filed anew.
func (w *Wheel) fold(i uint32) {
	s := &w.slots[i]
	last := s.last
	s.clearList()
	roots := s.root
	var nodes [chunkLen]uint32
	for last >= chunkLen {
		var count int
		count, last = w.takeChunk(last, &nodes)
		for _, x := range nodes[:count] {
			n := &w.nodes[x]
			if w.slotFor(n.deadline) != i {
				w.file(x, n)
				continue
			}
			n.at = inHeap
			w.links[x] = links{next: roots, slot: i}
			roots = x
		}
	}
	w.setRoot(i, roots)
}

// setRoot makes one heap of a list of them, and it that of the slot.
func (w *Wheel) setRoot(i, roots uint32) {
	s := &w.slots[i]
	s.root = roots
	if roots != none {
		s.root = w.meld(roots)
		w.links[s.root].prev = none
	} else {
		w.vacateIfEmpty(i)
	}
}

// removeHeap takes a node out of the heap that it is in. Its children, if any,
// are melded and take its place.
func (w *Wheel) removeHeap(x uint32) {
	l := &w.links[x]
	if w.slots[l.slot].root == x {
		w.setRoot(l.slot, l.child)
		return
	}
	heir := l.next
	if l.child != none {
		heir = w.meld(l.child)
		w.links[heir].next = l.next
		w.links[l.next].prev = heir
	}
	w.links[heir].prev = l.prev
	if before := &w.links[l.prev]; before.child == x {
		before.child = heir
	} else {
		before.next = heir
	}
}

// meld makes one heap of the heaps in a list, by the two passes of a pairing
// heap, and returns its root. The root's prev is left to the caller.
func (w *Wheel) meld(first uint32) uint32 {
	pairs := uint32(none)
	for first != none {
		a := first
		b := w.links[a].next
		if b == none {
			w.links[a].next = pairs
			pairs = a
			break
		}
		first = w.links[b].next
		a = w.join(a, b)
		w.links[a].next = pairs
		pairs = a
	}
	root := pairs
	rest := w.links[root].next
	for rest != none {
		next := w.links[rest].next
		root = w.join(root, rest)
		rest = next
	}
	w.links[root].next = none
	return root
}

// join makes the later of two roots the first child of the other, which it
// returns with its next undefined.
func (w *Wheel) join(a, b uint32) uint32 {
	w.visits++
	if w.before(b, a) {
		a, b = b, a
	}
	parent, child := &w.links[a], &w.links[b]
	child.next = parent.child
	child.prev = a
	w.links[parent.child].prev = b
	parent.child = b
	return a
}

func (w *Wheel) before(a, b uint32) bool {
	x, y := &w.nodes[a], &w.nodes[b]
	return x.deadline < y.deadline || x.deadline == y.deadline && x.order < y.order
}

// drainHeap does to a heap that is no slot's what drain does to a slot.
func (w *Wheel) drainHeap(x uint32, now int64) {
	// A parent is dealt with after its children; until then its prev links it
	// to the parent before it.
	parents := uint32(none)
	for {
		for x != none && w.links[x].child != none {
			w.links[x].prev = parents
			parents = x
			x = w.links[x].child
		}
		if x == none {
			if parents == none {
				return
			}
			x = parents
			parents = w.links[x].prev
		}
		w.visits++
		n := &w.nodes[x]
		next := w.links[x].next
		if n.deadline <= now {
			w.pushDue(x, n)
		} else {
			w.file(x, n)
		}
		x = next
	}
}
