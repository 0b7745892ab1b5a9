//go:build unix && (!linux || kqueue_sim)

package reactor

import (
	"syscall"

	"github.com/metalio/metalio"
)

// wakePipe is for a kqueue without user events. Each byte written is an event,
// and nobody has to read before the pipe is full. It costs two descriptors.
type wakePipe struct{ reader, writer int }

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

// wake writes a byte. If the pipe is full it makes room first, which takes back
// no other's wake: all that were not reported yet are one event, and the byte
// that follows brings it about.
func (p *wakePipe) wake() syscall.Errno {
	var one [1]byte
	var old [4096]byte
	for {
		_, errno := metalio.RawWrite(p.writer, one[:])
		switch errno {
		case syscall.EAGAIN:
			metalio.RawRead(p.reader, old[:])
		case syscall.EINTR:
		default:
			return errno
		}
	}
}

// close drops the knote too: the kernel does so with the last copy of a
// descriptor, and this one has none.
func (p *wakePipe) close() {
	metalio.Close(p.reader)
	metalio.Close(p.writer)
}
