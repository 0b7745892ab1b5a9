//go:build linux && !kqueue_sim

package reactor

import (
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/metalio/metalio"
)

// parker lets the goroutine that waits sleep in Go's own netpoller, which
// watches an epoll instance, which watches the Poll's. One in between would not
// be needed, but makes every event dearer for whoever causes it, by some 100 ns,
// and the one in between can be let go while there is much to do.
//
// All fields but state belong to the goroutine that waits.
type parker struct {
	file  *os.File        // the epoll instance in between; nil if the parker is not to be used
	conn  syscall.RawConn // of file
	outer int             // the descriptor of file
	inner int             // the Poll's own

	// nested says that outer watches inner, nestCost what it took to tell it
	// so: the kernel looks at every registration of inner then. regret is what
	// the present choice has cost since it was made or last paid off; a choice
	// is changed when it has cost as much as the change does.
	nested   bool
	nestCost int64
	regret   int64

	// lookAgain is called by the netpoller. It is made once, so that parking
	// does not allocate, and so it cannot fill the caller's slice, which may be
	// on a stack: found[:n] is what it has found.
	lookAgain func(uintptr) bool
	found     [64]Event
	room      int // how much of found may be used
	looks     int // how often it was called for this park
	n         int
	errno     syscall.Errno

	// deadline is when the file's read deadline ends the next park: never,
	// expired, or a moment. It may be earlier than the park needs, which costs
	// a vain wake-up now and then, and saves setting it each time.
	deadline int64

	state atomic.Uint32
}

// expired is the deadline of a file that refuses to be read until it gets
// another one.
const expired = -1

// The states of a parker.
const (
	notParked uint32 = iota
	parked
	unparked // by unpark, which has set the file's deadline or is about to
)

// farPast is a deadline that has passed, on the monotonic clock, which is read
// faster than the other.
var farPast = time.Now().Add(-time.Hour)

// open prepares for parking with s. It fails with the errno of epoll_create1, or
// with ENOTSUP if Go's netpoller does not take the descriptor.
func (k *parker) open(s *selector) syscall.Errno {
	outer, errno := metalio.RawEpollCreate1(metalio.EPOLL_CLOEXEC)
	if errno != 0 {
		return errno
	}
	if errno := roomForNetpoller(); errno != 0 {
		metalio.Close(outer)
		return errno
	}
	// os.NewFile gives to the netpoller what is non-blocking. For an epoll
	// descriptor the mode means nothing else.
	flags, _ := metalio.RawFcntl(outer, metalio.F_GETFL, 0)
	metalio.RawFcntl(outer, metalio.F_SETFL, flags|metalio.O_NONBLOCK)
	file := os.NewFile(uintptr(outer), "epoll")
	if file.SetReadDeadline(time.Time{}) != nil {
		file.Close()
		return syscall.ENOTSUP
	}
	conn, err := file.SyscallConn()
	if err != nil { // not for a file that is open
		file.Close()
		return syscall.ENOTSUP
	}
	netpollerRuns.Store(true)
	k.file, k.conn, k.outer, k.inner = file, conn, outer, s.epfd
	k.deadline = never
	k.lookAgain = func(uintptr) bool {
		k.looks++
		k.n, k.errno = s.look(k.found[:k.room])
		return k.n > 0 || k.errno != 0
	}
	return 0
}

// netpollerRuns says that Go's netpoller is known to be there.
var netpollerRuns atomic.Bool

// roomForNetpoller looks for the descriptors that Go's netpoller opens when it
// gets its first file, an epoll instance and an eventfd. Without them it ends the
// process, and nobody can catch that.
func roomForNetpoller() syscall.Errno {
	if netpollerRuns.Load() {
		return 0
	}
	var room selector
	err := room.open(PollConfig{})
	if err != nil {
		return err.(syscall.Errno)
	}
	room.close()
	return 0
}

func (k *parker) close() {
	if k.file != nil {
		k.file.Close()
	}
}

func (k *parker) usable() bool { return k.file != nil }

// The prices by which the parker decides about nesting, in nanoseconds: of an
// event while nested, and of sleeping in the call when one could have parked.
const (
	nestedEventCost = 100
	callSleepCost   = 10_000
)

// busy tells that a look has found n events.
func (k *parker) busy(n int) {
	if !k.nested {
		return
	}
	k.regret += int64(n) * nestedEventCost
	if k.regret > max(k.nestCost, callSleepCost) {
		metalio.RawEpollCtl(k.outer, metalio.EPOLL_CTL_DEL, k.inner, nil)
		k.nested, k.regret = false, 0
	}
}

// worthNesting reports whether a park is worth the nesting that it needs. If not
// the caller sleeps in the call.
func (k *parker) worthNesting() bool {
	if k.nested || k.regret >= k.nestCost {
		return true
	}
	k.regret += callSleepCost
	return false
}

// nest makes sure that outer watches inner.
func (k *parker) nest(clock *stopwatch) bool {
	k.regret = 0
	if k.nested {
		return true
	}
	start := clock.read()
	ev := metalio.EpollEvent{Events: metalio.EPOLLIN}
	k.nested = metalio.RawEpollCtl(k.outer, metalio.EPOLL_CTL_ADD, k.inner, &ev) == 0
	k.nestCost = clock.read() - start
	return k.nested
}

// parkable reports whether Auto parks for a sleep from now until then.
func (p *Poll) parkable(now, until int64) bool {
	if !p.parker.usable() {
		return false
	}
	return now >= p.pace.crowded && until-now >= shortestPark && p.parker.worthNesting()
}

// park sleeps in the netpoller. Unlike the other ways it returns 0 also after
// unpark.
func (p *Poll) park(events []Event, until int64) (int, syscall.Errno) {
	k := &p.parker
	if !k.nest(&p.clock) {
		return p.block(events, until)
	}
	k.room = min(len(events), len(k.found))
	k.looks = 0
	for {
		woken := k.parkOnce(&p.clock, until)
		p.slept = k.looks > 1 || woken
		p.pace.parked = p.slept
		if woken {
			p.unparks++
		}
		if woken || k.n > 0 || k.errno != 0 || until != never && p.clock.read() >= until {
			return copy(events, k.found[:k.n]), k.errno
		}
	}
}

// parkOnce parks until something is ready, unpark or the deadline, which may
// come before until.
func (k *parker) parkOnce(clock *stopwatch, until int64) (woken bool) {
	k.n, k.errno = 0, 0
	k.setDeadline(clock, until)
	// From here on unpark works by the deadline. Before, it used the waker,
	// which the first look finds.
	k.state.Store(parked)
	err := k.conn.Read(k.lookAgain)
	woken = k.state.Swap(notParked) == unparked
	switch {
	case woken || err == os.ErrDeadlineExceeded:
		k.deadline = expired
	case err != nil:
		k.errno = syscall.EBADF // the file is not for reading: somebody closed the descriptor
	}
	return woken
}

// setDeadline sees to it that a park ends by until.
func (k *parker) setDeadline(clock *stopwatch, until int64) {
	if k.deadline != expired && k.deadline <= until {
		return
	}
	k.deadline = until
	if until == never {
		k.file.SetReadDeadline(time.Time{})
		return
	}
	// In the worst case this comes before the deadline of an unpark that was
	// too late for its park. Then the next park ends at once, and in vain.
	k.file.SetReadDeadline(clock.start.Add(time.Duration(until)))
}

// unpark ends a park without a system call, from any goroutine. It reports
// false if there is none, or not yet: then the Poll has to be woken as usual.
func (p *Poll) unpark() bool {
	k := &p.parker
	return k.state.Load() == parked && k.state.CompareAndSwap(parked, unparked) &&
		k.file.SetReadDeadline(farPast) == nil
}
