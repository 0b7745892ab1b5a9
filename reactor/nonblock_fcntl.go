//go:build unix

package reactor

import (
	"syscall"

	"github.com/metalio/metalio"
)

// SetNonblock puts fd in non-blocking mode, which Edge requires and every read
// or write in an event loop needs. The mode belongs to the open file and is
// shared by all copies of the descriptor, those of other processes included.
// The error is an [*OpError].
func SetNonblock(fd FD) error {
	flags, errno := statusFlags(fd)
	if errno == 0 && flags&metalio.O_NONBLOCK == 0 {
		_, errno = metalio.RawFcntl(int(fd), metalio.F_SETFL, flags|metalio.O_NONBLOCK)
	}
	if errno != 0 {
		return &OpError{opSetNonblock.String(), fd, errno}
	}
	return nil
}

// checkNonblocking returns nil if fd is open and in non-blocking mode.
func checkNonblocking(fd FD) error {
	flags, errno := statusFlags(fd)
	if errno != 0 {
		return errno
	}
	if flags&metalio.O_NONBLOCK == 0 {
		return ErrBlocking
	}
	return nil
}

func statusFlags(fd FD) (int, syscall.Errno) {
	if !validFD(fd) {
		return 0, syscall.EBADF
	}
	return metalio.RawFcntl(int(fd), metalio.F_GETFL, 0)
}
