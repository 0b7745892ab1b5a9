package timers

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"testing"
)

// model is the wheel's contract over a slice that is sorted anew whenever it
// matters.
type model struct {
	armed []modelTimer
	due   []modelTimer
	now   int64
	seq   int
}

type modelTimer struct {
	deadline, period int64
	seq              int
	id               ID
	token            uint64
}

func (m *model) arm(t modelTimer) {
	m.seq++
	t.seq = m.seq
	m.armed = append(m.armed, t)
}

func (m *model) take(id ID) (modelTimer, bool) {
	for _, list := range []*[]modelTimer{&m.armed, &m.due} {
		i := slices.IndexFunc(*list, func(t modelTimer) bool { return t.id == id })
		if i >= 0 {
			t := (*list)[i]
			*list = slices.Delete(*list, i, i+1)
			return t, true
		}
	}
	return modelTimer{}, false
}

func (m *model) sort() {
	slices.SortFunc(m.armed, func(a, b modelTimer) int {
		return cmp.Or(cmp.Compare(a.deadline, b.deadline), cmp.Compare(a.seq, b.seq))
	})
}

func (m *model) advance(now int64) int {
	m.now = max(m.now, now)
	m.sort()
	n := 0
	for n < len(m.armed) && m.armed[n].deadline <= now {
		n++
	}
	m.due = append(m.due, m.armed[:n]...)
	m.armed = slices.Delete(m.armed, 0, n)
	return n
}

func (m *model) pop() (Expired, bool) {
	if len(m.due) == 0 {
		return Expired{}, false
	}
	t := m.due[0]
	m.due = slices.Delete(m.due, 0, 1)
	e := Expired{ID: t.id, Token: t.token, Deadline: t.deadline}
	if t.period > 0 {
		e.Overruns = uint32(min((uint64(m.now)-uint64(t.deadline))/uint64(t.period), math.MaxUint32))
		// 128 bits, unlike the wheel's way around the overflow.
		missed := (uint64(m.now) - uint64(t.deadline)) / uint64(t.period)
		hi, lo := bits.Mul64(missed+1, uint64(t.period))
		room := uint64(math.MaxInt64) - uint64(t.deadline)
		if missed == math.MaxUint64 || hi > 0 || lo > room {
			t.deadline = math.MaxInt64
		} else {
			t.deadline = int64(uint64(t.deadline) + lo)
		}
		m.arm(t)
	}
	return e, true
}

func (m *model) next() (int64, bool) {
	if len(m.due) > 0 {
		return m.due[0].deadline, true
	}
	m.sort()
	if len(m.armed) == 0 {
		return 0, false
	}
	return m.armed[0].deadline, true
}

// check verifies the structure of a wheel: every live node is in exactly one
// place, no node is in a slot later than its deadline's, the lists' lower
// bounds hold, slots and words agree, and no chunk is lost.
func check(t testing.TB, w *Wheel) {
	t.Helper()
	chunks, listed, heaped := 0, 0, 0
	for i := range uint32(len(w.slots)) {
		s := &w.slots[i]
		if bit := w.occupied[i>>slotBits]>>(i%slotsPerLevel)&1 == 1; bit != (s.hasList() || s.root != none) {
			t.Fatalf("slot %d: occupied bit is %v, list %v, root %d", i, bit, s.hasList(), s.root)
		}
		for last := s.last; last >= chunkLen; last = w.pool.words[last&^(chunkLen-1)]<<chunkBits | (chunkLen - 1) {
			chunks++
			for at := last; at%chunkLen != 0; at-- {
				n := &w.nodes[w.pool.words[at]]
				if n.at != at {
					continue
				}
				listed++
				if w.slotFor(n.deadline) < i || n.deadline < s.min {
					t.Fatalf("slot %d, min %d: deadline %d belongs into %d", i, s.min, n.deadline, w.slotFor(n.deadline))
				}
			}
		}
		heaped += checkHeap(t, w, i, none, s.root)
	}
	valid := 0
	for _, e := range w.due.entries[w.due.head:] {
		if w.valid(e) {
			valid++
		}
	}
	inUse := 0
	for x := range w.nodes {
		n := &w.nodes[x]
		if free := n.at == nowhere; free != (n.gen&1 == 0) {
			t.Fatalf("node %d: at %d, gen %d", x, n.at, n.gen)
		}
		if n.at != nowhere {
			inUse++
		}
	}
	if valid != w.due.live || listed+heaped+valid != w.Len() || inUse != w.Len() {
		t.Fatalf("%d in lists, %d in heaps, %d due (counted %d), %d in use, Len() = %d", listed, heaped, valid, w.due.live, inUse, w.Len())
	}
	listChunks := chunks
	for chunk := w.pool.free; chunk != none; chunk = w.pool.words[chunk<<chunkBits] {
		chunks++
	}
	if left := len(w.pool.words)>>chunkBits - 1 - listChunks; chunks != int(w.pool.fresh)-1 || left != int(w.pool.left) {
		t.Fatalf("%d chunks of %d, %d left (counted %d)", chunks, w.pool.fresh-1, left, w.pool.left)
	}
}

// starve leaves an empty wheel so few chunks that entries must go to heaps, and
// that it sweeps often.
func starve(w *Wheel, chunks int) {
	w.pool.words = w.pool.words[:(1+chunks)*chunkLen]
	w.pool.reset()
}

// checkHeap verifies a list of siblings in a slot's heap and all below them,
// and counts them.
func checkHeap(t testing.TB, w *Wheel, slot, parent, x uint32) (n int) {
	t.Helper()
	for prev := parent; x != none; prev, x = x, w.links[x].next {
		l := &w.links[x]
		if l.prev != prev || l.slot != slot || w.nodes[x].at != inHeap || w.slotFor(w.nodes[x].deadline) != slot {
			t.Fatalf("slot %d: node %d, after %d: %+v, %+v", slot, x, prev, *l, w.nodes[x])
		}
		if parent != none && w.before(x, parent) {
			t.Fatalf("node %d is earlier than its parent %d", x, parent)
		}
		n += 1 + checkHeap(t, w, slot, x, l.child)
	}
	return n
}

// pair drives a wheel and a model side by side and compares every answer.
type pair struct {
	t   testing.TB
	w   *Wheel
	m   model
	ids []ID // every ID ever returned, stale ones included
}

func newPair(t testing.TB, cfg Config) *pair {
	return &pair{t: t, w: mustNew(t, cfg), m: model{now: cfg.Start}}
}

func (p *pair) add(first, period int64) {
	token := uint64(len(p.ids))
	var id ID
	var err error
	if period > 0 {
		id, err = p.w.AddPeriodic(first, period, token)
	} else {
		id, err = p.w.Add(first, token)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.ids = append(p.ids, id)
	p.m.arm(modelTimer{deadline: first, period: period, id: id, token: token})
}

func (p *pair) reset(id ID, deadline int64) {
	t, pending := p.m.take(id)
	if pending {
		t.deadline = deadline
		p.m.arm(t)
	}
	if got := p.w.Reset(id, deadline); got != pending {
		p.t.Fatalf("Reset(%#x, %d) = %v, want %v", id, deadline, got, pending)
	}
}

func (p *pair) cancel(id ID) {
	_, pending := p.m.take(id)
	if got := p.w.Cancel(id); got != pending {
		p.t.Fatalf("Cancel(%#x) = %v, want %v", id, got, pending)
	}
}

func (p *pair) advance(now int64) {
	want := p.m.advance(now)
	if got := p.w.Advance(now); got != want {
		p.t.Fatalf("Advance(%d) = %d, want %d", now, got, want)
	}
}

func (p *pair) pop() bool {
	want, wantOK := p.m.pop()
	got, ok := p.w.Pop()
	if got != want || ok != wantOK {
		p.t.Fatalf("Pop() = %+v, %v, want %+v, %v", got, ok, want, wantOK)
	}
	return ok
}

func (p *pair) next() {
	want, wantOK := p.m.next()
	if got, ok := p.w.Next(); got != want || ok != wantOK {
		p.t.Fatalf("Next() = %d, %v, want %d, %v", got, ok, want, wantOK)
	}
}

func (p *pair) deadline(id ID) {
	var want int64
	wantOK := false
	for _, t := range slices.Concat(p.m.armed, p.m.due) {
		if t.id == id {
			want, wantOK = t.deadline, true
		}
	}
	if got, ok := p.w.Deadline(id); got != want || ok != wantOK {
		p.t.Fatalf("Deadline(%#x) = %d, %v, want %d, %v", id, got, ok, want, wantOK)
	}
}

func (p *pair) settle() {
	for p.pop() {
	}
	p.next()
	check(p.t, p.w)
	if p.w.Len() != len(p.m.armed) {
		p.t.Fatalf("Len() = %d, want %d", p.w.Len(), len(p.m.armed))
	}
}

func mustNew(t testing.TB, cfg Config) *Wheel {
	t.Helper()
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}
