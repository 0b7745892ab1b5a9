package reactor

import (
	"syscall"
	"time"
)

// What each backend supplies, in files named for the mechanism:
//
//   - type selector, whose zero value open makes usable, with these methods;
//   - type wakeup, likewise;
//   - type Event, with methods Token and Ready;
//   - checkNonblocking and SetNonblock.
//
// Arguments are valid when they arrive, and Poll's gate guarantees that close
// is the last call, that it comes once, and that only one goroutine is in look or sleep.
var _ interface {
	// open makes the zero selector usable, or leaves nothing behind.
	open(cfg PollConfig) error

	// register, reregister and deregister may run beside each other and
	// beside look and sleep.
	register(fd FD, token Token, interest Interest, mode Mode) syscall.Errno
	reregister(fd FD, token Token, interest Interest, mode Mode) syscall.Errno
	deregister(fd FD) syscall.Errno

	// rearm watches a direction again that an Edge registration found blocked.
	rearm(fd FD, blocked Interest) syscall.Errno

	// look fills events, which is not empty, with what is ready, and never
	// sleeps.
	look(events []Event) (int, syscall.Errno)

	// sleep is for when look has found nothing. It waits for up to timeout,
	// which is not zero and for ever if negative, and returns 0 only after
	// that or after interrupt.
	sleep(events []Event, timeout time.Duration) (int, syscall.Errno)

	// interrupt ends the current wait and all later ones. It cannot fail.
	interrupt()

	// close releases all that open took.
	close()
} = (*selector)(nil)

var _ interface {
	// open registers the wakeup with s.
	open(s *selector, token Token) syscall.Errno

	// wake makes the selector report the token as readable, to the current
	// wait or to the next one. Any number of goroutines may call it.
	wake() syscall.Errno

	// close releases all that open took, and deregisters from s. Until then
	// the selector is open.
	close(s *selector)
} = (*wakeup)(nil)
