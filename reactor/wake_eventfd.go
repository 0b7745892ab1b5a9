//go:build linux && !kqueue_sim

package reactor

import (
	"encoding/binary"
	"syscall"

	"github.com/metalio/metalio"
)

// wakeup is an eventfd(2), registered edge-triggered: each write is an event,
// and nobody has to read.
type wakeup struct {
	fd int
}

func (w *wakeup) open(s *selector, token Token) syscall.Errno {
	fd, errno := newEventfd()
	if errno != 0 {
		return errno
	}
	if errno := s.register(FD(fd), token, Readable, Edge); errno != 0 {
		metalio.Close(fd)
		return errno
	}
	w.fd = fd
	return 0
}

func (w *wakeup) wake() syscall.Errno { return wakeEventfd(w.fd) }

func (w *wakeup) close(s *selector) {
	// Closing alone would do, unless the descriptor was inherited by a child
	// between fork and exec.
	s.deregister(FD(w.fd))
	metalio.Close(w.fd)
}

func newEventfd() (int, syscall.Errno) {
	return metalio.RawEventfd2(0, metalio.EFD_CLOEXEC|metalio.EFD_NONBLOCK)
}

// wakeEventfd adds one to the counter. After 2^64-2 wakes the counter is full
// and the write would block; reading takes it back to zero.
func wakeEventfd(fd int) syscall.Errno {
	var one, sum [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	for {
		_, errno := metalio.RawWrite(fd, one[:])
		switch errno {
		case syscall.EAGAIN:
			metalio.RawRead(fd, sum[:])
		case syscall.EINTR:
		default:
			return errno
		}
	}
}
