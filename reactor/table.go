package reactor

import "github.com/metalio/metalio/slab"

// table holds the registrations of a Loop. Each has a slot and a key that names
// the slot and how often it has been used; the key is the token that the Poll
// knows. An event whose key finds nothing is of a registration that is gone,
// whatever has become of its descriptor's number.
type table struct {
	slots *slab.Slab[registration]
	byFD  fdIndex
	byPID map[int]slab.Key
}

// registration is of a descriptor, or of a process if pid is not 0.
type registration struct {
	fd       FD
	pid      int
	token    Token
	interest Interest
}

func newTable(capacity int) table {
	return table{
		slots: slab.New[registration](slab.Config{Capacity: capacity, Limit: slab.MaxLimit}),
		byPID: make(map[int]slab.Key),
	}
}

// add stores r under a new key. Until bind, find does not know of it.
func (t *table) add(r registration) (slab.Key, error) { return t.slots.Insert(r) }

// discard takes back an add.
func (t *table) discard(key slab.Key) { t.slots.Remove(key) }

// bind makes key the registration of its descriptor. A registration that held
// the number before has lost its descriptor to a close without Deregister, and
// goes.
func (t *table) bind(fd FD, key slab.Key) {
	t.slots.Remove(t.byFD.get(fd))
	t.byFD.set(fd, key)
}

// get returns the registration that key names, if it is there still.
func (t *table) get(key slab.Key) (*registration, bool) { return t.slots.Get(key) }

// find returns the key and the registration of fd.
func (t *table) find(fd FD) (slab.Key, *registration) {
	key := t.byFD.get(fd)
	r, _ := t.slots.Get(key)
	return key, r
}

// remove forgets fd, and reports whether it was known.
func (t *table) remove(fd FD) bool {
	_, known := t.slots.Remove(t.byFD.get(fd))
	if known {
		t.byFD.set(fd, 0)
	}
	return known
}

// bindProcess makes key the registration of a process.
func (t *table) bindProcess(pid int, key slab.Key) { t.byPID[pid] = key }

// removeProcess forgets a process.
func (t *table) removeProcess(pid int) {
	t.slots.Remove(t.byPID[pid])
	delete(t.byPID, pid)
}

func (t *table) clear() {
	for _, r := range t.slots.All() {
		if r.pid != 0 {
			t.removeProcess(r.pid)
		} else {
			t.remove(r.fd)
		}
	}
}

// fdIndex finds a key by descriptor. Descriptors are small numbers, given out
// from the lowest, so most are an index; the few that are not are in a map. No
// key is zero.
type fdIndex struct {
	small []slab.Key
	large map[FD]slab.Key
}

// smallFDs is how far the slice may grow: half a million descriptors, 4 MiB.
const smallFDs = 1 << 19

func (x *fdIndex) get(fd FD) slab.Key {
	if fd < FD(len(x.small)) {
		return x.small[fd]
	}
	if fd < smallFDs {
		return 0
	}
	return x.large[fd]
}

func (x *fdIndex) set(fd FD, key slab.Key) {
	switch {
	case fd < FD(len(x.small)):
		x.small[fd] = key
	case fd < smallFDs:
		x.grow(fd)
		x.small[fd] = key
	case key == 0:
		delete(x.large, fd)
	default:
		if x.large == nil {
			x.large = make(map[FD]slab.Key)
		}
		x.large[fd] = key
	}
}

// grow makes room for fd, doubling so that it is rare.
func (x *fdIndex) grow(fd FD) {
	size := max(2*len(x.small), 64)
	for FD(size) <= fd {
		size *= 2
	}
	small := make([]slab.Key, size)
	copy(small, x.small)
	x.small = small
}
