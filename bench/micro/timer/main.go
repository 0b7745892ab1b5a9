// Timer measures timers: c/timers_uv.c says what is done and in which order, and
// this is the same on
//
//	wheel    metalio's package timers, which a Loop is built on
//	heap4    a four-ary heap of deadlines with an index of places
//	loop     a metalio Loop, clock readings included
//	runtime  time.AfterFunc, Timer.Reset and Timer.Stop
//
// The first two are told the time, so that a minute passes at once. The others
// read the clock, so for expire their deadlines are closer together than they
// can be handled, and the time counts in which they are handled.
//
// The figures are processor time of the whole process: the runtime does some of
// its work in other threads.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/metalio/metalio/bench/internal/sample"
)

const (
	span       = time.Minute
	perStep    = 16 // timers that expire in a step, on average
	mostPasses = 1000
)

// subject is a set of timers that are numbered from 0.
type subject interface {
	// fresh empties the set, and forgets what use has done to its memory. All
	// memory has been touched when it returns.
	fresh()

	// insert starts all timers, reset gives all of them other delays, and
	// cancel stops them, each in the order given.
	insert(order []uint32, delays []time.Duration)
	reset(order []uint32, delays []time.Duration)
	cancel(order []uint32)

	// expire runs all timers to the end, of which it returns the processor
	// time. A subject that cannot be told the time may start them anew, with
	// the delays it likes.
	expire(order []uint32, delays []time.Duration) time.Duration
}

var subjects = map[string]func(size int) subject{
	"wheel":   newWheel,
	"heap4":   newHeap4,
	"loop":    newLoop,
	"runtime": newRuntime,
}

func main() {
	opt := sample.Flags()
	name := flag.String("on", "wheel", "wheel, heap4, loop or runtime")
	size := flag.Int("timers", 10_000, "number of timers")
	flag.Parse()
	open, ok := subjects[*name]
	if !ok || *size < perStep {
		fmt.Fprintf(os.Stderr, "timer: cannot run %q with %d timers\n", *name, *size)
		os.Exit(2)
	}
	if *name == "wheel" || *name == "heap4" {
		sample.Pin(opt.Core)
	}

	s := open(*size)
	order, inOrder := sample.Order(*size), make([]uint32, *size)
	for i := range inOrder {
		inOrder[i] = uint32(i)
	}
	delays, later := randomDelays(*size, 1181783497276652981), randomDelays(*size, 8088405141)
	figures := map[string][]float64{}
	add := func(name string, d time.Duration) { figures[name] = append(figures[name], float64(d)/float64(*size)) }
	for start := time.Now(); len(figures["insert"]) == 0 || time.Since(start) < opt.Duration() && len(figures["insert"]) < mostPasses; {
		s.fresh()
		add("insert", timed(func() { s.insert(inOrder, delays) }))
		add("reset", timed(func() { s.reset(order, later) }))
		add("cancel", timed(func() { s.cancel(order) }))
		add("again", timed(func() { s.insert(order, delays) }))
		add("expire", s.expire(order, delays))
	}
	for _, name := range []string{"insert", "reset", "cancel", "again", "expire"} {
		sample.Report(name, sample.Quantile(figures[name], 0.5))
	}
}

// timed collects garbage first: what work before has left behind is not this
// work's to pay for.
func timed(work func()) time.Duration {
	runtime.GC()
	start := sample.ProcessTime()
	work()
	return sample.ProcessTime() - start
}

// randomDelays are whole milliseconds, as libuv has them.
func randomDelays(n int, seed sample.Random) []time.Duration {
	d := make([]time.Duration, n)
	for i := range d {
		d[i] = time.Duration(seed.Next()%uint64(span/time.Millisecond)) * time.Millisecond
	}
	return d
}

// inSteps calls advance with times that pass the span in steps, and fails
// unless it has reported each of size timers once.
func inSteps(size int, advance func(now time.Duration) (fired int)) {
	fired := 0
	for i, steps := 1, size/perStep; i <= steps; i++ {
		fired += advance(span * time.Duration(i) / time.Duration(steps))
	}
	mustBeAll(fired, size)
}

func mustBeAll(fired, size int) {
	if fired != size {
		fmt.Fprintf(os.Stderr, "timer: %d timers of %d expired\n", fired, size)
		os.Exit(1)
	}
}
