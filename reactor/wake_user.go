//go:build unix && (!linux || kqueue_sim)

package reactor

import (
	"syscall"

	"github.com/metalio/metalio"
)

// userEvent is a knote of EVFILT_USER: triggering it is one call, it costs no
// descriptor, and nobody has to read.
type userEvent struct {
	kq    int
	ident uintptr
	token Token
}

// addUser adds a user event under an identifier of its own: from the highest
// number down, while the lowest are those of descriptors, for readerGone.
func (s *selector) addUser(token Token, flags int) (userEvent, syscall.Errno) {
	s.mu.Lock()
	s.users++
	u := userEvent{s.kq, -s.users, token}
	s.mu.Unlock()
	return u, u.change(metalio.EV_ADD | flags)
}

// readerGone is the user event that stands in for fd's write filter.
func (s *selector) readerGone(fd FD, token Token) userEvent {
	return userEvent{s.kq, fd, token}
}

// isReaderGone reports whether rec is of an event made by readerGone.
func isReaderGone(rec *metalio.KeventT) bool {
	return rec.Filter == metalio.EVFILT_USER && validFD(FD(rec.Ident))
}

// change adds or deletes the event.
func (u userEvent) change(flags int) syscall.Errno { return u.submit(flags, 0) }

// trigger makes the kernel report the event. It has to be added before, and
// must not be added again: EV_CLEAR in the same change would take the trigger
// back, and a change without it might make the event level-triggered.
func (u userEvent) trigger() syscall.Errno { return u.submit(0, metalio.NOTE_TRIGGER) }

// submit makes a change, with the token, because each change sets it anew.
func (u userEvent) submit(flags int, note uint32) syscall.Errno {
	var c metalio.KeventT
	set(&c.Ident, u.ident)
	set(&c.Filter, metalio.EVFILT_USER)
	set(&c.Flags, flags)
	set(&c.Fflags, note)
	set(&c.Udata, u.token)
	return changeOne(u.kq, c)
}

// changeOne makes one change. Without room for a receipt the call answers with
// the change's own error, and fetches no event.
func changeOne(kq int, c metalio.KeventT) syscall.Errno {
	_, errno := metalio.RawKevent(kq, []metalio.KeventT{c}, nil, &metalio.Timespec{})
	if errno == syscall.EINTR { // the change is made, kevent(2)
		return 0
	}
	return errno
}
