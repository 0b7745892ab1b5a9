//go:build unix && (!linux || kqueue_sim)

package reactor

import (
	"syscall"

	"github.com/metalio/metalio"
)

// openProcess adds a knote of EVFILT_PROC, which costs no descriptor. It fires
// once and is gone, kqueue(2).
// Where there are no user events to stand in for the exit of a process that has
// exited already, it keeps the kernel's answer.
func (s *selector) openProcess(pid int, token Token) (int, syscall.Errno) {
	errno := s.processKnote(pid, metalio.EV_ADD|metalio.EV_ONESHOT, token)
	if errno != syscall.ESRCH || !metalio.HasUserEvents || !isZombie(pid) {
		return pid, errno
	}
	// macOS does not take who has exited already, so that a user event stands
	// in for the exit.
	u := s.exited(pid, token)
	if errno := u.change(metalio.EV_ADD | metalio.EV_ONESHOT); errno != 0 {
		return 0, errno
	}
	return pid, u.trigger()
}

func (s *selector) closeProcess(pid int) {
	s.processKnote(pid, metalio.EV_DELETE, 0) // ENOENT if it has fired
	u := s.exited(pid, 0)
	u.change(metalio.EV_DELETE)
}

func (s *selector) processKnote(pid, flags int, token Token) syscall.Errno {
	var c metalio.KeventT
	set(&c.Ident, pid)
	set(&c.Filter, metalio.EVFILT_PROC)
	set(&c.Flags, flags)
	set(&c.Fflags, uint32(metalio.NOTE_EXIT))
	set(&c.Udata, token)
	return changeOne(s.kq, c)
}

// isZombie reports whether a process that cannot be watched exists: the signal 0
// is delivered to no running process either.
func isZombie(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || err == syscall.EPERM
}

// exitedIdents is the first identifier of the user events that stand in for an
// exit, above those of descriptors.
const exitedIdents = 1 << 31

func (s *selector) exited(pid int, token Token) userEvent {
	return userEvent{s.kq, exitedIdents + uintptr(pid), token}
}

// isExit reports whether rec says that a process has exited. Other user events
// are below and above: see addUser, which counts down from the highest number.
func isExit(rec *metalio.KeventT) bool {
	if rec.Filter == metalio.EVFILT_USER {
		return rec.Ident >= exitedIdents && rec.Ident < exitedIdents+maxPID
	}
	return rec.Filter == metalio.EVFILT_PROC
}

// maxPID is more than any of these systems has processes.
const maxPID = 1 << 30
