//go:build linux && !kqueue_sim

package reactor

import (
	"syscall"

	"github.com/metalio/metalio"
)

// exitBits make an exit recognisable: a pidfd reports EPOLLRDNORM beside
// EPOLLIN, pidfd_open(2), and no other registration asks for it. One-shot,
// because the pidfd stays readable, and hangs up when the process is reaped.
const exitBits = metalio.EPOLLRDNORM | metalio.EPOLLONESHOT

// openProcess watches a pidfd, which is close-on-exec from the start.
func (s *selector) openProcess(pid int, token Token) (int, syscall.Errno) {
	fd, errno := metalio.RawPidfdOpen(pid, 0)
	if errno != 0 {
		return 0, whyNoProcess(errno)
	}
	if errno := s.control(metalio.EPOLL_CTL_ADD, FD(fd), token, exitBits); errno != 0 {
		metalio.Close(fd)
		return 0, errno
	}
	return fd, 0
}

// whyNoProcess says of a thread what is said of numbers that nobody has.
// pidfd_open(2) knows threads only by a flag, and without it answers ENOENT or,
// in older kernels, EINVAL.
func whyNoProcess(errno syscall.Errno) syscall.Errno {
	if errno == syscall.ENOENT || errno == syscall.EINVAL {
		return syscall.ESRCH
	}
	return errno
}

func (s *selector) closeProcess(fd int) {
	s.deregister(FD(fd))
	metalio.Close(fd)
}
