//go:build unix && (!linux || kqueue_sim)

package reactor

import (
	"sync/atomic"
	"syscall"

	"github.com/metalio/metalio"
)

// wakePipe is for a kqueue without user events. Each byte written is an event,
// and only the next to be written takes old ones away. It costs two descriptors.
type wakePipe struct {
	reader, writer int
	written        atomic.Uint32
}

func (p *wakePipe) open(kq int, token Token, flags int) syscall.Errno {
	if errno := p.create(); errno != 0 {
		return errno
	}
	var c metalio.KeventT
	set(&c.Ident, p.reader)
	set(&c.Filter, metalio.EVFILT_READ)
	set(&c.Flags, metalio.EV_ADD|flags)
	set(&c.Udata, token)
	errno := changeOne(kq, c)
	if errno != 0 {
		p.close()
	}
	return errno
}

// create opens the pipe through package syscall: not every system has pipe2.
// syscall.ForkLock keeps a child from inheriting what is not close-on-exec yet.
func (p *wakePipe) create() syscall.Errno {
	var fds [2]int
	syscall.ForkLock.RLock()
	err := syscall.Pipe(fds[:])
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return err.(syscall.Errno)
	}
	p.reader, p.writer = fds[0], fds[1]
	for _, fd := range fds {
		if _, errno := metalio.RawFcntl(fd, metalio.F_SETFL, metalio.O_NONBLOCK); errno != 0 {
			p.close()
			return errno
		}
	}
	return 0
}

// drainAfter is fewer bytes than any system's pipe holds.
const drainAfter = 2048

// wake writes a byte, and now and then empties the pipe before. That takes back
// no other's wake: all that were not reported yet are one event, and the byte
// that follows brings it about. The pipe must not become full, because to Linux
// a write that fails for that is an event too.
func (p *wakePipe) wake() syscall.Errno {
	if p.written.Add(1)%drainAfter == 0 {
		p.drain()
	}
	var one [1]byte
	for {
		_, errno := metalio.RawWrite(p.writer, one[:])
		switch errno {
		case syscall.EAGAIN:
			p.drain()
		case syscall.EINTR:
		default:
			return errno
		}
	}
}

// drain has room for the bytes of other goroutines that wake at the same time.
func (p *wakePipe) drain() {
	var old [2 * drainAfter]byte
	metalio.RawRead(p.reader, old[:])
}

// close drops the knote too: the kernel does so with the last copy of a
// descriptor, and this one has none.
func (p *wakePipe) close() {
	metalio.Close(p.reader)
	metalio.Close(p.writer)
}
