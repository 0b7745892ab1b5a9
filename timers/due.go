package timers

import (
	"cmp"
	"slices"
)

// dueQueue is what Advance found and Pop did not take yet. An entry is valid
// while its node is in the queue and has its order: cancelling and resetting
// change the node only.
type dueQueue struct {
	entries []dueEntry
	head    int // entries before it are popped or were found invalid
	live    int // valid entries
}

type dueEntry struct {
	deadline int64
	order    uint64
	node     uint32
}

func compareDue(a, b dueEntry) int {
	if a.deadline != b.deadline {
		return cmp.Compare(a.deadline, b.deadline)
	}
	return cmp.Compare(a.order, b.order)
}

func sortDue(entries []dueEntry) { slices.SortFunc(entries, compareDue) }

// resize makes room for all timers of a wheel at once and a quarter more, by
// which compacting is paid: see reserveDue.
func (q *dueQueue) resize(capacity int) {
	entries := make([]dueEntry, len(q.entries), capacity+capacity/4)
	copy(entries, q.entries)
	q.entries = entries
}

func (w *Wheel) pushDue(x uint32, n *node) {
	n.at = inDue
	w.due.entries = append(w.due.entries, dueEntry{n.deadline, n.order, x})
	w.due.live++
}

// firstDue is the first valid entry, which becomes the head.
func (w *Wheel) firstDue() (dueEntry, bool) {
	q := &w.due
	if q.live == 0 {
		return dueEntry{}, false
	}
	for !w.valid(q.entries[q.head]) {
		q.head++
	}
	return q.entries[q.head], true
}

func (w *Wheel) valid(e dueEntry) bool {
	n := &w.nodes[e.node]
	return n.at == inDue && n.order == e.order
}

// reserveDue makes room for every timer that is not due yet, so that pushDue
// never allocates. If it has to move entries, more than a quarter of the
// capacity are invalid, and pay for it.
func (w *Wheel) reserveDue() {
	q := &w.due
	if q.live == 0 {
		q.entries, q.head = q.entries[:0], 0
		return
	}
	if cap(q.entries)-len(q.entries) >= w.Len()-q.live {
		return
	}
	kept := q.entries[:0]
	for _, e := range q.entries[q.head:] {
		if w.valid(e) {
			kept = append(kept, e)
		}
	}
	q.entries, q.head = kept, 0
}

// sortRun puts the entries from start on in order, and reports whether they
// follow what this Advance found before, from batch on. They come from one
// slot, mostly youngest first.
func (q *dueQueue) sortRun(batch, start int) bool {
	run := q.entries[start:]
	if len(run) > 1 {
		slices.Reverse(run)
		sortDue(run)
	}
	return start == batch || len(run) == 0 || compareDue(q.entries[start-1], run[0]) < 0
}
