package network

import (
	"strconv"
	"syscall"
	"time"

	"github.com/metalio/metalio/bench/internal/run"
)

// generator is the program that makes the load.
const generator = "loadgen"

// load is what the generator does to a server.
type load struct {
	conns  int
	active int // of these; 0 is all
	window int // messages under way on each active connection; 0 is 1
	size   int // of a message, in bytes; 0 is 64
	rate   int // messages due each second, all connections together; 0 is as many as the window allows
	hold   time.Duration
	busy   int  // goroutines that compute in the server
	sleep  bool // the generator sleeps between messages, because the server needs both cores
	scan   bool // the generator looks at each socket in turn: see README.md
}

const (
	smallBuffer = 4 << 10
	largeBuffer = 64 << 10
)

// buffer is what a server should read at once: a message, or a window of them.
func (l load) buffer() int {
	if l.size > smallBuffer {
		return largeBuffer
	}
	return smallBuffer
}

func (l load) args(r run.Round) []string {
	warmUp := min(r.Length/4, 100*time.Millisecond)
	args := append(run.Duration(r), "-conns", strconv.Itoa(l.conns), "-warmup", strconv.FormatFloat(warmUp.Seconds(), 'f', 3, 64))
	number := func(name string, n int) {
		if n > 0 {
			args = append(args, name, strconv.Itoa(n))
		}
	}
	number("-active", l.active)
	number("-window", l.window)
	number("-size", l.size)
	number("-rate", l.rate)
	if l.hold > 0 {
		args = append(args, "-hold", strconv.FormatFloat(l.hold.Seconds(), 'f', 2, 64))
	}
	if l.sleep {
		args = append(args, "-sleep")
	}
	if l.scan {
		args = append(args, "-scan")
	}
	return args
}

// many is 10,000 connections, or as many as there are descriptors for.
func many() int { return min(10000, limit()) }

// limit is how many connections this process, and so its children, may have
// descriptors for.
func limit() int {
	const own = 100 // what a server and the generator have besides
	var files syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) != nil {
		return 1000
	}
	return int(min(files.Max, 1<<20)) - own
}
