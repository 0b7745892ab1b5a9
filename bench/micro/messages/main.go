// Messages measures how fast producers get messages to one consumer.
//
//	channel  a buffered channel and a goroutine that receives
//	loop     a metalio Loop, with -wait as said
//
// In a flood, producers send as fast as they can: "rate" is messages in a
// second, "cpu" the processor time of all for each, in nanoseconds, and "wakes"
// how often the loop was woken for a million of them. With -burst, one producer
// sends so many messages to a consumer that is asleep, and waits until it has
// handled them: "burst" is the median time that takes, in nanoseconds, and
// "wakes" is for each burst.
//
// Messages are numbers, and the consumer adds them up: none may be lost.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/metalio/metalio/bench/internal/sample"
)

// capacity of the channel and of the loop's queue.
const capacity = 4096

// consumer receives messages. Each that is zero makes it tell on totals the sum
// of all so far, and how often it has been woken.
type consumer interface {
	// newSend returns what one goroutine sends with.
	newSend() func(message uint64)
	totals() <-chan total
}

type total struct{ sum, wakes uint64 }

var (
	own   = flag.Bool("own", false, "give each goroutine that sends to a Loop a Producer of its own")
	wait  = flag.String("wait", "auto", "how a metalio Loop waits: auto, block, park or spin")
	burst = flag.Int("burst", 0, "messages of a burst; 0 is a flood")
)

func main() {
	opt := sample.Flags()
	to := flag.String("to", "loop", "loop or channel")
	producers := flag.Int("producers", 1, "number of producers")
	flag.Parse()
	var c consumer
	switch *to {
	case "loop":
		c = newLoop()
	case "channel":
		c = newChannel()
	default:
		fmt.Fprintf(os.Stderr, "messages: nothing to send to called %q\n", *to)
		os.Exit(2)
	}
	if *burst > 0 {
		bursts(c, opt.Duration())
		return
	}
	flood(c, *producers, opt.Duration())
}

// perRound is how many messages a round has, and each producer its share.
const perRound = 200_000

func flood(c consumer, producers int, duration time.Duration) {
	var rates []float64
	var wakes, before uint64
	sum := uint64(0)
	sends := make([]func(uint64), producers)
	for i := range sends {
		sends[i] = c.newSend()
	}
	round := func() time.Duration {
		start := time.Now()
		for _, send := range sends {
			go func() {
				for i := range uint64(perRound / producers) {
					send(i + 1)
				}
				send(0)
			}()
		}
		var t total
		for range producers {
			t = <-c.totals()
		}
		took := time.Since(start)
		n := uint64(perRound / producers)
		sum += uint64(producers) * n * (n + 1) / 2
		mustBe(t.sum, sum)
		wakes = t.wakes
		return took
	}
	for range 2 {
		round()
	}
	before = wakes
	cpu := sample.ProcessTime()
	for start := time.Now(); len(rates) < 3 || time.Since(start) < duration; {
		rates = append(rates, perRound/round().Seconds())
	}
	cpu = sample.ProcessTime() - cpu
	all := float64(len(rates) * perRound)
	sample.Report("wakes", float64(wakes-before)*1e6/all)
	sample.Report("cpu", float64(cpu)/all)
	sample.Report("rate", sample.Quantile(rates, 0.5))
}

// pause is how long a producer is busy before each burst, so that the consumer
// sleeps.
const pause = 200 * time.Microsecond

func bursts(c consumer, duration time.Duration) {
	var times []float64
	var wakes uint64
	sum := uint64(0)
	send := c.newSend()
	once := func() time.Duration {
		for idle := time.Now(); time.Since(idle) < pause; {
		}
		start := time.Now()
		for i := range *burst - 1 {
			send(uint64(i + 1))
		}
		send(0)
		t := <-c.totals()
		took := time.Since(start)
		sum += uint64(*burst) * uint64(*burst-1) / 2
		mustBe(t.sum, sum)
		wakes = t.wakes
		return took
	}
	for range 20 {
		once()
	}
	before := wakes
	for start := time.Now(); len(times) < 3 || time.Since(start) < duration; {
		times = append(times, float64(once()))
	}
	sample.Report("wakes", float64(wakes-before)/float64(len(times)))
	sample.Report("burst", sample.Quantile(times, 0.5))
}

func mustBe(sum, want uint64) {
	if sum != want {
		fmt.Fprintf(os.Stderr, "messages: the sum is %d, not %d: messages were lost or changed\n", sum, want)
		os.Exit(1)
	}
}

var background = context.Background()
