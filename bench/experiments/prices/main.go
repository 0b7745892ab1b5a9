// Prices measures what a loop in Go may choose from, alone: yielding, clocks and
// ways to wake a goroutine. Nanoseconds for each.
package main

import (
	"flag"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/metalio/metalio/bench/internal/sample"
)

func main() {
	opt := sample.Flags()
	flag.Parse()
	each := opt.Duration() / 8

	sample.Report("Gosched", ofWall(each, runtime.Gosched))
	runtime.LockOSThread()
	sample.Report("Gosched-locked", ofWall(each, runtime.Gosched))
	runtime.UnlockOSThread()

	start := time.Now()
	sample.Report("Now", ofWall(each, func() { start = time.Now() }))
	var since time.Duration
	sample.Report("Since", ofWall(each, func() { since = time.Since(start) }))
	runtime.KeepAlive(since)

	prices(each)
}

// prices are those of what a waker may do.
func prices(each time.Duration) {
	eventfd := sample.Get(unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK))
	one := []byte{1, 0, 0, 0, 0, 0, 0, 0}
	sample.Report("eventfd", ofWall(each, func() { sample.Get(unix.Write(eventfd, one)) }))

	r, w := sample.Get2(os.Pipe())
	defer r.Close()
	defer w.Close()
	past, future := time.Unix(1, 0), time.Now().Add(time.Hour)
	sample.Report("deadline-past", ofWall(each, func() { sample.Must(r.SetReadDeadline(past)) }))
	sample.Report("deadline-future", ofWall(each, func() {
		future = future.Add(1)
		sample.Must(r.SetReadDeadline(future))
	}))
	sample.Report("deadline-none", ofWall(each, func() { sample.Must(r.SetReadDeadline(time.Time{})) }))
}

// ofWall is [sample.Of] by the clock, for a goroutine that may change threads.
func ofWall(total time.Duration, op func()) float64 {
	const perBatch = 1000
	var batches []float64
	for begin := time.Now(); time.Since(begin) < total || len(batches) == 0; {
		start := time.Now()
		for range perBatch {
			op()
		}
		batches = append(batches, float64(time.Since(start))/perBatch)
	}
	return sample.Quantile(batches, 0.5)
}
