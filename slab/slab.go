package slab

import (
	"errors"
	"iter"
	"math/bits"
)

// ErrFull is returned when every slot is in use and the slab may not grow.
var ErrFull = errors.New("slab: full")

const (
	// DefaultCapacity is the number of slots when [Config] does not name one.
	DefaultCapacity = 1024

	// MaxLimit is the largest number of slots that one slab can have.
	MaxLimit = 1 << 30
)

// Key names one value in one slab, from its insertion to its removal. Zero is
// never a valid key, and neither is any number that Insert or Alloc did not
// return.
//
// The low bits hold the slot's index, as many as the slab's limit needs; the
// others hold the slot's generation, which counts insertions and removals. A
// removed key finds nothing until its slot has been reused 2^(63-n) times,
// where n is the number of index bits: with a limit of 2^20 slots and a million
// insertions a second that all land in one slot, for 101 days. After that the
// generation wraps and the same number is handed out again.
type Key uint64

// Config says how much storage a slab has. The zero value is a slab of
// [DefaultCapacity] slots that does not grow.
type Config struct {
	// Capacity is the number of slots allocated by New. Zero or less means
	// DefaultCapacity. A growing slab rounds it up to a power of two, the size
	// of each chunk that it grows by; choose it so that growth is rare.
	Capacity int

	// Limit is the number of slots that the slab may grow to, at most
	// MaxLimit. A limit that is not above Capacity means that it does not grow.
	Limit int
}

// Slab is a set of values of type T addressed by generational keys. Make one
// with [New].
type Slab[T any] struct {
	chunks    [][]slot[T]
	shift     uint8 // a slot's chunk is its index >> shift
	chunkMask int   // and its place there the index & chunkMask
	limit     int
	cap       int
	used      int // slots that have ever been used; those beyond have key 0
	free      Key // 1 + index of the last slot removed, 0 if there is none
	len       int

	indexMask Key
	step      Key // one generation, and the bit that is set in every live key
}

// slot.key is the key that finds the slot while it is in use. Insertion and
// removal each add one step, so that live generations are odd and free ones
// even; overflow wraps without disturbing the index bits or that parity.
//
// While the slot is free, the index bits are of the next free slot, or its own
// if there is none.
type slot[T any] struct {
	key   Key
	value T
}

// New returns an empty slab. It panics if cfg.Capacity is above [MaxLimit].
func New[T any](cfg Config) *Slab[T] {
	if cfg.Capacity <= 0 {
		cfg.Capacity = DefaultCapacity
	}
	if cfg.Capacity > MaxLimit {
		panic("slab: Capacity above MaxLimit")
	}
	s := &Slab[T]{
		limit: min(max(cfg.Limit, cfg.Capacity), MaxLimit),
		shift: uint8(bits.Len(uint(cfg.Capacity - 1))),
	}
	s.chunkMask = 1<<s.shift - 1
	indexBits := bits.Len(uint(s.limit - 1))
	s.step = 1 << indexBits
	s.indexMask = s.step - 1

	s.grow()
	return s
}

// grow adds one chunk, a full one unless the limit cuts it short.
func (s *Slab[T]) grow() {
	size := min(s.chunkMask+1, s.limit-s.cap)
	s.chunks = append(s.chunks, make([]slot[T], size))
	s.cap += size
}

// Len returns the number of values stored.
func (s *Slab[T]) Len() int { return s.len }

// Cap returns the number of slots allocated, in use or not.
func (s *Slab[T]) Cap() int { return s.cap }

// Insert stores v and returns its key, or [ErrFull].
func (s *Slab[T]) Insert(v T) (Key, error) {
	key, p, err := s.Alloc()
	if err != nil {
		return 0, err
	}
	*p = v
	return key, nil
}

// Alloc stores a zero value and returns its key and where it is, for the
// caller to fill, or [ErrFull]. It saves copying a large T and tells the key
// before the value is made.
func (s *Slab[T]) Alloc() (Key, *T, error) {
	e := s.takeFree()
	if e == nil {
		return 0, nil, ErrFull
	}
	e.key += s.step
	s.len++
	return e.key, &e.value, nil
}

// takeFree unlinks a free slot, the one removed last if there is any: it is the
// likeliest to be in the cache. It returns nil if there is none.
func (s *Slab[T]) takeFree() *slot[T] {
	if s.free != 0 {
		index := s.free - 1
		e := s.at(int(index))
		if next := e.key & s.indexMask; next != index {
			s.free = next + 1
		} else {
			s.free = 0
		}
		e.key = e.key&^s.indexMask | index
		return e
	}
	if s.used == s.cap {
		if s.cap == s.limit {
			return nil
		}
		s.grow()
	}
	e := s.at(s.used)
	e.key = Key(s.used)
	s.used++
	return e
}

// Get returns the value that key names. It returns nil and false if key was
// removed or was never returned by this slab. The pointer is valid until key
// is removed.
func (s *Slab[T]) Get(key Key) (*T, bool) {
	e := s.find(key)
	if e == nil {
		return nil, false
	}
	return &e.value, true
}

// Remove takes the value that key names out of the slab and returns it. It
// returns the zero value and false if key was removed already or was never
// returned by this slab.
func (s *Slab[T]) Remove(key Key) (T, bool) {
	var zero T
	e := s.find(key)
	if e == nil {
		return zero, false
	}
	v := e.value
	e.value = zero
	e.key += s.step
	if s.free != 0 {
		e.key = e.key&^s.indexMask | (s.free - 1)
	}
	s.free = key&s.indexMask + 1
	s.len--
	return v, true
}

// All iterates over the keys and values in the order of their slots. Any value
// may be removed meanwhile, and is then not visited later; a value inserted
// meanwhile may or may not be visited. It passes over every slot that was ever
// used, and does not allocate.
func (s *Slab[T]) All() iter.Seq2[Key, *T] {
	return func(yield func(Key, *T) bool) {
		for i := 0; i < s.used; i++ {
			e := s.at(i)
			if e.key&s.step == 0 {
				continue
			}
			if !yield(e.key, &e.value) {
				return
			}
		}
	}
}

// at returns a slot that is allocated.
func (s *Slab[T]) at(index int) *slot[T] {
	return &s.chunks[index>>(s.shift&63)][index&s.chunkMask]
}

// find returns the slot that key names, or nil. Keys may be forged or belong to
// another slab: a free slot's key lacks the step bit, and so does zero.
func (s *Slab[T]) find(key Key) *slot[T] {
	index := int(key & s.indexMask)
	if key&s.step == 0 || index >= s.used {
		return nil
	}
	e := s.at(index)
	if e.key != key {
		return nil
	}
	return e
}
