// Wake measures the way from a goroutine to a loop and back: c/wake.c says what
// is measured.
//
//	loop     a message to metalio's Loop, which answers through a channel
//	channel  a goroutine in the place of the loop, and channels both ways
//	gnet     EventLoop.Execute, which answers through a channel
//	netpoll  an eventfd that wakes its poller, which answers through a channel
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/metalio/metalio/bench/internal/sample"
)

// waker starts a loop and returns a function that makes one round trip.
type waker func() func()

var wakers = map[string]waker{
	"loop":    loop,
	"channel": channel,
	"gnet":    gnetLoop,
	"netpoll": netpollLoop,
}

// pause is how long the goroutine is busy before it wakes a loop that is asleep.
// It does not sleep itself, because that would make the runtime's threads sleep.
const pause = 200 * time.Microsecond

var wait = flag.String("wait", "auto", "how a metalio Loop waits: auto, block, park or spin")

func main() {
	opt := sample.Flags()
	name := flag.String("to", "loop", "loop, channel, gnet or netpoll")
	flag.Parse()
	start, ok := wakers[*name]
	if !ok {
		fmt.Fprintf(os.Stderr, "wake: nothing to wake called %q\n", *name)
		os.Exit(2)
	}

	trip := start()
	for range 100 {
		trip()
	}
	tight(opt.Duration()/2, trip)
	asleep(opt.Duration()/2, trip)
}

const mostTrips = 2_000_000

// tight makes one round trip after the other.
func tight(duration time.Duration, trip func()) {
	trips := make([]float64, 0, mostTrips)
	cpu := sample.ProcessTime()
	start := time.Now()
	for before := time.Duration(0); before < duration && len(trips) < mostTrips; {
		trip()
		after := time.Since(start)
		trips = append(trips, float64(after-before))
		before = after
	}
	cpu = sample.ProcessTime() - cpu
	sample.Report("tight", sample.Quantile(trips, 0.5))
	sample.Report("cpu", float64(cpu)/float64(len(trips)))
}

// asleep is busy for a while before each, so that the loop sleeps.
func asleep(duration time.Duration, trip func()) {
	var trips []float64
	for start := time.Now(); time.Since(start) < duration && len(trips) < mostTrips; {
		before := time.Now()
		for idle := before; before.Sub(idle) < pause; {
			before = time.Now()
		}
		trip()
		trips = append(trips, float64(time.Since(before)))
	}
	sample.Report("asleep", sample.Quantile(trips, 0.5))
	sample.Report("asleep-p99", sample.Quantile(trips, 0.99))
}

func channel() func() {
	request, reply := make(chan struct{}, 1), make(chan struct{}, 1)
	go func() {
		for range request {
			reply <- struct{}{}
		}
	}()
	return func() {
		request <- struct{}{}
		<-reply
	}
}
