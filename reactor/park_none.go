//go:build !linux || kqueue_sim

package reactor

import "syscall"

// parker is for systems where a Poll does not sleep in Go's netpoller: it is not
// known of their kqueues that they may watch each other through it, and a
// completion port has no descriptor.
type parker struct{}

func (*parker) open(*selector) syscall.Errno { return syscall.ENOTSUP }
func (*parker) close()                       {}
func (*parker) busy(int)                     {}
func (*parker) usable() bool                 { return false }

func (*Poll) parkable(int64, int64) bool               { return false }
func (*Poll) park([]Event, int64) (int, syscall.Errno) { return 0, syscall.ENOTSUP }
func (*Poll) unpark() bool                             { return false }
