//go:build !unix && !windows

package reactor

import (
	"errors"
	"syscall"
	"time"
)

// selector stands where metalio has no backend: on what is neither a Unix nor
// Windows, such as Plan 9 and WASI. NewPoll fails there.
type selector struct{}

func (*selector) open(PollConfig) error { return errors.ErrUnsupported }

func (*selector) register(FD, Token, Interest, Mode) syscall.Errno   { return syscall.ENOSYS }
func (*selector) reregister(FD, Token, Interest, Mode) syscall.Errno { return syscall.ENOSYS }
func (*selector) deregister(FD) syscall.Errno                        { return syscall.ENOSYS }
func (*selector) rearm(FD, Interest) syscall.Errno                   { return syscall.ENOSYS }
func (*selector) look([]Event) (int, syscall.Errno)                  { return 0, syscall.ENOSYS }
func (*selector) sleep([]Event, time.Duration) (int, syscall.Errno)  { return 0, syscall.ENOSYS }
func (*selector) interrupt()                                         {}
func (*selector) close()                                             {}

type wakeup struct{}

func (*wakeup) open(*selector, Token) syscall.Errno { return syscall.ENOSYS }
func (*wakeup) wake() syscall.Errno                 { return syscall.ENOSYS }
func (*wakeup) close(*selector)                     {}

func checkNonblocking(FD) error { return nil }

// SetNonblock puts fd in non-blocking mode. There is no backend for this system
// yet, so it fails with an [*OpError] that wraps [errors.ErrUnsupported].
func SetNonblock(fd FD) error {
	return &OpError{opSetNonblock.String(), fd, errors.ErrUnsupported}
}
