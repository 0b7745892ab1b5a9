package timers

// heap4 is a 4-ary heap with keys in its entries and a table of positions, the
// structure that the benchmarks compare with. It has neither generations nor
// an order among equal deadlines.
type heap4 struct {
	entries []heapEntry
	at      []int32 // position by timer
}

type heapEntry struct {
	deadline int64
	timer    int32
}

func (h *heap4) put(i int, e heapEntry) {
	h.entries[i] = e
	h.at[e.timer] = int32(i)
}

func (h *heap4) up(i int, e heapEntry) {
	for i > 0 {
		parent := (i - 1) / 4
		if h.entries[parent].deadline <= e.deadline {
			break
		}
		h.put(i, h.entries[parent])
		i = parent
	}
	h.put(i, e)
}

func (h *heap4) down(i int, e heapEntry) {
	for {
		child := 4*i + 1
		if child >= len(h.entries) {
			break
		}
		for c := child + 1; c < min(4*i+5, len(h.entries)); c++ {
			if h.entries[c].deadline < h.entries[child].deadline {
				child = c
			}
		}
		if h.entries[child].deadline >= e.deadline {
			break
		}
		h.put(i, h.entries[child])
		i = child
	}
	h.put(i, e)
}

func (h *heap4) push(deadline int64, timer int32) {
	h.entries = append(h.entries, heapEntry{})
	h.up(len(h.entries)-1, heapEntry{deadline, timer})
}

func (h *heap4) remove(timer int32) {
	i := int(h.at[timer])
	last := h.entries[len(h.entries)-1]
	h.entries = h.entries[:len(h.entries)-1]
	if i < len(h.entries) {
		h.move(i, last)
	}
}

func (h *heap4) reset(timer int32, deadline int64) {
	h.move(int(h.at[timer]), heapEntry{deadline, timer})
}

func (h *heap4) move(i int, e heapEntry) {
	if i > 0 && e.deadline < h.entries[(i-1)/4].deadline {
		h.up(i, e)
		return
	}
	h.down(i, e)
}

func (h *heap4) pop() heapEntry {
	first := h.entries[0]
	h.remove(first.timer)
	return first
}
