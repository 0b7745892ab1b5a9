package main

import (
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/metalio/metalio/reactor"
	"github.com/metalio/metalio/timers"

	"github.com/metalio/metalio/bench/internal/sample"
)

// density is how far apart the deadlines are for expire: less than it takes to
// handle one timer.
const density = 20 * time.Nanosecond

// startAhead starts timers with delays that are squeezed in what density makes
// of their number, behind an instant when all have been started, and sleeps until
// then. It returns the processor time that the process had used before it slept,
// because some timers may be faster than the sleeper. If starting took longer
// than it should, it empties the set and tries again.
func startAhead(delays []time.Duration, start func(i int, d time.Duration), empty func()) (used time.Duration) {
	size := int64(len(delays))
	for lead := 20*time.Millisecond + time.Duration(size)*time.Microsecond; ; lead *= 2 {
		begin := time.Now()
		for i, d := range delays {
			offset := time.Duration(int64(d) * size / int64(span/density))
			start(i, lead+offset-time.Since(begin))
		}
		runtime.GC() // of what starting has left behind, which was counted in insert
		used = sample.ProcessTime()
		if left := lead - time.Since(begin); left > 0 {
			time.Sleep(left)
			return used
		}
		empty()
	}
}

// loop is a Loop, run only for expire.
type loop struct {
	l     *reactor.Loop[struct{}]
	ids   []timers.ID
	count counter
}

type counter struct {
	reactor.Unhandled[struct{}]
	fired, size int
}

func (c *counter) Timeout(l *reactor.Loop[struct{}], _ reactor.Token, _ uint32) {
	c.fired++
	if c.fired == c.size {
		l.Stop()
	}
}

func newLoop(size int) subject {
	return &loop{ids: make([]timers.ID, size), count: counter{size: size}}
}

// fresh makes a new Loop; see wheel.fresh.
func (s *loop) fresh() {
	if s.l != nil {
		s.l.Close()
	}
	s.l = sample.Get(reactor.NewLoop[struct{}](reactor.Config{TimerCapacity: len(s.ids)}))
	for i := range s.ids {
		s.ids[i], _ = s.l.After(time.Hour, 0)
	}
	for _, id := range slices.Backward(s.ids) {
		s.l.Cancel(id)
	}
}

func (s *loop) insert(order []uint32, delays []time.Duration) {
	for i, k := range order {
		s.ids[k], _ = s.l.After(delays[i], reactor.Token(k))
	}
}

func (s *loop) reset(order []uint32, delays []time.Duration) {
	for i, k := range order {
		s.l.Reset(s.ids[k], delays[i])
	}
}

func (s *loop) cancel(order []uint32) {
	for _, k := range order {
		s.l.Cancel(s.ids[k])
	}
}

func (s *loop) expire(order []uint32, delays []time.Duration) time.Duration {
	s.cancel(order)
	used := startAhead(delays, func(i int, d time.Duration) {
		s.ids[i], _ = s.l.After(d, reactor.Token(i))
	}, func() {
		s.cancel(order)
	})
	s.count.fired = 0
	sample.Must(s.l.Run(&s.count))
	mustBeAll(s.count.fired, len(delays))
	return sample.ProcessTime() - used
}

// goRuntime is the runtime's timers. Each that expires runs in a goroutine of its
// own.
type goRuntime struct {
	timers []*time.Timer
	fired  atomic.Int64
	done   chan struct{}
}

func newRuntime(size int) subject {
	return &goRuntime{timers: make([]*time.Timer, size), done: make(chan struct{})}
}

func (s *goRuntime) expired() {
	if s.fired.Add(1) == int64(len(s.timers)) {
		s.done <- struct{}{}
	}
}

// fresh has nothing to do: each start makes a new timer.
func (s *goRuntime) fresh() {}

func (s *goRuntime) insert(order []uint32, delays []time.Duration) {
	for i, k := range order {
		s.timers[k] = time.AfterFunc(time.Hour+delays[i], s.expired)
	}
}

func (s *goRuntime) reset(order []uint32, delays []time.Duration) {
	for i, k := range order {
		s.timers[k].Reset(time.Hour + delays[i])
	}
}

func (s *goRuntime) cancel(order []uint32) {
	for _, k := range order {
		s.timers[k].Stop()
	}
}

func (s *goRuntime) expire(order []uint32, delays []time.Duration) time.Duration {
	s.cancel(order)
	used := startAhead(delays, func(i int, d time.Duration) {
		s.timers[i] = time.AfterFunc(d, s.expired)
	}, s.empty)
	<-s.done
	mustBeAll(int(s.fired.Swap(0)), len(s.timers))
	return sample.ProcessTime() - used
}

// empty stops all timers. Those that have fired are under way.
func (s *goRuntime) empty() {
	late := int64(0)
	for _, t := range s.timers {
		if !t.Stop() {
			late++
		}
	}
	for s.fired.Load() < late {
		runtime.Gosched()
	}
	if late == int64(len(s.timers)) {
		<-s.done
	}
	s.fired.Store(0)
}
