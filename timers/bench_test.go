package timers

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// Each benchmark's operation is one on a single timer while size timers are
// pending; deadlines are spread over a minute and timers are picked at random,
// as connections are. Compare the lines of one run only.

var benchSizes = []int{10_000, 1_000_000}

const benchSpan = int64(time.Minute)

type benchData struct {
	deadlines []int64
	order     []int
}

func newBenchData(size int) benchData {
	random := rand.New(rand.NewPCG(11, 12))
	d := benchData{make([]int64, size), random.Perm(size)}
	for i := range d.deadlines {
		d.deadlines[i] = random.Int64N(benchSpan)
	}
	return d
}

// subject is a set of timers numbered from 0. fill empties it first.
type subject interface {
	empty()
	insert(i int, deadline int64)
	reset(i int, deadline int64)
	cancel(i int)
}

// expirer can be told the time; the Go runtime's timers cannot.
type expirer interface {
	expire(now int64) int
}

// wheelSubject gives out places in the order of free: ascending, as a new
// wheel does, or scattered, as after long use.
type wheelSubject struct {
	w    *Wheel
	ids  []ID
	free []int
}

func newWheelSubject(b *testing.B, size int, tick time.Duration, free []int) *wheelSubject {
	return &wheelSubject{mustNew(b, Config{Capacity: size, Tick: tick}), make([]ID, size), free}
}

// empty also removes what the cancelled timers left behind, which is work that
// belongs to them: see BenchmarkCancelInsert.
func (s *wheelSubject) empty() {
	for _, id := range s.ids {
		s.w.Cancel(id)
	}
	s.w.fresh = uint32(len(s.w.nodes))
	s.w.free = s.w.free[:0]
	for _, i := range slices.Backward(s.free) {
		s.w.free = append(s.w.free, 1+uint32(i))
	}
	s.w.sweep()
	s.w.now = 0
	s.w.current = s.w.tick(0) // every slot is empty, so time may restart
}

func (s *wheelSubject) insert(i int, deadline int64) { s.ids[i], _ = s.w.Add(deadline, uint64(i)) }
func (s *wheelSubject) reset(i int, deadline int64)  { s.w.Reset(s.ids[i], deadline) }
func (s *wheelSubject) cancel(i int)                 { s.w.Cancel(s.ids[i]) }
func (s *wheelSubject) expire(now int64) (n int) {
	s.w.Advance(now)
	for _, ok := s.w.Pop(); ok; _, ok = s.w.Pop() {
		n++
	}
	s.w.Next()
	return n
}

type heapSubject struct{ h heap4 }

func newHeapSubject(size int) *heapSubject {
	return &heapSubject{heap4{make([]heapEntry, 0, size), make([]int32, size)}}
}

func (s *heapSubject) empty()                       { s.h.entries = s.h.entries[:0] }
func (s *heapSubject) insert(i int, deadline int64) { s.h.push(deadline, int32(i)) }
func (s *heapSubject) reset(i int, deadline int64)  { s.h.reset(int32(i), deadline) }
func (s *heapSubject) cancel(i int)                 { s.h.remove(int32(i)) }
func (s *heapSubject) expire(now int64) (n int) {
	for len(s.h.entries) > 0 && s.h.entries[0].deadline <= now {
		s.h.pop()
		n++
	}
	return n
}

// runtimeSubject has its deadlines an hour away, so that none fires.
type runtimeSubject struct{ timers []*time.Timer }

func nothing() {}

func (s *runtimeSubject) empty() {
	for i := range s.timers {
		if s.timers[i] != nil {
			s.timers[i].Stop()
		}
	}
}
func (s *runtimeSubject) insert(i int, deadline int64) {
	s.timers[i] = time.AfterFunc(time.Hour+time.Duration(deadline), nothing)
}
func (s *runtimeSubject) reset(i int, deadline int64) {
	s.timers[i].Reset(time.Hour + time.Duration(deadline))
}
func (s *runtimeSubject) cancel(i int) { s.timers[i].Stop() }

func benchEach(b *testing.B, bench func(b *testing.B, s subject, d benchData)) {
	for _, size := range benchSizes {
		d := newBenchData(size)
		ascending := make([]int, size)
		for i := range ascending {
			ascending[i] = i
		}
		subjects := []struct {
			name string
			make func(b *testing.B) subject
		}{
			{"wheel", func(b *testing.B) subject { return newWheelSubject(b, size, 0, ascending) }},
			{"wheel-1ms", func(b *testing.B) subject { return newWheelSubject(b, size, 1<<20, ascending) }},
			{"wheel-scattered", func(b *testing.B) subject { return newWheelSubject(b, size, 0, d.order) }},
			{"heap4", func(*testing.B) subject { return newHeapSubject(size) }},
			{"runtime", func(*testing.B) subject { return &runtimeSubject{make([]*time.Timer, size)} }},
		}
		for _, sub := range subjects {
			b.Run(fmt.Sprintf("%d/%s", size, sub.name), func(b *testing.B) {
				b.ReportAllocs()
				s := sub.make(b)
				bench(b, s, d)
				b.StopTimer()
				s.empty()
			})
		}
	}
}

func fill(s subject, d benchData) {
	s.empty()
	for i, deadline := range d.deadlines {
		s.insert(i, deadline)
	}
}

func BenchmarkInsert(b *testing.B) {
	benchEach(b, func(b *testing.B, s subject, d benchData) {
		fill(s, d)
		s.empty()
		i := 0
		for b.Loop() {
			if i == len(d.order) {
				b.StopTimer()
				s.empty()
				b.StartTimer()
				i = 0
			}
			s.insert(i, d.deadlines[i])
			i++
		}
	})
}

// BenchmarkReset moves each timer to the deadline of another one, sooner or
// later. BenchmarkResetLater is the idle timeout that is pushed back.
func BenchmarkReset(b *testing.B) {
	benchEach(b, func(b *testing.B, s subject, d benchData) {
		fill(s, d)
		i, turn := 0, 1
		for b.Loop() {
			if i == len(d.order) {
				i, turn = 0, turn+1
			}
			s.reset(d.order[i], d.deadlines[(i+turn)%len(d.deadlines)])
			i++
		}
	})
}

func BenchmarkResetLater(b *testing.B) {
	benchEach(b, func(b *testing.B, s subject, d benchData) {
		fill(s, d)
		i, ahead := 0, int64(0)
		for b.Loop() {
			if i == len(d.order) {
				i, ahead = 0, ahead+1
			}
			s.reset(d.order[i], benchSpan+ahead)
			i++
		}
	})
}

func BenchmarkCancel(b *testing.B) {
	benchEach(b, func(b *testing.B, s subject, d benchData) {
		fill(s, d)
		i := 0
		for b.Loop() {
			if i == len(d.order) {
				b.StopTimer()
				fill(s, d)
				b.StartTimer()
				i = 0
			}
			s.cancel(d.order[i])
			i++
		}
	})
}

// BenchmarkCancelInsert is one timer cancelled and one added, for ever, with the
// clock standing still: it includes all that cancelling leaves to do for later.
func BenchmarkCancelInsert(b *testing.B) {
	benchEach(b, func(b *testing.B, s subject, d benchData) {
		fill(s, d)
		i, turn := 0, 1
		for b.Loop() {
			if i == len(d.order) {
				i, turn = 0, turn+1
			}
			s.cancel(d.order[i])
			s.insert(d.order[i], d.deadlines[(i+turn)%len(d.deadlines)])
			i++
		}
	})
}

// BenchmarkCancelInOrder cancels in the order of arming, oldest first.
func BenchmarkCancelInOrder(b *testing.B) {
	benchEach(b, func(b *testing.B, s subject, d benchData) {
		fill(s, d)
		i := 0
		for b.Loop() {
			if i == len(d.order) {
				b.StopTimer()
				fill(s, d)
				b.StartTimer()
				i = 0
			}
			s.cancel(i)
			i++
		}
	})
}

// BenchmarkExpire inserts size timers and expires them by a clock in 6,000
// steps; what counts is ns/timer.
func BenchmarkExpire(b *testing.B) { benchExpire(b, benchSpan/6000) }

// BenchmarkExpireAtOnce inserts size timers and expires them in one step.
func BenchmarkExpireAtOnce(b *testing.B) { benchExpire(b, benchSpan) }

func benchExpire(b *testing.B, step int64) {
	benchEach(b, func(b *testing.B, s subject, d benchData) {
		e, ok := s.(expirer)
		if !ok {
			b.Skip("the runtime's clock cannot be moved: see BenchmarkExpireRuntime")
		}
		fired := 0
		for b.Loop() {
			b.StopTimer()
			s.empty()
			b.StartTimer()
			for i, deadline := range d.deadlines {
				s.insert(i, deadline)
			}
			for now := step; now <= benchSpan; now += step {
				fired += e.expire(now)
			}
		}
		if fired != b.N*len(d.deadlines) {
			b.Fatalf("%d timers fired in %d rounds", fired, b.N)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(fired), "ns/timer")
	})
}

// BenchmarkExpireRuntime inserts timers of the Go runtime that are all due
// within a millisecond, and waits for them.
func BenchmarkExpireRuntime(b *testing.B) {
	for _, size := range benchSizes {
		d := newBenchData(size)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.ReportAllocs()
			var fired sync.WaitGroup
			for b.Loop() {
				fired.Add(size)
				for _, deadline := range d.deadlines {
					time.AfterFunc(time.Duration(deadline%1_000_000), fired.Done)
				}
				fired.Wait()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/timer")
		})
	}
}
