//go:build unix && (!linux || kqueue_sim)

package reactor

import (
	"syscall"

	"github.com/metalio/metalio"
)

// wakeup is a user event where the kernel has them, and else a pipe.
type wakeup struct {
	event userEvent
	pipe  wakePipe
}

func (w *wakeup) open(s *selector, token Token) syscall.Errno {
	// Cleared when it is reported, so that it is reported once.
	return w.openWith(s, token, metalio.EV_CLEAR)
}

func (w *wakeup) openWith(s *selector, token Token, flags int) (errno syscall.Errno) {
	if !metalio.HasUserEvents {
		return w.pipe.open(s.kq, token, flags)
	}
	w.event, errno = s.addUser(token, flags)
	return errno
}

func (w *wakeup) wake() syscall.Errno {
	if !metalio.HasUserEvents {
		return w.pipe.wake()
	}
	return w.event.trigger()
}

func (w *wakeup) close(*selector) {
	if !metalio.HasUserEvents {
		w.pipe.close()
		return
	}
	w.event.change(metalio.EV_DELETE)
}
