package slab

import (
	"errors"
	"math"
	"slices"
	"testing"
	"unsafe"
)

func mustInsert[T any](t testing.TB, s *Slab[T], v T) Key {
	t.Helper()
	key, err := s.Insert(v)
	if err != nil {
		t.Fatalf("Insert with %d of %d slots in use: %v", s.Len(), s.Cap(), err)
	}
	return key
}

func wantValue[T comparable](t testing.TB, s *Slab[T], key Key, want T) {
	t.Helper()
	p, ok := s.Get(key)
	if !ok || *p != want {
		t.Fatalf("Get(%#x) = %v, %v; want %v", key, p, ok, want)
	}
}

func wantAbsent[T any](t testing.TB, s *Slab[T], key Key) {
	t.Helper()
	if p, ok := s.Get(key); ok || p != nil {
		t.Fatalf("Get(%#x) = %v, %v; want nothing", key, p, ok)
	}
	if v, ok := s.Remove(key); ok {
		t.Fatalf("Remove(%#x) = %v, true; want nothing", key, v)
	}
}

func TestInsertGetRemove(t *testing.T) {
	s := New[string](Config{Capacity: 4})
	a := mustInsert(t, s, "a")
	b := mustInsert(t, s, "b")
	wantValue(t, s, a, "a")
	wantValue(t, s, b, "b")
	if v, ok := s.Remove(a); !ok || v != "a" {
		t.Fatalf("Remove = %q, %v", v, ok)
	}
	wantAbsent(t, s, a)
	wantValue(t, s, b, "b")
	if s.Len() != 1 || s.Cap() != 4 {
		t.Fatalf("Len, Cap = %d, %d; want 1, 4", s.Len(), s.Cap())
	}
}

func TestStaleKeyAfterReuse(t *testing.T) {
	s := New[int](Config{Capacity: 1})
	var stale []Key
	for i := range 1000 {
		key := mustInsert(t, s, i)
		for _, old := range stale {
			wantAbsent(t, s, old)
		}
		wantValue(t, s, key, i)
		s.Remove(key)
		stale = append(stale, key)
	}
}

func TestForgedKeys(t *testing.T) {
	s := New[int](Config{Capacity: 3, Limit: 100})
	key := mustInsert(t, s, 7)
	for _, forged := range []Key{0, 1, 2, 99, 127, key + 1, key + s.step, key - s.step, key + 2*s.step, math.MaxUint64, 1 << 63} {
		wantAbsent(t, s, forged)
	}
	s.Remove(key)
	// What a free slot holds inside must not work as a key either.
	wantAbsent(t, s, key+s.step)
	wantAbsent(t, s, 0)
	wantAbsent(t, New[int](Config{}), 0)
}

func TestGenerationWraps(t *testing.T) {
	for _, capacity := range []int{1, 2, 1000} {
		s := New[int](Config{Capacity: capacity})
		first := mustInsert(t, s, 1)
		s.Remove(first)
		s.at(0).key = -s.step - s.step // generation 2^(64-n) - 2: free, with one insertion left before the wrap
		before := []Key{first}
		for i := range 4 {
			key := mustInsert(t, s, i)
			if key == 0 || key&s.indexMask != 0 || key&s.step == 0 {
				t.Fatalf("capacity %d: bad key %#x around the wrap", capacity, key)
			}
			wantValue(t, s, key, i)
			s.Remove(key)
			wantAbsent(t, s, key)
			before = append(before, key)
		}
		if !slices.Contains(before[1:], first) {
			t.Fatalf("capacity %d: the wrap did not come back to %#x: %#x", capacity, first, before)
		}
	}
}

func TestFixedIsFull(t *testing.T) {
	s := New[int](Config{Capacity: 5})
	keys := make([]Key, 5)
	for i := range keys {
		keys[i] = mustInsert(t, s, i)
	}
	if key, err := s.Insert(5); !errors.Is(err, ErrFull) || key != 0 {
		t.Fatalf("Insert into a full slab = %#x, %v", key, err)
	}
	if key, p, err := s.Alloc(); !errors.Is(err, ErrFull) || key != 0 || p != nil {
		t.Fatalf("Alloc in a full slab = %#x, %v, %v", key, p, err)
	}
	s.Remove(keys[2])
	keys[2] = mustInsert(t, s, 22)
	wantValue(t, s, keys[2], 22)
}

func TestGrowsToLimitAndPointersStay(t *testing.T) {
	s := New[int](Config{Capacity: 3, Limit: 10})
	if s.Cap() != 4 {
		t.Fatalf("Cap = %d; want 3 rounded up to 4", s.Cap())
	}
	keys := make([]Key, 10)
	pointers := make([]*int, 10)
	for i := range keys {
		key, p, err := s.Alloc()
		if err != nil {
			t.Fatal(err)
		}
		*p = i
		keys[i], pointers[i] = key, p
	}
	if _, err := s.Insert(10); !errors.Is(err, ErrFull) {
		t.Fatalf("Insert beyond the limit: %v", err)
	}
	if s.Cap() != 10 || s.Len() != 10 {
		t.Fatalf("Cap, Len = %d, %d; want 10, 10", s.Cap(), s.Len())
	}
	for i, key := range keys {
		if p, ok := s.Get(key); !ok || p != pointers[i] || *p != i {
			t.Fatalf("value %d moved or changed", i)
		}
	}
}

func TestConfigBounds(t *testing.T) {
	if got := New[int](Config{}).Cap(); got != DefaultCapacity {
		t.Errorf("zero Config: Cap = %d", got)
	}
	if got := New[int](Config{Capacity: -1, Limit: -1}).Cap(); got != DefaultCapacity {
		t.Errorf("negative Config: Cap = %d", got)
	}
	if s := New[int](Config{Capacity: 10, Limit: 5}); s.Cap() != 10 || s.limit != 10 {
		t.Errorf("Limit below Capacity: Cap = %d, limit %d", s.Cap(), s.limit)
	}
	if s := New[struct{}](Config{Capacity: 1 << 20, Limit: math.MaxInt}); s.limit != MaxLimit {
		t.Errorf("huge Limit: limit = %d", s.limit)
	}
	defer func() {
		if recover() == nil {
			t.Error("Capacity above MaxLimit did not panic")
		}
	}()
	New[struct{}](Config{Capacity: MaxLimit + 1})
}

func TestRemovedValueIsZeroed(t *testing.T) {
	s := New[*int](Config{Capacity: 1})
	key := mustInsert(t, s, new(int))
	p, _ := s.Get(key)
	s.Remove(key)
	if *p != nil {
		t.Fatal("the slot still refers to the removed value")
	}
	if _, p, _ := s.Alloc(); *p != nil {
		t.Fatal("Alloc returned a value that is not zero")
	}
}

// A slot is the value and its key. With a value of 24 bytes it has half a line of
// the cache, and lies across two lines as soon as it has a byte more.
func TestSlotSize(t *testing.T) {
	if size := unsafe.Sizeof(slot[[3]uint64]{}); size != 32 {
		t.Fatalf("a slot of 24 bytes takes %d, want 32", size)
	}
}

// Slots are given out again in the reverse order, and fresh ones after them.
func TestFreeSlotsAreUsedFirst(t *testing.T) {
	s := New[int](Config{Capacity: 8})
	var keys []Key
	for i := range 6 {
		keys = append(keys, mustInsert(t, s, i))
	}
	for range 2 { // the list begins anew when it has been used up
		for _, i := range []int{3, 0, 5} {
			s.Remove(keys[i])
		}
		for _, i := range []int{5, 0, 3} {
			key := mustInsert(t, s, i)
			if key&s.indexMask != keys[i]&s.indexMask {
				t.Fatalf("slot %d, want %d", key&s.indexMask, keys[i]&s.indexMask)
			}
			keys[i] = key
		}
		for i, key := range keys {
			wantValue(t, s, key, i)
		}
	}
	if key := mustInsert(t, s, 6); key&s.indexMask != 6 {
		t.Fatalf("slot %d, want a fresh one", key&s.indexMask)
	}
}

func TestAll(t *testing.T) {
	s := New[int](Config{Capacity: 4, Limit: 64})
	var keys []Key
	for i := range 10 {
		keys = append(keys, mustInsert(t, s, i))
	}
	s.Remove(keys[0])
	s.Remove(keys[5])

	var got []int
	for key, p := range s.All() {
		got = append(got, *p)
		wantValue(t, s, key, *p)
		if *p == 3 {
			s.Remove(keys[3]) // the current one
			s.Remove(keys[7]) // one to come
		}
	}
	if want := []int{1, 2, 3, 4, 6, 8, 9}; !slices.Equal(got, want) {
		t.Fatalf("All visited %v; want %v", got, want)
	}
	for range s.All() {
		break
	}
	for key := range s.All() {
		s.Remove(key)
	}
	if s.Len() != 0 {
		t.Fatalf("Len = %d after removing all in a range", s.Len())
	}
}

func FuzzAgainstMap(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0, 2, 1, 0}, uint8(2), uint8(9))
	f.Add([]byte{0, 1, 0, 0, 1, 1, 3, 0, 0, 2}, uint8(1), uint8(1))
	f.Fuzz(func(t *testing.T, ops []byte, capacity, limit uint8) {
		s := New[int](Config{Capacity: int(capacity), Limit: int(limit)})
		want := map[Key]int{}
		var issued []Key
		for i, op := range ops {
			switch op % 4 {
			case 0, 1:
				key, err := s.Insert(i)
				if full := len(want) == s.limit; full != errors.Is(err, ErrFull) {
					t.Fatalf("%d of %d in use, Insert: %v", len(want), s.limit, err)
				} else if full {
					continue
				}
				if _, dup := want[key]; dup || key == 0 {
					t.Fatalf("Insert returned %#x, in use or zero", key)
				}
				want[key] = i
				issued = append(issued, key)
			default:
				if len(issued) == 0 {
					continue
				}
				key := issued[int(op/4)%len(issued)]
				v, ok := s.Remove(key)
				if w, wantOK := want[key]; ok != wantOK || v != w {
					t.Fatalf("Remove(%#x) = %d, %v; want %d, %v", key, v, ok, w, wantOK)
				}
				delete(want, key)
			}
		}
		for _, key := range issued {
			p, ok := s.Get(key)
			w, wantOK := want[key]
			if ok != wantOK || ok && *p != w {
				t.Fatalf("Get(%#x): %v; want %v", key, ok, wantOK)
			}
		}
		seen := 0
		for key, p := range s.All() {
			if w, ok := want[key]; !ok || w != *p {
				t.Fatalf("All yields %#x: %d; want %d, %v", key, *p, w, ok)
			}
			seen++
		}
		if seen != len(want) || s.Len() != len(want) {
			t.Fatalf("All yields %d, Len %d; want %d", seen, s.Len(), len(want))
		}
	})
}

func TestZeroAllocs(t *testing.T) {
	s := New[[4]uint64](Config{Capacity: 64})
	sum := uint64(0)
	allocs := testing.AllocsPerRun(1000, func() {
		var keys [64]Key
		for i := range keys {
			keys[i], _ = s.Insert([4]uint64{uint64(i)})
		}
		for _, p := range s.All() {
			sum += p[0]
		}
		for _, key := range keys {
			if p, ok := s.Get(key); ok {
				sum += p[0]
			}
			s.Remove(key)
		}
	})
	if allocs != 0 || sum == 0 {
		t.Fatalf("%v allocations a run", allocs)
	}
}

// BenchmarkChurn replaces one of 10,000 values and looks up 16 others, like a
// server that closes and accepts connections while the rest is busy.
func BenchmarkChurn(b *testing.B) {
	const n, lookups = 10_000, 16
	type conn [8]uint64

	b.Run("slab", func(b *testing.B) {
		s := New[conn](Config{Capacity: n})
		keys := make([]Key, n)
		for i := range keys {
			keys[i] = mustInsert(b, s, conn{})
		}
		b.ReportAllocs()
		at := 0
		for b.Loop() {
			at = (at + 7919) % n
			s.Remove(keys[at])
			keys[at], _, _ = s.Alloc()
			for i := range lookups {
				p, _ := s.Get(keys[(at+i*613)%n])
				p[0]++
			}
		}
	})
	b.Run("map", func(b *testing.B) {
		m := make(map[uint64]*conn, n)
		keys := make([]uint64, n)
		next := uint64(0)
		for i := range keys {
			next++
			keys[i] = next
			m[next] = new(conn)
		}
		b.ReportAllocs()
		at := 0
		for b.Loop() {
			at = (at + 7919) % n
			delete(m, keys[at])
			next++
			keys[at] = next
			m[next] = new(conn)
			for i := range lookups {
				m[keys[(at+i*613)%n]][0]++
			}
		}
	})
}
