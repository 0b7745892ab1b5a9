package sockets

import (
	"math"
	"syscall"

	"github.com/metalio/metalio"
)

// stream is a connected byte stream: what TCPConn and UnixConn share.
type stream struct {
	netSocket
	// The kernel reports a failed connect once, so the outcome is kept.
	settled bool
	failure syscall.Errno
}

// connected makes s the owner of a descriptor that needs no connecting.
func (s *stream) connected(fd FD) {
	*s = stream{settled: true}
	s.own(fd)
}

// acceptInto takes a connection off a listener's queue.
func (l *netSocket) acceptInto(s *stream, peer *sockaddr) error {
	if !l.isOpen() {
		return errClosed
	}
	if s.isOpen() {
		return errOpen
	}
	fd, errno := sysAccept(l.FD(), peer)
	if errno != 0 {
		return l.failed(errno, metalio.Readable)
	}
	s.connected(fd)
	return nil
}

// startListening closes l when it fails.
func (l *netSocket) startListening(cfg ListenConfig) error {
	backlog := cfg.Backlog
	if backlog <= 0 {
		backlog = maxBacklog
	}
	errno := sysListen(l.FD(), min(backlog, math.MaxInt32))
	if errno != 0 {
		l.discard()
	}
	return callError("listen", errno)
}

// Read reads up to len(p) bytes. It returns (0, io.EOF) when the peer has
// ended its side and everything has been read, and [ErrWouldBlock] when there
// is nothing yet. An empty p gives (0, nil). Data that arrived before an end
// or a reset is returned first where the system keeps it.
func (s *stream) Read(p []byte) (int, error) {
	if !s.isOpen() {
		return 0, errClosed
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, errno := sysRecv(s.FD(), p)
	return s.readResult(n, errno)
}

// Readv reads into bufs in order, at most [MaxBuffers] of them that are not
// empty, with one system call. It otherwise behaves as Read.
func (s *stream) Readv(bufs [][]byte) (int, error) {
	if !s.isOpen() {
		return 0, errClosed
	}
	if totalLen(bufs) == 0 {
		return 0, nil
	}
	n, errno := sysRecvv(s.FD(), bufs)
	return s.readResult(n, errno)
}

// Write writes p until everything is with the kernel or the kernel takes no
// more. n < len(p) always comes with an error: [ErrWouldBlock] when the rest
// has to wait for Writable. A peer that is gone gives EPIPE or ECONNRESET and
// no SIGPIPE.
func (s *stream) Write(p []byte) (n int, err error) {
	if !s.isOpen() {
		return 0, errClosed
	}
	// Going on after a short count until the kernel refuses is what arms
	// the next edge; a short count alone does not on every system.
	for n < len(p) {
		m, errno := sysSend(s.FD(), p[n:])
		if errno != 0 {
			return n, s.failed(errno, metalio.Writable)
		}
		n += m
	}
	return n, nil
}

// Writev writes bufs in order, as one Write of their concatenation would,
// with one system call for each [MaxBuffers] of them. bufs is not changed.
func (s *stream) Writev(bufs [][]byte) (n int, err error) {
	if !s.isOpen() {
		return 0, errClosed
	}
	skip := 0 // what has gone of bufs[0]
	for total := totalLen(bufs); n < total; {
		m, errno := sysSendv(s.FD(), bufs, skip)
		if errno != 0 {
			return n, s.failed(errno, metalio.Writable)
		}
		n += m
		bufs, skip = passOver(bufs, skip+m)
	}
	return n, nil
}

// CloseRead ends the reading side. Linux then gives io.EOF to Read once what
// had arrived is read, and still accepts data from the peer.
func (s *stream) CloseRead() error { return s.shutdown(metalio.SHUT_RD) }

// CloseWrite ends the writing side: the peer reads io.EOF after what was
// written before. Reading goes on.
func (s *stream) CloseWrite() error { return s.shutdown(metalio.SHUT_WR) }

func (s *stream) shutdown(how int) error {
	if !s.isOpen() {
		return errClosed
	}
	return callError("shutdown", sysShutdown(s.FD(), how))
}

// ConnectError tells how a Dial went, to be asked when the descriptor is
// writable: nil is connected, [ErrWouldBlock] still connecting, and all else
// is the failure, after which the connection is good only for Close. Once it
// is known the outcome stays the same at each call.
//
// When nobody listens at a port that the system then happens to pick for the
// socket itself, TCP connects the socket to itself; this counts as ECONNREFUSED.
func (s *stream) ConnectError() error {
	if !s.isOpen() {
		return errClosed
	}
	if s.settled {
		return callError("connect", s.failure)
	}
	pending, err := s.connectOutcome()
	if err != nil {
		return err
	}
	s.settled, s.failure = true, pending
	return callError("connect", pending)
}

// connectOutcome follows the portable procedure for a socket that became
// writable: the pending error first, then whether there is a peer. The errno
// is the connect's own outcome; the error says that it is not known.
func (s *stream) connectOutcome() (syscall.Errno, error) {
	pending, errno := sysPendingError(s.FD())
	if errno != 0 {
		return 0, callError("getsockopt SO_ERROR", errno)
	}
	if pending != 0 {
		return pending, nil
	}
	var peer sockaddr
	errno = sysPeername(s.FD(), &peer)
	if notConnected(errno) {
		return 0, s.blocked(metalio.Writable)
	}
	if errno != 0 {
		return 0, callError("getpeername", errno)
	}
	if addr := peer.addrPort(); addr.IsValid() && addr == s.localAddr() {
		return syscall.ECONNREFUSED, nil
	}
	return 0, nil
}
