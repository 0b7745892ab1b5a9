package sockets

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// ErrWouldBlock says that an operation has to wait for readiness. It is
// returned as it is, so it may be compared with ==; errors.Is also finds
// syscall.EAGAIN in it on every system.
var ErrWouldBlock error = wouldBlockError{}

type wouldBlockError struct{}

func (wouldBlockError) Error() string   { return "sockets: operation would block" }
func (wouldBlockError) Timeout() bool   { return true }
func (wouldBlockError) Temporary() bool { return true }

func (wouldBlockError) Is(target error) bool {
	return target == syscall.EAGAIN || target == syscall.EWOULDBLOCK
}

// ErrTruncated says that a datagram was longer than the buffer: the buffer is
// full, the rest is lost. errors.Is also finds syscall.EMSGSIZE in it.
var ErrTruncated error = truncatedError{}

type truncatedError struct{}

func (truncatedError) Error() string        { return "sockets: datagram truncated" }
func (truncatedError) Is(target error) bool { return target == syscall.EMSGSIZE }

// errClosed is what every operation on a closed or never opened socket returns.
var errClosed error = closedError{}

type closedError struct{}

func (closedError) Error() string { return "sockets: use of a closed socket" }

func (closedError) Is(target error) bool {
	return target == os.ErrClosed || target == net.ErrClosed
}

// errOpen refuses to put a second descriptor into a socket that has one: the
// first would leak.
var errOpen = fmt.Errorf("sockets: socket is already open: %w", os.ErrExist)

// callError names the failed call. It is nil for success, and only for paths
// where an allocation does not matter.
func callError(call string, errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return os.NewSyscallError(call, boxed(errno))
}

func addrError(op string, addr netip.AddrPort, err error) error {
	// As everywhere else. It is mapped if it comes from package net.
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	return fmt.Errorf("sockets: %s %s: %w", op, addr, err)
}
