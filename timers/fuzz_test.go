package timers

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/metalio/metalio/internal/behaviours"
)

// script reads the steps of a fuzz input.
type script struct{ data []byte }

func (s *script) byte() byte {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return b
}

// span is a distance in time whose magnitude, not value, is evenly spread, and
// which is often next to a power of 64 ticks.
func (s *script) span() int64 {
	shift, value := s.byte(), s.byte()
	span := int64(uint64(value) << (shift % 57))
	if shift >= 192 {
		return -span
	}
	if shift >= 128 {
		return int64(1)<<(shift%63) + int64(int8(value))
	}
	return span
}

func (s *script) id(ids []ID) ID {
	var buf [2]byte
	buf[0], buf[1] = s.byte(), s.byte()
	n := binary.LittleEndian.Uint16(buf[:])
	if len(ids) == 0 || n == math.MaxUint16 {
		return ID(n)<<32 | ID(n) // invented
	}
	return ids[int(n)%len(ids)]
}

// later adds with wrapping, so that a fuzzed clock reaches the ends of time.
func later(now, span int64) int64 { return int64(uint64(now) + uint64(span)) }

func run(t testing.TB, data []byte) {
	s := &script{data}
	grain := s.byte()
	start := s.span()
	cfg := Config{Capacity: 2, Grow: true, Tick: 1 << (grain % 40), Start: start}
	starved := grain >= 128
	if starved {
		cfg.Capacity = 4096
	}
	p := newPair(t, cfg)
	if starved {
		starve(p.w, 1+int(grain%8))
	}
	now := start
	for len(s.data) > 0 {
		switch op := s.byte(); op % 12 {
		case 0, 1, 2:
			p.add(later(now, s.span()), 0)
		case 3:
			if period := s.span(); period > 0 {
				p.add(later(now, s.span()), period)
			}
		case 4, 5:
			p.reset(s.id(p.ids), later(now, s.span()))
		case 6:
			id := s.id(p.ids)
			p.deadline(id)
			p.cancel(id)
		case 7:
			if deadline, ok := p.m.next(); ok && op >= 128 {
				now = deadline
			} else {
				now = later(now, s.span())
			}
			p.advance(now)
		case 8:
			now = max(now, later(now, int64(s.byte())))
			p.advance(now)
		case 9:
			for range s.byte() % 8 {
				p.pop()
			}
		case 10:
			p.next()
		case 11:
			p.settle()
		}
		if len(p.m.armed) > 2000 {
			break
		}
	}
	check(t, p.w)
	p.advance(math.MaxInt64)
	for range len(p.m.due) + 1 { // not until empty: periodic ones never end
		p.pop()
	}
	check(t, p.w)
}

func FuzzWheelAgainstSortedSlice(f *testing.F) {
	f.Add([]byte{20})
	// Two at one deadline, lazily moved, next, advance to it, pop.
	f.Add([]byte{17, 0, 0, 0, 20, 9, 0, 20, 9, 4, 0, 0, 30, 1, 10, 135, 10, 135, 11})
	// The same with few chunks.
	f.Add([]byte{143, 0, 0, 0, 20, 9, 0, 20, 9, 4, 0, 0, 30, 1, 10, 135, 10, 135, 11})
	// Periodic across a long gap; cancelled while due.
	f.Add([]byte{0, 0, 0, 3, 10, 7, 12, 1, 7, 50, 200, 6, 0, 0, 11, 3, 3, 1, 0, 0, 8, 255, 9, 3, 6, 1, 0, 11})
	// Ends of time.
	f.Add([]byte{10, 190, 0, 0, 190, 255, 0, 254, 1, 7, 190, 255, 11, 0, 191, 127, 7, 255, 2, 11})
	random := rand.New(rand.NewPCG(1, 2))
	for range 64 {
		f.Add(randomScript(random))
	}
	f.Fuzz(func(t *testing.T, data []byte) { run(t, data) })
}

// testAgainstSortedSlice is what fuzzing does, with the same inputs each time.
func testAgainstSortedSlice(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	for range behaviours.Budget(t, "wheel_against_sorted_slice") {
		run(t, randomScript(random))
	}
}

func randomScript(random *rand.Rand) []byte {
	data := make([]byte, random.IntN(1500))
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	return data
}

func FuzzExactNextExpiry(f *testing.F) {
	f.Add(byte(0), []byte{1, 2, 3, 200, 100, 50, 25})
	f.Add(byte(6), []byte("the earliest of many is cancelled again and again"))
	f.Add(byte(12), []byte{255, 254, 253, 252, 128, 129, 130, 64, 65, 66, 0, 0, 0, 0})
	random := rand.New(rand.NewPCG(3, 4))
	for range 64 {
		data := randomScript(random)
		f.Add(byte(random.IntN(14)), data)
	}
	f.Fuzz(runNext)
}

func testExactNextExpiry(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	for range behaviours.Budget(t, "exact_next_expiry") {
		data := randomScript(random)
		runNext(t, byte(random.IntN(14)), data)
	}
}

// runNext asks for the next expiry after every step, in few slots and with many
// equal deadlines: that exercises the heaps.
func runNext(t *testing.T, tick byte, data []byte) {
	s := &script{data}
	p := newPair(t, Config{Capacity: 64, Grow: true, Tick: 1 << (tick % 40)})
	var now int64
	for len(s.data) > 0 {
		op := s.byte()
		near := now + int64(s.byte())<<(op>>5)
		switch op % 8 {
		case 0, 1, 2, 3:
			p.add(near, 0)
		case 4:
			p.reset(s.id(p.ids), near)
		case 5: // the earliest goes
			if _, ok := p.m.next(); ok && len(p.m.due) == 0 {
				p.cancel(p.m.armed[0].id)
			}
		case 6: // the earliest is moved later
			if _, ok := p.m.next(); ok && len(p.m.due) == 0 {
				p.reset(p.m.armed[0].id, near+1000)
			}
		case 7:
			now += int64(s.byte())
			p.advance(now)
			p.pop()
		}
		p.next()
		check(t, p.w)
	}
}
