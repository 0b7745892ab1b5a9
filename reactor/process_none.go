//go:build !unix && !windows

package reactor

import "syscall"

// Backends that cannot watch a process yet.

func (*selector) openProcess(int, Token) (int, syscall.Errno) { return 0, syscall.ENOSYS }
func (*selector) closeProcess(int)                            {}
