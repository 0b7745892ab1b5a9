package reactor

import (
	"syscall"

	"github.com/metalio/metalio/slab"
)

// table holds a Loop's registrations of descriptors. Each has an entry in a slot,
// and a key, which is the token that the Poll knows. An event whose key is not
// the entry's is of a registration that is gone, whatever has become of its
// descriptor's number.
type table struct {
	entries paged[entry]
	used    uint32     // slots that have ever been used
	free    slotNumber // the slot given back last
	byFD    fdIndex
	len     int
}

// key names a registration: its slot in the low bits, and above them how often
// the slot has been used. The same key comes again when its slot has been used
// 2^40 times, which at a million registrations a second takes twelve days.
type key uint64

const (
	slotBits = 24
	slotMask = 1<<slotBits - 1

	// maxSlots is sixteen million: sixteen times what Linux allows a process
	// to open, unless fs.nr_open was raised, proc_sys_fs(5). The slot
	// slotMask is no entry's, so that wakeToken is no entry's key.
	maxSlots = slotMask
)

// slotNumber is one more than the index of a slot, or 0 for none.
type slotNumber uint32

// entry is one registration, or room for one. Events come in no order that the
// processor could foresee, and with many descriptors each waits for the line of
// the cache that its entry is in. So an entry is 16 bytes, which lie in one line,
// and holds what an event needs and nothing else.
type entry struct {
	token Token // the caller's; of a free entry, the number of the next free slot

	// state is the key, but with the methods that events may call, as an
	// Interest, where the key has the slot. A free entry has no methods, so
	// that late events call none.
	state uint64
}

func (e *entry) set(token Token, interest Interest) {
	e.token = token
	e.state = e.state&^slotMask | uint64(handled(interest))
}

// newTable makes room for as many registrations as capacity.
func newTable(capacity int) (t table) {
	for i := 0; i < min(capacity, maxSlots); i += pageLen {
		t.entries.reach(uint(i))
	}
	return t
}

// errTableFull is what epoll_ctl(2) answers when it may watch no more.
const errTableFull = syscall.ENOSPC

// add makes a registration. Until bind, find does not know of it.
func (t *table) add(token Token, interest Interest) (key, syscall.Errno) {
	number := t.take()
	if number == 0 {
		return 0, errTableFull
	}
	e := t.entry(number)
	e.state += 1 << slotBits
	e.set(token, interest)
	t.len++
	return e.key(number), 0
}

// take returns a free slot, the one given back last if there is any: it is the
// likeliest to be in the cache.
func (t *table) take() slotNumber {
	if number := t.free; number != 0 {
		t.free = slotNumber(t.entry(number).token)
		return number
	}
	if t.used == maxSlots {
		return 0
	}
	t.entries.reach(uint(t.used))
	t.used++
	return slotNumber(t.used)
}

// discard takes back an add.
func (t *table) discard(k key) { t.release(slotNumber(k&slotMask) + 1) }

// release ends the registration in a slot.
func (t *table) release(number slotNumber) {
	t.entry(number).set(Token(t.free), 0)
	t.free = number
	t.len--
}

// bind makes k the registration of its descriptor. A registration that held the
// number before has lost its descriptor to a close without Deregister, and goes.
func (t *table) bind(fd FD, k key) {
	t.remove(fd)
	t.byFD.set(fd, slotNumber(k&slotMask)+1)
}

// get returns what an event of k is for: the token, and the methods that it may
// call, none if the registration is gone.
func (t *table) get(k key) (Token, Interest) {
	e := t.entries.find(uint(k & slotMask))
	if e == nil || (uint64(k)^e.state)>>slotBits != 0 {
		return 0, 0
	}
	return e.token, Interest(e.state)
}

// find returns the key and the entry of fd, or nil.
func (t *table) find(fd FD) (key, *entry) {
	number := t.byFD.get(fd)
	if number == 0 {
		return 0, nil
	}
	e := t.entry(number)
	return e.key(number), e
}

// remove forgets fd, and reports whether it was known.
func (t *table) remove(fd FD) bool {
	number := t.byFD.get(fd)
	if number == 0 {
		return false
	}
	t.release(number)
	t.byFD.set(fd, 0)
	return true
}

// entry returns that of a slot that is or was in use.
func (t *table) entry(number slotNumber) *entry { return t.entries.find(uint(number - 1)) }

func (e *entry) key(number slotNumber) key {
	return key(e.state&^slotMask) | key(number-1)
}

// fdIndex finds a slot by descriptor. Descriptors are small numbers, given out
// from the lowest, so most are an index; the few that are not are in a map.
type fdIndex struct {
	small paged[slotNumber]
	large map[FD]slotNumber
}

// smallFDs is what Linux allows a process to open, unless fs.nr_open was raised,
// proc_sys_fs(5): at most 4 MiB.
const smallFDs = 1 << 20

func (x *fdIndex) get(fd FD) slotNumber {
	if fd >= smallFDs {
		return x.large[fd]
	}
	if number := x.small.find(uint(fd)); number != nil {
		return *number
	}
	return 0
}

func (x *fdIndex) set(fd FD, number slotNumber) {
	switch {
	case fd < smallFDs:
		*x.small.reach(uint(fd)) = number
	case number == 0:
		delete(x.large, fd)
	default:
		if x.large == nil {
			x.large = make(map[FD]slotNumber)
		}
		x.large[fd] = number
	}
}

// paged is an array that grows without being copied: its elements stay where
// they are, in pages that are made when they are first needed.
type paged[T any] struct {
	pages []*[pageLen]T
}

const pageLen = 1024

// find returns element i, or nil if there is no page for it.
func (p *paged[T]) find(i uint) *T {
	pages, n := p.pages, i/pageLen
	if n >= uint(len(pages)) || pages[n] == nil {
		return nil
	}
	return &pages[n][i%pageLen]
}

// reach returns element i, and makes the page for it.
func (p *paged[T]) reach(i uint) *T {
	n := i / pageLen
	for n >= uint(len(p.pages)) {
		p.pages = append(p.pages, nil)
	}
	if p.pages[n] == nil {
		p.pages[n] = new([pageLen]T)
	}
	return &p.pages[n][i%pageLen]
}

// processTable holds a Loop's registrations of processes, of which there are few.
// Their keys are in their own space: the events say which are of processes.
type processTable struct {
	slots *slab.Slab[process] // made when first needed
	byPID map[int]slab.Key
}

type process struct {
	pid   int
	token Token
}

// add makes a registration. Until bind, remove does not know of it.
func (t *processTable) add(p process) (slab.Key, error) {
	if t.slots == nil {
		t.slots = slab.New[process](slab.Config{Capacity: 16, Limit: slab.MaxLimit})
		t.byPID = make(map[int]slab.Key)
	}
	return t.slots.Insert(p)
}

// discard takes back an add.
func (t *processTable) discard(k slab.Key) { t.slots.Remove(k) }

// bind makes k the registration of its process.
func (t *processTable) bind(pid int, k slab.Key) { t.byPID[pid] = k }

// get returns the registration that k names, if it is there still.
func (t *processTable) get(k slab.Key) (p process, ok bool) {
	if t.slots == nil {
		return process{}, false
	}
	if found, ok := t.slots.Get(k); ok {
		return *found, true
	}
	return process{}, false
}

// remove forgets a process.
func (t *processTable) remove(pid int) {
	if k, known := t.byPID[pid]; known {
		t.slots.Remove(k)
		delete(t.byPID, pid)
	}
}

func (t *processTable) len() int { return len(t.byPID) }
