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
// place, no node is in a slot later than its deadline's, heads and words agree.
func check(t testing.TB, w *Wheel) {
	t.Helper()
	seen := 0
	var walk func(parent, x uint32, slot uint32)
	walk = func(parent, x uint32, slot uint32) {
		prev := parent
		for ; x != none; x = w.nodes[x].next {
			n := &w.nodes[x]
			seen++
			if n.prev != prev || n.gen&1 == 0 || n.seq == 0 {
				t.Fatalf("node %d: prev %d (want %d), gen %d, seq %d", x, n.prev, prev, n.gen, n.seq)
			}
			if w.slotFor(n.deadline) < slot {
				t.Fatalf("node %d: in slot %d, deadline belongs into %d", x, slot, w.slotFor(n.deadline))
			}
			if parent >= w.base && w.before(x, parent) {
				t.Fatalf("node %d is earlier than its parent %d", x, parent)
			}
			walk(x, n.child, slot)
			prev = x
		}
	}
	for slot := uint32(firstLevel * slotsPerLevel); slot < w.base; slot++ {
		bit := w.occupied[slot>>slotBits]>>(slot%slotsPerLevel)&1 == 1
		if bit != (w.nodes[slot].child != none) {
			t.Fatalf("slot %d: occupied bit is %v, first node %d", slot, bit, w.nodes[slot].child)
		}
		walk(slot, w.nodes[slot].child, slot)
	}
	valid := 0
	for _, e := range w.due.entries[w.due.head:] {
		if w.valid(e) {
			valid++
		}
	}
	free := 0
	for x := w.free; x != none; x = w.nodes[x].next {
		free++
	}
	if valid != w.due.live || seen+valid != w.live || free+w.live != w.Cap() {
		t.Fatalf("%d in slots, %d due (counted %d), %d free, live %d of %d", seen, valid, w.due.live, free, w.live, w.Cap())
	}
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
