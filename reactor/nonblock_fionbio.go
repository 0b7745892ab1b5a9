//go:build windows

package reactor

import "github.com/metalio/metalio"

// SetNonblock puts the socket fd in non-blocking mode, which every read or
// write in an event loop needs. The error is an [*OpError], and satisfies
// errors.Is with EBADF if fd is not open.
//
// The sockets of package net are in blocking mode on Windows, where it uses
// overlapped calls only; those work in both modes.
func SetNonblock(fd FD) error {
	var on uint32 = 1
	if errno := metalio.Ioctlsocket(fd, metalio.FIONBIO, &on); errno != 0 {
		return &OpError{opSetNonblock.String(), fd, refusal(fd, errno)}
	}
	return nil
}

// checkNonblocking cannot tell: Windows has no call that returns the mode.
func checkNonblocking(FD) error { return nil }
