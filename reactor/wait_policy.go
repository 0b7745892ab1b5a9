package reactor

import (
	"syscall"
	"time"
)

// WaitPolicy says how [Poll.Wait] sleeps. The zero WaitPolicy leaves the choice
// to the Poll, which for now always takes [Block].
type WaitPolicy uint8

const (
	// Block looks at the descriptors once with a call that cannot sleep, and
	// if nothing is ready sleeps in a call that Go's scheduler knows of, so
	// that other goroutines go on meanwhile. It holds a thread while it
	// sleeps.
	Block WaitPolicy = 1 + iota

	// Spin looks again and again and never sleeps. It answers soonest and
	// costs a whole processor, so it is for machines that have one to spare,
	// with GOMAXPROCS at 2 or more: on a single one, other goroutines would
	// wait for Go's preemption, 10 ms each time. A Loop that spins is woken by
	// messages, signals and Stop without a system call.
	Spin
)

// sleep waits as the policy says.
func (p *Poll) sleep(events []Event, timeout time.Duration) (int, syscall.Errno) {
	if p.policy == Spin && timeout != 0 {
		return p.spin(events, timeout)
	}
	return p.sel.wait(events, timeout)
}

// spin asks the gate whether the Poll has been closed: whether an interruption
// shows in a wait that does not sleep is the backend's affair.
func (p *Poll) spin(events []Event, timeout time.Duration) (int, syscall.Errno) {
	start := time.Now()
	for {
		n, errno := p.sel.wait(events, 0)
		if n > 0 || errno != 0 || p.gate.isShut() || passed(start, timeout) {
			return n, errno
		}
	}
}

// passed reports whether timeout has passed since start. A negative one never
// does.
func passed(start time.Time, timeout time.Duration) bool {
	return timeout >= 0 && time.Since(start) >= timeout
}
