package reactor

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"syscall"
)

// ErrBlocking is the reason for which Edge is refused on a descriptor in
// blocking mode: edge-triggered readiness obliges its user to read until the
// descriptor has nothing left, and a blocking descriptor would put the thread to
// sleep there. [SetNonblock] changes the mode. On Unix only.
var ErrBlocking = errors.New("edge-triggered registration of a descriptor in blocking mode")

var (
	errNoInterest      = fmt.Errorf("empty interest: %w", syscall.EINVAL)
	errUnknownInterest = fmt.Errorf("unknown interest: %w", syscall.EINVAL)
	errUnknownMode     = fmt.Errorf("unknown mode: %w", syscall.EINVAL)
	errAlwaysReady     = fmt.Errorf("%w (regular files and directories are always ready and cannot be watched)", syscall.EPERM)
	errOtherPoll       = fmt.Errorf("%w (another Poll of this process watches it)", syscall.EBUSY)
)

// OpError is the error of a call about one descriptor.
type OpError struct {
	Op  string // "register", "deregister", ...
	FD  FD
	Err error // a syscall.Errno, os.ErrClosed, ErrBlocking or an error that wraps one
}

// Error names the call and the descriptor: "reactor: register fd 7: file exists".
func (e *OpError) Error() string {
	// An invalid descriptor has all bits set, and is known as -1.
	return "reactor: " + e.Op + " fd " + strconv.Itoa(int(e.FD)) + ": " + e.Err.Error()
}

// Unwrap returns e.Err.
func (e *OpError) Unwrap() error { return e.Err }

// operation names a call in messages.
type operation uint8

const (
	opRegister operation = iota
	opReregister
	opDeregister
	opRearm
	opSetNonblock
)

func (op operation) String() string {
	return [...]string{"register", "reregister", "deregister", "rearm", "set nonblock"}[op]
}

// checkRegistration refuses what no backend could be asked for.
func checkRegistration(fd FD, interest Interest, mode Mode) error {
	switch {
	case interest == 0:
		return errNoInterest
	case interest&^(Readable|Writable|Priority) != 0:
		return errUnknownInterest
	case mode > OneShot:
		return errUnknownMode
	case mode == Edge:
		return checkNonblocking(fd)
	}
	return nil
}

// explain adds to an errno what its text does not say.
func explain(errno syscall.Errno) error {
	switch errno {
	case syscall.EPERM:
		return errAlwaysReady
	case syscall.EBUSY:
		return errOtherPoll
	}
	return errno
}

// validFD reports whether fd fits in the int of a C program.
func validFD(fd FD) bool { return uint64(fd) <= math.MaxInt32 }
