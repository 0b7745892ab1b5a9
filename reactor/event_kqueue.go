//go:build unix && (!linux || kqueue_sim)

package reactor

import "github.com/metalio/metalio"

// Event is one entry of the slice that [Poll.Wait] fills: which registration,
// and what it is ready for. It is a view of the kernel's own record, which is
// about one direction: a descriptor that can be read and written is two events,
// except in mode [OneShot].
type Event struct {
	rec metalio.KeventT
}

// Token returns the token given at registration.
func (e Event) Token() Token { return Token(e.rec.Udata) }

// Ready returns what the descriptor is ready for.
func (e Event) Ready() Ready {
	r := kqueueReady(&e.rec)
	if e.isOneShot() {
		r |= Ready(e.rec.Data)
	}
	return r
}

// kqueueReady translates a record. Under EV_EOF, Fflags is the socket's error.
//
// EV_EOF of the write filter says that nothing can be written, which one's own
// shutdown brings about as well as the peer's end.
func kqueueReady(rec *metalio.KeventT) Ready {
	var r, closed Ready
	failure := rec.Fflags
	switch {
	case isPriority(rec):
		r, closed = readyReadable, readyReadClosed
		if isUrgent(rec) {
			r |= readyPriority
		}
		failure &^= priorityNote
	case rec.Filter == metalio.EVFILT_READ:
		r, closed = readyReadable, readyReadClosed
	case rec.Filter == metalio.EVFILT_WRITE:
		r, closed = readyWritable, readyWriteClosed
	case isReaderGone(rec):
		return readyWritable | readyWriteClosed
	case isExit(rec):
		return readyExited
	default: // a user event
		return readyReadable
	}
	if rec.Flags&metalio.EV_EOF == 0 {
		return r
	}
	if failure != 0 { // which ends both directions, whichever reports it
		return r | readyError | readyReadClosed | readyWriteClosed
	}
	return r | closed
}

// direction is the interest that e answers, or 0 for an event that is of no
// descriptor.
func (e *Event) direction() Interest {
	switch {
	case isPriority(&e.rec):
		return Priority
	case e.rec.Filter == metalio.EVFILT_READ:
		return Readable
	case e.rec.Filter == metalio.EVFILT_WRITE, isReaderGone(&e.rec):
		return Writable
	}
	return 0
}

// isOneShot reports whether e is of a OneShot registration. The kernel returns
// the flags that a knote was added with.
func (e *Event) isOneShot() bool {
	return e.rec.Flags&metalio.EV_ONESHOT != 0 && e.direction() != 0
}

// A OneShot event has no use for the kernel's Data, the number of bytes: there
// it keeps what the registration's other knotes have reported.
func (e *Event) clearExtra()      { e.rec.Data = 0 }
func (e *Event) addExtra(r Ready) { set(&e.rec.Data, Ready(e.rec.Data)|r) }

// isOrdinaryData reports that e is not what a registration for Priority asks for.
func (e *Event) isOrdinaryData() bool {
	return isPriority(&e.rec) && !isUrgent(&e.rec) && e.rec.Flags&metalio.EV_EOF == 0
}
