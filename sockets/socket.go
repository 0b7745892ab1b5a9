package sockets

import (
	"syscall"

	"github.com/metalio/metalio"
)

// FD is a descriptor: a file descriptor on Unix, a SOCKET on Windows.
type FD = metalio.FD

// socket owns a descriptor. It is embedded by every type of this package, so
// its exported methods are theirs.
type socket struct {
	// biased is the descriptor plus one: the zero value is closed, and
	// what FD then gives, all bits set, is invalid on every system.
	biased  FD
	rearmer metalio.Rearmer
}

// FD returns the descriptor for registering it, or an invalid one (all bits
// set) after Close. The socket keeps owning it.
func (s *socket) FD() FD { return s.biased - 1 }

// SetRearmer makes r hear of every operation that would have blocked, in the
// blocked direction only. A reactor calls it when the socket is registered
// through RegisterSource; nil ends it.
func (s *socket) SetRearmer(r metalio.Rearmer) { s.rearmer = r }

// Close closes the descriptor. A second Close returns an error that satisfies
// errors.Is with os.ErrClosed. Deregister first.
func (s *socket) Close() error {
	if !s.isOpen() {
		return errClosed
	}
	fd := s.FD()
	*s = socket{}
	return callError("close", sysClose(fd))
}

func (s *socket) isOpen() bool { return s.biased != 0 }

func (s *socket) own(fd FD) { *s = socket{biased: fd + 1} }

// discard closes after a failure that has its own error to report.
func (s *socket) discard() {
	_ = s.Close()
}

// blocked reports a would-block in direction d, after telling the rearmer.
func (s *socket) blocked(d metalio.Interest) error {
	if s.rearmer == nil {
		return ErrWouldBlock
	}
	if err := s.rearmer.Rearm(s.FD(), d); err != nil {
		return err
	}
	return ErrWouldBlock
}

// failed turns the errno of an operation in direction d into its error. A
// small errno in an interface does not allocate.
func (s *socket) failed(errno syscall.Errno, d metalio.Interest) error {
	if wouldBlock(errno) {
		return s.blocked(d)
	}
	return errno
}

// setOption sets an integer option; name is for the error.
func (s *socket) setOption(level, option, value int, name string) error {
	if !s.isOpen() {
		return errClosed
	}
	return callError("setsockopt "+name, sysSetOption(s.FD(), level, option, value))
}
