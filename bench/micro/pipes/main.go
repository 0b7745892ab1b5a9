// Pipes is the pipe benchmark of libevent's authors in Go: c/pipes.h says what
// it does, and this is the same work step by step.
//
//	poll  metalio's Poll
//	loop  metalio's Loop, which is what an application uses
//	xsys  epoll through golang.org/x/sys/unix
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/metalio/metalio/bench/internal/sample"
)

// watcher is a loop under test. turn hands readable pipes to the bench and does
// not sleep.
type watcher interface {
	watch(i, fd int)
	unwatch(i, fd int)
	turn(b *bench)
}

var watchers = map[string]func(pipes int) watcher{
	"poll": newPoll,
	"loop": newLoop,
	"xsys": newXsys,
}

func main() {
	opt := sample.Flags()
	name := flag.String("on", "loop", "poll, loop or xsys")
	pipes := flag.Int("pipes", 100, "number of pipes")
	active := flag.Int("active", 100, "pipes that a run begins with")
	writes := flag.Int("writes", 1000, "bytes that a run passes on")
	flag.Parse()
	open, ok := watchers[*name]
	if !ok || *active < 1 || *active > *pipes {
		fmt.Fprintf(os.Stderr, "pipes: cannot run %q with %d of %d pipes\n", *name, *active, *pipes)
		os.Exit(2)
	}

	sample.Pin(opt.Core)
	raiseFiles()
	b := &bench{
		w: open(*pipes), io: calls[*name],
		ends: make([]ends, *pipes), active: *active, writes: *writes,
	}
	for i := range b.ends {
		var fds [2]int
		sample.Must(unix.Pipe2(fds[:], unix.O_NONBLOCK|unix.O_CLOEXEC))
		b.ends[i] = ends{fds[0], fds[1]}
		b.w.watch(i, fds[0])
	}
	b.run(opt.Duration())
}

func raiseFiles() {
	var lim unix.Rlimit
	sample.Must(unix.Getrlimit(unix.RLIMIT_NOFILE, &lim))
	lim.Cur = lim.Max
	sample.Must(unix.Setrlimit(unix.RLIMIT_NOFILE, &lim))
}

// ends are the two descriptors of a pipe.
type ends struct{ readable, writable int }

type bench struct {
	w              watcher
	io             byteCalls
	ends           []ends
	active, writes int

	fired, heard, left int
}

func (b *bench) write(i int) {
	if !b.io.write(b.ends[i].writable) {
		fail("cannot write")
	}
	b.fired++
}

// readable takes the byte out of a pipe, and passes one on to the next.
func (b *bench) readable(i int) {
	if !b.io.read(b.ends[i].readable) {
		fail("cannot read")
	}
	b.heard++
	if b.left == 0 {
		return
	}
	b.left--
	if i++; i == len(b.ends) {
		i = 0
	}
	b.write(i)
}

func (b *bench) registerAll() {
	for i := range b.ends {
		b.w.unwatch(i, b.ends[i].readable)
		b.w.watch(i, b.ends[i].readable)
	}
	b.w.turn(b)
}

func (b *bench) once() {
	b.fired, b.heard, b.left = 0, 0, b.writes
	for i := range b.active {
		b.write(i * (len(b.ends) / b.active))
	}
	for b.heard < b.fired {
		b.w.turn(b)
	}
	if b.heard != b.active+b.writes {
		fail(fmt.Sprintf("%d bytes were read", b.heard))
	}
}

// run goes on until the time is over, at least five times. The first runs warm
// up and do not count.
func (b *bench) run(duration time.Duration) {
	const most = 100_000
	events, registrations := make([]float64, 0, most), make([]float64, 0, most)
	start := time.Now()
	for run := -2; run < 5 || time.Since(start) < duration && run < most; run++ {
		before := sample.ThreadTime()
		b.registerAll()
		between := sample.ThreadTime()
		b.once()
		after := sample.ThreadTime()
		if run < 0 {
			continue
		}
		registrations = append(registrations, float64(between-before)/float64(len(b.ends)))
		events = append(events, float64(after-between)/float64(b.active+b.writes))
	}
	sample.Report("event", sample.Quantile(events, 0.5))
	sample.Report("register", sample.Quantile(registrations, 0.5))
}

func fail(what string) {
	fmt.Fprintln(os.Stderr, "pipes:", what)
	os.Exit(1)
}
