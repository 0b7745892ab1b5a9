package main

import (
	"slices"
	"time"

	"github.com/metalio/metalio/timers"

	"github.com/metalio/metalio/bench/internal/sample"
)

// wheel is package timers. Its time goes on from one pass to the next.
type wheel struct {
	w   *timers.Wheel
	ids []timers.ID
	now int64
}

func newWheel(size int) subject { return &wheel{ids: make([]timers.ID, size)} }

// fresh makes a new wheel, because cancelling has left the free places of the
// old one in disorder. Those of the new one are in order again when the last
// timer was cancelled first.
func (s *wheel) fresh() {
	s.w = sample.Get(timers.New(timers.Config{Capacity: len(s.ids), Start: s.now}))
	for i := range s.ids {
		s.ids[i], _ = s.w.Add(s.now+1, 0)
	}
	for _, id := range slices.Backward(s.ids) {
		s.w.Cancel(id)
	}
}

func (s *wheel) insert(order []uint32, delays []time.Duration) {
	for i, k := range order {
		s.ids[k], _ = s.w.Add(s.now+int64(delays[i]), uint64(k))
	}
}

func (s *wheel) reset(order []uint32, delays []time.Duration) {
	for i, k := range order {
		s.w.Reset(s.ids[k], s.now+int64(delays[i]))
	}
}

func (s *wheel) cancel(order []uint32) {
	for _, k := range order {
		s.w.Cancel(s.ids[k])
	}
}

// expire asks for the next deadline in each step as well, like a loop that is
// about to sleep.
func (s *wheel) expire(_ []uint32, delays []time.Duration) time.Duration {
	start := s.now
	return timed(func() {
		inSteps(len(delays), func(now time.Duration) (fired int) {
			s.w.Next()
			s.now = start + int64(now)
			s.w.Advance(s.now)
			for _, ok := s.w.Pop(); ok; _, ok = s.w.Pop() {
				fired++
			}
			return fired
		})
	})
}

// heap4 is a four-ary heap, which is what most timers in Go programs are, the
// runtime's too. Each entry has its deadline beside it; places tells where each
// timer is.
type heap4 struct {
	entries []entry
	places  []int32
	now     int64
}

type entry struct {
	deadline int64
	timer    int32
}

func newHeap4(size int) subject {
	return &heap4{entries: make([]entry, 0, size), places: make([]int32, size)}
}

// fresh only touches memory: entries have no places of their own.
func (h *heap4) fresh() {
	for i := range h.places {
		h.entries = append(h.entries, entry{})
		h.put(i, entry{h.now, int32(i)})
	}
	h.entries = h.entries[:0]
}

func (h *heap4) insert(order []uint32, delays []time.Duration) {
	for i, k := range order {
		h.entries = append(h.entries, entry{})
		h.up(len(h.entries)-1, entry{h.now + int64(delays[i]), int32(k)})
	}
}

func (h *heap4) reset(order []uint32, delays []time.Duration) {
	for i, k := range order {
		h.fix(int(h.places[k]), entry{h.now + int64(delays[i]), int32(k)})
	}
}

func (h *heap4) cancel(order []uint32) {
	for _, k := range order {
		h.remove(int(h.places[k]))
	}
}

func (h *heap4) expire(_ []uint32, delays []time.Duration) time.Duration {
	start := h.now
	return timed(func() {
		inSteps(len(delays), func(now time.Duration) (fired int) {
			h.now = start + int64(now)
			for len(h.entries) > 0 && h.entries[0].deadline <= h.now {
				h.remove(0)
				fired++
			}
			return fired
		})
	})
}

// remove puts the last entry in the place of the removed one.
func (h *heap4) remove(place int) {
	last := len(h.entries) - 1
	e := h.entries[last]
	h.entries = h.entries[:last]
	if place < last {
		h.fix(place, e)
	}
}

// fix puts e in a place that is free, or where it belongs from there.
func (h *heap4) fix(place int, e entry) {
	if place > 0 && e.deadline < h.entries[(place-1)/4].deadline {
		h.up(place, e)
		return
	}
	h.down(place, e)
}

func (h *heap4) up(place int, e entry) {
	for place > 0 {
		parent := (place - 1) / 4
		if h.entries[parent].deadline <= e.deadline {
			break
		}
		h.put(place, h.entries[parent])
		place = parent
	}
	h.put(place, e)
}

func (h *heap4) down(place int, e entry) {
	for {
		first := 4*place + 1
		if first >= len(h.entries) {
			break
		}
		least := first
		for child := first + 1; child < min(first+4, len(h.entries)); child++ {
			if h.entries[child].deadline < h.entries[least].deadline {
				least = child
			}
		}
		if h.entries[least].deadline >= e.deadline {
			break
		}
		h.put(place, h.entries[least])
		place = least
	}
	h.put(place, e)
}

func (h *heap4) put(place int, e entry) {
	h.entries[place] = e
	h.places[e.timer] = int32(place)
}
