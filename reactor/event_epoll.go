//go:build linux && !kqueue_sim

package reactor

import "github.com/metalio/metalio"

// Event is one entry of the slice that [Poll.Wait] fills: which registration,
// and what it is ready for. It is a view of the kernel's own record.
type Event struct {
	rec metalio.EpollEvent
}

// Token returns the token given at registration.
func (e Event) Token() Token { return Token(e.rec.Data()) }

// Ready returns what the descriptor is ready for.
func (e Event) Ready() Ready { return epollReady(e.rec.Events) }

// epollReady translates epoll's bits. Most events have this one and no other.
func epollReady(bits uint32) Ready {
	if bits == metalio.EPOLLIN {
		return readyReadable
	}
	return epollReadyOf(bits)
}

// epollReadyOf translates any bits.
//
// RDHUP is the peer's half-close: it ends reading, and writing goes on. HUP
// ends both. ERR alone is how a pipe reports that its reader is gone; with OUT
// it is the same on other kernels, or a failed connection.
func epollReadyOf(bits uint32) Ready {
	if bits&metalio.EPOLLRDNORM != 0 {
		return readyExited // see exitBits
	}
	var r Ready
	if bits&(metalio.EPOLLIN|metalio.EPOLLPRI) != 0 {
		r |= readyReadable
	}
	if bits&metalio.EPOLLOUT != 0 {
		r |= readyWritable
	}
	if bits&metalio.EPOLLPRI != 0 {
		r |= readyPriority
	}
	if bits&metalio.EPOLLERR != 0 {
		r |= readyError
		if bits&metalio.EPOLLOUT != 0 || bits == metalio.EPOLLERR {
			r |= readyWriteClosed
		}
	}
	if bits&metalio.EPOLLRDHUP != 0 && bits&metalio.EPOLLIN != 0 {
		r |= readyReadClosed
	}
	if bits&metalio.EPOLLHUP != 0 {
		r |= readyReadClosed | readyWriteClosed
	}
	return r
}

// epollBits translates a registration.
func epollBits(interest Interest, mode Mode) uint32 {
	var bits uint32
	if interest&Readable != 0 {
		bits |= metalio.EPOLLIN | metalio.EPOLLRDHUP
	}
	if interest&Writable != 0 {
		bits |= metalio.EPOLLOUT
	}
	if interest&Priority != 0 {
		bits |= metalio.EPOLLPRI
	}
	switch mode {
	case Edge:
		bits |= metalio.EPOLLET
	case OneShot:
		bits |= metalio.EPOLLONESHOT
	}
	return bits
}
