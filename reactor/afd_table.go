//go:build windows

package reactor

import (
	"math/bits"
	"sync"
)

// socketTable maps sockets to values by open addressing. Unlike a map, it does
// not allocate when sockets come and go, only when there are more of them at
// one time than ever before.
type socketTable[V any] struct {
	entries []socketEntry[V] // none, or a power of two of them
	count   int
}

type socketEntry[V any] struct {
	socket uintptr
	used   bool
	value  V
}

func (t *socketTable[V]) get(socket uintptr) (value V, ok bool) {
	if t.count == 0 {
		return value, false
	}
	e := &t.entries[t.seek(socket)]
	return e.value, e.used
}

// put adds a socket that is not in the table.
func (t *socketTable[V]) put(socket uintptr, value V) {
	if t.count >= len(t.entries)/2 {
		t.grow()
	}
	t.entries[t.seek(socket)] = socketEntry[V]{socket, true, value}
	t.count++
}

// remove closes the gap that it makes by moving later entries back, since a
// search ends at the first gap.
func (t *socketTable[V]) remove(socket uintptr) {
	if t.count == 0 {
		return
	}
	gap := t.seek(socket)
	if !t.entries[gap].used {
		return
	}
	mask := len(t.entries) - 1
	for i := (gap + 1) & mask; t.entries[i].used; i = (i + 1) & mask {
		// An entry may move back to the gap if that is no further back than
		// the place where its search begins.
		if home := t.home(t.entries[i].socket); (i-home)&mask >= (i-gap)&mask {
			t.entries[gap] = t.entries[i]
			gap = i
		}
	}
	t.entries[gap] = socketEntry[V]{}
	t.count--
}

// seek finds the entry of socket, or the gap where it would be.
func (t *socketTable[V]) seek(socket uintptr) int {
	i := t.home(socket)
	for t.entries[i].used && t.entries[i].socket != socket {
		i = (i + 1) & (len(t.entries) - 1)
	}
	return i
}

// home is where the search for socket begins. Sockets are multiples of four and
// follow each other; multiplication by 2^64 divided by the golden ratio spreads
// them.
func (t *socketTable[V]) home(socket uintptr) int {
	return int(uint64(socket) * 0x9e3779b97f4a7c15 >> (64 - bits.TrailingZeros(uint(len(t.entries)))))
}

func (t *socketTable[V]) grow() {
	old := t.entries
	t.entries = make([]socketEntry[V], max(64, 2*len(old)))
	for _, e := range old {
		if e.used {
			t.entries[t.seek(e.socket)] = e
		}
	}
}

// claims says which record of which selector polls a socket. Two polls of one
// socket in one process take each other's events from time to time, so it has
// to be one for the whole process.
var claims struct {
	sync.Mutex
	bySocket socketTable[claim]
}

type claim struct {
	owner *selector
	slot  uint32
}

// claimSocket makes c the only one to poll base, or returns who is.
func claimSocket(base uintptr, c claim) (rival claim) {
	claims.Lock()
	defer claims.Unlock()
	if rival, taken := claims.bySocket.get(base); taken {
		return rival
	}
	claims.bySocket.put(base, c)
	return claim{}
}

func unclaimSocket(base uintptr) {
	claims.Lock()
	defer claims.Unlock()
	claims.bySocket.remove(base)
}
