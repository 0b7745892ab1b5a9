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

// checkNonblocking returns nil if fd is open and in non-blocking mode, and
// otherwise why it cannot be registered for Edge.
func checkNonblocking(fd FD) error {
	flags, errno := statusFlags(fd)
	if errno != 0 {
		return errno
	}
	if flags&metalio.O_NONBLOCK != 0 {
		return nil
	}
	if isAlwaysReady(fd) {
		return errAlwaysReady // in non-blocking mode too
	}
	return ErrBlocking
}

// isAlwaysReady reports whether fd is a file of a kind that epoll refuses with
// EPERM. Some kqueues take files, and report them as writable for ever.
func isAlwaysReady(fd FD) bool {
	var st syscall.Stat_t
	if syscall.Fstat(int(fd), &st) != nil {
		return false
	}
	switch st.Mode & syscall.S_IFMT {
	case syscall.S_IFREG, syscall.S_IFDIR, syscall.S_IFBLK:
		return true
	}
	return false
}

func statusFlags(fd FD) (int, syscall.Errno) {
	if !validFD(fd) {
		return 0, syscall.EBADF
	}
	return metalio.RawFcntl(int(fd), metalio.F_GETFL, 0)
}
