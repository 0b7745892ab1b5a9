package reactor

import (
	"os"
	"syscall"
)

// Register is [Poll.Register]: it watches fd for interest and calls the
// handler with token. The error satisfies errors.Is with ENOSPC too, if the Loop
// has sixteen million registrations.
func (l *Loop[M]) Register(fd FD, token Token, interest Interest, mode Mode) error {
	k, errno := l.table.add(token, interest)
	if errno != 0 {
		return &OpError{opRegister.String(), fd, errno}
	}
	if err := l.poll.Register(fd, Token(k), interest, mode); err != nil {
		l.table.discard(k)
		return err
	}
	l.table.bind(fd, k)
	return nil
}

// RegisterSource is [Poll.RegisterSource].
func (l *Loop[M]) RegisterSource(s Source, token Token, interest Interest, mode Mode) error {
	if err := l.Register(s.FD(), token, interest, mode); err != nil {
		return err
	}
	l.poll.hearFrom(s)
	return nil
}

// Reregister is [Poll.Reregister]. An event that this turn has taken already
// is delivered with the new token, if it is in the new interest.
func (l *Loop[M]) Reregister(fd FD, token Token, interest Interest, mode Mode) error {
	k, e := l.table.find(fd)
	if e == nil {
		return &OpError{opReregister.String(), fd, l.unknown()}
	}
	if err := l.poll.Reregister(fd, Token(k), interest, mode); err != nil {
		return err
	}
	e.set(token, interest)
	return nil
}

// Deregister is [Poll.Deregister], and stricter: no handler method is called
// for the registration any more, also if Deregister returns an error because fd
// is closed already.
func (l *Loop[M]) Deregister(fd FD) error {
	if !l.table.remove(fd) {
		return &OpError{opDeregister.String(), fd, l.unknown()}
	}
	return l.poll.Deregister(fd)
}

// unknown is why a descriptor has no registration.
func (l *Loop[M]) unknown() error {
	if l.closed {
		return os.ErrClosed
	}
	return syscall.ENOENT
}
