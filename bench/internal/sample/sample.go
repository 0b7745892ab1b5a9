// Package sample is what Go programs that measure themselves share: it is bench.h
// in Go, so that both sides measure in the same way.
package sample

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Must ends the program with err, and with the place of the call, unless it is
// nil.
func Must(err error) { check(err) }

// Get is Must for a call that also returns a value.
func Get[T any](v T, err error) T {
	check(err)
	return v
}

// Get2 is Must for a call that also returns two values.
func Get2[T, U any](v T, w U, err error) (T, U) {
	check(err)
	return v, w
}

func check(err error) {
	if err == nil {
		return
	}
	_, file, line, _ := runtime.Caller(2)
	fmt.Fprintf(os.Stderr, "%s:%d: %v\n", file, line, err)
	os.Exit(1)
}

// Report writes one metric.
func Report(name string, value float64) {
	fmt.Printf("%s %.3f\n", name, value)
}

// Options are the flags that every program has.
type Options struct {
	seconds float64
	Core    int // the one to measure on
}

// Flags defines -duration, -core and -other. The last names a second core for
// the C programs that need one; a Go program does not choose where its
// goroutines run.
func Flags() *Options {
	var o Options
	flag.Float64Var(&o.seconds, "duration", 1, "how long to measure, in `seconds`")
	flag.IntVar(&o.Core, "core", 0, "core to measure on")
	flag.Int("other", 1, "not used here")
	return &o
}

// Duration is how long to measure.
func (o *Options) Duration() time.Duration { return time.Duration(o.seconds * float64(time.Second)) }

// ThreadTime is the processor time that the calling thread has used. The caller
// has locked its goroutine to the thread.
func ThreadTime() time.Duration { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

// ProcessTime is the processor time that all threads have used.
func ProcessTime() time.Duration { return clock(unix.CLOCK_PROCESS_CPUTIME_ID) }

func clock(id int32) time.Duration {
	var ts unix.Timespec
	Must(unix.ClockGettime(id, &ts))
	return time.Duration(ts.Nano())
}

// Pin keeps the calling thread on one core, for which it locks the goroutine to
// it. A machine may not have that core.
func Pin(cpu int) {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		fmt.Fprintf(os.Stderr, "cannot pin to core %d: %v\n", cpu, err)
	}
}

// Samples is how many batches a metric is the median of.
const Samples = 15

// Of runs work(n) in batches that take about total together, on the calling
// thread, and returns the median of the batches: nanoseconds of processor time
// for each of the n.
func Of(total time.Duration, work func(n int)) float64 {
	batch := total / Samples
	n := perBatch(batch, work)
	var values [Samples]float64
	for i := range values {
		start := ThreadTime()
		work(n)
		values[i] = float64(ThreadTime()-start) / float64(n)
	}
	return Quantile(values[:], 0.5)
}

// perBatch warms up, and finds how many fit in a batch.
func perBatch(batch time.Duration, work func(n int)) int {
	for n := 64; ; n *= 2 {
		start := ThreadTime()
		work(n)
		took := ThreadTime() - start
		if took > batch/2 {
			return int(float64(n)*float64(batch)/float64(took)) + 1
		}
	}
}

// Quantile sorts values and returns their q-th quantile.
func Quantile(values []float64, q float64) float64 {
	slices.Sort(values)
	return values[int(q*float64(len(values)-1))]
}

// Random is the xorshift generator of bench.h: every contender draws the same
// sequence.
type Random uint64

// Next draws 64 bits.
func (r *Random) Next() uint64 {
	x := *r
	x ^= x << 13
	x ^= x >> 7
	x ^= x << 17
	*r = x
	return uint64(x)
}

// Order is the numbers below n in the random order of bench.h's shuffle.
func Order(n int) []uint32 {
	r := Random(88172645463325252)
	order := make([]uint32, n)
	for i := range order {
		order[i] = uint32(i)
	}
	for i := n - 1; i > 0; i-- {
		j := int(r.Next() % uint64(i+1))
		order[i], order[j] = order[j], order[i]
	}
	return order
}
