package sockets

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// The conversions below duplicate the descriptor: afterwards package net and
// this package each own one to the same socket, and each is closed by its
// owner. Data, options and the connection itself are shared, so an option set
// or data read through one is set or gone for the other, and the connection
// ends when both are closed. Data that the kernel holds stays there for
// whoever reads first; package net keeps none of its own.
//
// Both stay non-blocking. A reactor may watch either descriptor, also while
// package net waits on the other. On Windows, where a socket belongs to one
// completion port for life, conversions return errors.ErrUnsupported.

// FromNetTCP returns a TCPConn on the socket of c, which stays open: close c if
// it is no longer wanted.
func FromNetTCP(c *net.TCPConn) (*TCPConn, error) {
	fd, err := dupConn(c)
	if err != nil {
		return nil, err
	}
	own := &TCPConn{}
	own.connected(fd)
	return own, nil
}

// FromNetListener returns a TCPListener on the socket of l, which stays open:
// until it is closed, both accept.
func FromNetListener(l *net.TCPListener) (*TCPListener, error) {
	fd, err := dupConn(l)
	if err != nil {
		return nil, err
	}
	own := &TCPListener{}
	own.own(fd)
	return own, nil
}

// FromNetUDP returns a UDPConn on the socket of c, which stays open.
func FromNetUDP(c *net.UDPConn) (*UDPConn, error) {
	fd, err := dupConn(c)
	if err != nil {
		return nil, err
	}
	own := &UDPConn{}
	own.own(fd)
	var sa sockaddr
	sa.room()
	if errno := sysSockname(fd, sa.pointer(), &sa.len); errno != 0 {
		own.discard()
		return nil, callError("getsockname", errno)
	}
	own.family = int(sa.storage.Family)
	return own, nil
}

// FromNetUnix returns a UnixConn on the socket of c, which must be a stream
// ("unix") and stays open.
func FromNetUnix(c *net.UnixConn) (*UnixConn, error) {
	if network := c.LocalAddr().Network(); network != "unix" {
		return nil, fmt.Errorf("sockets: %s is no stream: %w", network, os.ErrInvalid)
	}
	fd, err := dupConn(c)
	if err != nil {
		return nil, err
	}
	own := &UnixConn{}
	own.connected(fd)
	return own, nil
}

// ToNet returns a *net.TCPConn on the socket of c, which stays open: close c
// (after deregistering it) if it is no longer wanted. c must be connected.
func (c *TCPConn) ToNet() (*net.TCPConn, error) {
	return toNet[*net.TCPConn](&c.socket, func(f *os.File) (any, error) { return net.FileConn(f) })
}

// ToNet returns a *net.TCPListener on the socket of l, which stays open: until
// it is closed, both accept.
func (l *TCPListener) ToNet() (*net.TCPListener, error) {
	return toNet[*net.TCPListener](&l.socket, func(f *os.File) (any, error) { return net.FileListener(f) })
}

// ToNet returns a *net.UDPConn on the socket of c, which stays open.
func (c *UDPConn) ToNet() (*net.UDPConn, error) {
	return toNet[*net.UDPConn](&c.socket, func(f *os.File) (any, error) { return net.FilePacketConn(f) })
}

// ToNet returns a *net.UnixConn on the socket of c, which stays open.
func (c *UnixConn) ToNet() (*net.UnixConn, error) {
	return toNet[*net.UnixConn](&c.socket, func(f *os.File) (any, error) { return net.FileConn(f) })
}

// toNet hands convert a file on a duplicate, which convert duplicates again.
func toNet[T any](s *socket, convert func(*os.File) (any, error)) (converted T, err error) {
	if !s.isOpen() {
		return converted, errClosed
	}
	fd, errno := sysDup(s.FD())
	if errno != 0 {
		return converted, callError("dup", errno)
	}
	f := os.NewFile(fd, "socket")
	defer f.Close()
	v, err := convert(f)
	if err != nil {
		return converted, err
	}
	return v.(T), nil
}

// dupConn duplicates the descriptor of c, which Control keeps open meanwhile.
func dupConn(c syscall.Conn) (FD, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("sockets: descriptor of %T: %w", c, err)
	}
	var fd FD
	var errno syscall.Errno
	// Package net's Control fails only when c is closed.
	if err := raw.Control(func(from uintptr) { fd, errno = sysDup(from) }); err != nil {
		return 0, fmt.Errorf("sockets: descriptor of %T: %w: %w", c, errClosed, err)
	}
	return fd, callError("dup", errno)
}
