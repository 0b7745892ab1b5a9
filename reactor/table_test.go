package reactor

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"unsafe"
)

// With many descriptors an event waits for memory: for one line of the cache if
// its entry lies in one, as it does only while the size divides that of a line.
// The sizes are also what a registration costs the process.
func TestTableSizes(t *testing.T) {
	const line = 64
	if size := unsafe.Sizeof(entry{}); size != 16 {
		t.Errorf("an entry is %d bytes, want 16", size)
	}
	if size := unsafe.Sizeof(slotNumber(0)); size != 4 {
		t.Errorf("a descriptor's place in the index is %d bytes, want 4", size)
	}
	tab := newTable(3 * pageLen)
	if n := len(tab.entries.pages); n != 3 {
		t.Errorf("%d pages for %d registrations", n, 3*pageLen)
	}
	for _, page := range tab.entries.pages {
		if at := uintptr(unsafe.Pointer(page)); at%unsafe.Sizeof(entry{}) != 0 || line%unsafe.Sizeof(entry{}) != 0 {
			t.Errorf("entries from %#x lie across lines", at)
		}
	}
}

func mustAdd(t *testing.T, tab *table, token Token, interest Interest) key {
	t.Helper()
	k, errno := tab.add(token, interest)
	if errno != 0 {
		t.Fatal(errno)
	}
	return k
}

func wantEntry(t *testing.T, tab *table, k key, token Token, methods Interest) {
	t.Helper()
	if gotToken, got := tab.get(k); got != methods || got != 0 && gotToken != token {
		t.Fatalf("key %#x: token %d, methods %v; want %d, %v", k, gotToken, got, token, methods)
	}
}

func TestTableKeysOfOneSlot(t *testing.T) {
	var tab table
	var gone []key
	for i := range Token(1000) {
		k := mustAdd(t, &tab, i, Readable)
		for _, old := range gone {
			wantEntry(t, &tab, old, 0, 0)
		}
		wantEntry(t, &tab, k, i, Readable)
		tab.discard(k)
		wantEntry(t, &tab, k, 0, 0)
		gone = append(gone, k)
	}
	if tab.used != 1 || tab.len != 0 {
		t.Fatalf("%d slots used and %d registrations, want 1 and none", tab.used, tab.len)
	}
}

// A key that the table has not given is of somebody who registers with the
// Loop's Poll.
func TestTableForgedKeys(t *testing.T) {
	tab := newTable(1)
	k := mustAdd(t, &tab, 1, Readable|Writable)
	for _, forged := range []key{0, 1, slotMask, k + 1, k + 1<<slotBits, k - 1<<slotBits, 1 << 63, key(wakeToken)} {
		wantEntry(t, &tab, forged, 0, 0)
	}
}

func TestTableKeysComeAgain(t *testing.T) {
	tab := newTable(1)
	first := mustAdd(t, &tab, 1, Readable)
	tab.discard(first)
	tab.entry(1).state = 1<<64 - 1<<slotBits // the last use before the count overflows
	for i := range Token(3) {
		k := mustAdd(t, &tab, i, Writable)
		wantEntry(t, &tab, k, i, Writable)
		if i == 1 && k != first {
			t.Fatalf("key %#x, want %#x again", k, first)
		}
		tab.discard(k)
		wantEntry(t, &tab, k, 0, 0)
	}
}

func TestTableFull(t *testing.T) {
	tab := newTable(1)
	tab.used = maxSlots - 1
	last := mustAdd(t, &tab, 7, Readable)
	if last&slotMask != maxSlots-1 {
		t.Fatalf("the last slot is %#x", last&slotMask)
	}
	if k, errno := tab.add(8, Readable); errno != syscall.ENOSPC {
		t.Fatalf("key %#x, %v in a full table", k, errno)
	}
	wantEntry(t, &tab, last, 7, Readable)
	tab.discard(last)
	if again := mustAdd(t, &tab, 9, Readable); again&slotMask != last&slotMask {
		t.Fatalf("slot %#x, want the one that is free", again&slotMask)
	}
}

// What a priority registration is told is news to read.
func TestTableKeepsMethods(t *testing.T) {
	var tab table
	for interest, methods := range map[Interest]Interest{
		Readable: Readable, Writable: Writable, Priority: Readable,
		Readable | Writable: Readable | Writable, Writable | Priority: Readable | Writable,
	} {
		k := mustAdd(t, &tab, 1, interest)
		wantEntry(t, &tab, k, 1, methods)
		tab.bind(3, k)
		found, e := tab.find(3)
		if found != k {
			t.Fatalf("found %#x, want %#x", found, k)
		}
		e.set(2, Writable)
		wantEntry(t, &tab, k, 2, Writable)
	}
}

// TestTableAgainstMap adds, binds and removes at random, numbers that
// the index has in its map included, and compares with a map.
func TestTableAgainstMap(t *testing.T) {
	type registered struct {
		k     key
		token Token
	}
	fds := []FD{0, 1, 2, 3, pageLen - 1, pageLen, 5 * pageLen, smallFDs - 1, smallFDs, 1 << 31, ^FD(0)}
	rng := rand.New(rand.NewPCG(1, 2))
	var tab table
	model := map[FD]registered{}
	gone := map[key]bool{}
	for i := range Token(20_000) {
		fd := fds[rng.IntN(len(fds))]
		old, known := model[fd]
		switch rng.IntN(3) {
		case 0:
			if removed := tab.remove(fd); removed != known {
				t.Fatalf("remove %d: %v, want %v", fd, removed, known)
			}
			delete(model, fd)
			gone[old.k] = known
		case 1:
			k := mustAdd(t, &tab, i, Readable)
			tab.discard(k) // the Poll has refused it
			gone[k] = true
		default:
			k := mustAdd(t, &tab, i, Readable)
			if gone[k] {
				t.Fatalf("key %#x was given before", k)
			}
			tab.bind(fd, k)
			model[fd] = registered{k, i}
			gone[old.k] = known
		}
		probe := fds[rng.IntN(len(fds))]
		want, known := model[probe]
		k, e := tab.find(probe)
		if (e != nil) != known || known && k != want.k {
			t.Fatalf("find %d: %#x, want %#x, %v", probe, k, want.k, known)
		}
		if known {
			wantEntry(t, &tab, k, want.token, Readable)
		}
		if gone[old.k] {
			wantEntry(t, &tab, old.k, 0, 0)
		}
		if tab.len != len(model) {
			t.Fatalf("%d registrations, want %d", tab.len, len(model))
		}
	}
	if int(tab.used) > len(fds)+1 {
		t.Fatalf("%d slots for %d descriptors", tab.used, len(fds))
	}
}
