// Yield shows what a loop pays that never lets Go's scheduler have a look: it
// makes calls that do not sleep, in the form that the scheduler knows of, and
// yields each time that -every has passed (0 is never).
//
// "call" is the time of each call in nanoseconds, "cpu" the processor time of
// the whole process for each.
package main

import (
	"flag"
	"runtime"
	"time"

	"github.com/metalio/metalio"

	"github.com/metalio/metalio/bench/internal/sample"
)

func main() {
	opt := sample.Flags()
	every := flag.Duration("every", 0, "how often to yield")
	flag.Parse()

	epfd, errno := metalio.RawEpollCreate1(metalio.EPOLL_CLOEXEC)
	if errno != 0 {
		panic(errno)
	}
	calls, start, cpu := 0, time.Now(), sample.ProcessTime()
	for yielded := start; time.Since(start) < opt.Duration(); {
		burst(epfd)
		calls += perBurst
		if *every > 0 && time.Since(yielded) >= *every {
			runtime.Gosched()
			yielded = time.Now()
		}
	}
	sample.Report("call", float64(time.Since(start))/float64(calls))
	sample.Report("cpu", float64(sample.ProcessTime()-cpu)/float64(calls))
}

const perBurst = 100

func burst(epfd int) {
	var events [1]metalio.EpollEvent
	for range perBurst {
		if _, errno := metalio.EpollPwait(epfd, events[:], 0, nil); errno != 0 {
			panic(errno)
		}
	}
}
