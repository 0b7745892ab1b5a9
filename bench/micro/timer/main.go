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
	// insert starts all of them, in order; reset gives all of them other
	// delays, in a random order, and cancel stops them in that order.
	insert(delays []time.Duration)
	reset(order []uint32, delays []time.Duration)
	cancel(order []uint32)

	// expire starts all timers and runs them to the end. It returns the
	// processor time of the latter.
	expire(delays []time.Duration) time.Duration
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
	order := sample.Order(*size)
	delays, later := randomDelays(*size, 1181783497276652981), randomDelays(*size, 8088405141)
	var inserts, resets, cancels, expirations []float64
	each := func(d time.Duration) float64 { return float64(d) / float64(*size) }
	for start := time.Now(); len(inserts) == 0 || time.Since(start) < opt.Duration() && len(inserts) < mostPasses; {
		inserts = append(inserts, each(timed(func() { s.insert(delays) })))
		resets = append(resets, each(timed(func() { s.reset(order, later) })))
		cancels = append(cancels, each(timed(func() { s.cancel(order) })))
		expirations = append(expirations, each(s.expire(delays)))
	}
	sample.Report("insert", sample.Quantile(inserts, 0.5))
	sample.Report("reset", sample.Quantile(resets, 0.5))
	sample.Report("cancel", sample.Quantile(cancels, 0.5))
	sample.Report("expire", sample.Quantile(expirations, 0.5))
}

func timed(work func()) time.Duration {
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
