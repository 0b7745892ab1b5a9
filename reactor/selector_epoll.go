//go:build linux && !kqueue_sim

package reactor

import (
	"math"
	"syscall"
	"time"
	"unsafe"

	"github.com/metalio/metalio"
)

// selector is an epoll instance, epoll(7). The kernel holds the registrations
// and hands the token back in each record, so there is no state to look after
// here.
type selector struct {
	epfd int
	stop int // an eventfd that interrupt makes readable, for good

	// coarse is set once the kernel has refused epoll_pwait2. Only sleep
	// touches it.
	coarse bool
}

func (s *selector) open(PollConfig) error {
	epfd, errno := metalio.RawEpollCreate1(metalio.EPOLL_CLOEXEC)
	if errno != 0 {
		return errno
	}
	stop, errno := newEventfd()
	if errno != 0 {
		metalio.Close(epfd)
		return errno
	}
	s.epfd, s.stop = epfd, stop

	// It is registered now because interrupt must not fail. Its token is
	// never seen: whoever is woken by it finds the Poll closed.
	if errno := s.control(metalio.EPOLL_CTL_ADD, FD(stop), 0, metalio.EPOLLIN); errno != 0 {
		s.close()
		return errno
	}
	return nil
}

func (s *selector) register(fd FD, token Token, interest Interest, mode Mode) syscall.Errno {
	return s.control(metalio.EPOLL_CTL_ADD, fd, token, epollBits(interest, mode))
}

func (s *selector) reregister(fd FD, token Token, interest Interest, mode Mode) syscall.Errno {
	return s.control(metalio.EPOLL_CTL_MOD, fd, token, epollBits(interest, mode))
}

func (s *selector) deregister(fd FD) syscall.Errno {
	return s.control(metalio.EPOLL_CTL_DEL, fd, 0, 0)
}

func (s *selector) control(op int, fd FD, token Token, bits uint32) syscall.Errno {
	if !validFD(fd) {
		return syscall.EBADF
	}
	ev := metalio.EpollEvent{Events: bits}
	ev.SetData(uint64(token))
	return metalio.RawEpollCtl(s.epfd, op, int(fd), &ev)
}

// rearm has nothing to do: the kernel sees for itself that a read or write
// found nothing.
func (s *selector) rearm(FD, Interest) syscall.Errno { return 0 }

func (s *selector) interrupt() { wakeEventfd(s.stop) }

func (s *selector) close() {
	metalio.Close(s.epfd)
	metalio.Close(s.stop)
}

// maxRecords is more than anybody waits for and less than EP_MAX_EVENTS of
// fs/eventpoll.c, beyond which the kernel answers EINVAL.
const maxRecords = 1 << 20

// look is a raw call, since it cannot sleep. A loop under load finds something
// each time and makes no other call to wait.
//
// Linux does not interrupt a call that does not sleep, but other kernels might,
// and a parked Poll looks once for each edge that Go's netpoller reports.
func (s *selector) look(events []Event) (int, syscall.Errno) {
	for {
		n, errno := metalio.RawEpollPwait(s.epfd, kernelRecords(events), 0, nil)
		if errno != syscall.EINTR {
			return max(n, 0), errno
		}
	}
}

func (s *selector) sleep(events []Event, timeout time.Duration) (int, syscall.Errno) {
	if timeout < 0 {
		return s.sleepForEver(kernelRecords(events))
	}
	return s.sleepFor(kernelRecords(events), timeout)
}

func (s *selector) sleepForEver(records []metalio.EpollEvent) (int, syscall.Errno) {
	for {
		n, errno := metalio.EpollPwait(s.epfd, records, -1, nil)
		if errno == syscall.EINTR {
			continue
		}
		return max(n, 0), errno
	}
}

// sleepFor sleeps for timeout, in as many calls as signals and the longest time
// that a call takes make of it. What remains is the timeout minus the time
// since the start, which cannot overflow as an absolute deadline could.
func (s *selector) sleepFor(records []metalio.EpollEvent, timeout time.Duration) (int, syscall.Errno) {
	start := time.Now()
	for remaining := timeout; remaining > 0; remaining = timeout - time.Since(start) {
		n, errno := s.sleepOnce(records, remaining)
		if n > 0 || errno != 0 {
			return n, errno
		}
	}
	return 0, 0
}

// sleepOnce is one call, of at most d. A signal ends it with nothing.
func (s *selector) sleepOnce(records []metalio.EpollEvent, d time.Duration) (n int, errno syscall.Errno) {
	if s.coarse {
		n, errno = metalio.EpollPwait(s.epfd, records, milliseconds(d), nil)
	} else {
		ts := metalio.Timespec{
			Sec:  metalio.TimeT(d / time.Second),
			Nsec: metalio.Long(d % time.Second),
		}
		n, errno = metalio.EpollPwait2(s.epfd, records, &ts, nil)
		// ENOSYS before Linux 5.11; EPERM from seccomp filters that do not
		// know the call.
		if errno == syscall.ENOSYS || errno == syscall.EPERM {
			s.coarse = true
			return 0, 0
		}
	}
	if errno == syscall.EINTR {
		return 0, 0
	}
	return max(n, 0), errno
}

// milliseconds rounds up, so that no wait ends early, and stays below what a C
// int holds: 24.8 days, after which sleepFor goes round again.
func milliseconds(d time.Duration) int {
	ms := d / time.Millisecond
	if d%time.Millisecond != 0 {
		ms++
	}
	return int(min(ms, math.MaxInt32))
}

// kernelRecords is events as the kernel sees them, or as many of them as it
// takes. It is sound because Event is a struct of one EpollEvent and nothing
// else, and so has its size and layout.
func kernelRecords(events []Event) []metalio.EpollEvent {
	events = events[:min(len(events), maxRecords)]
	return unsafe.Slice((*metalio.EpollEvent)(unsafe.Pointer(unsafe.SliceData(events))), len(events))
}
