package reactor

import (
	"fmt"
	"os"
	"syscall"

	"github.com/metalio/metalio"
)

// Source is a descriptor with an owner that can tell the Poll when an operation
// would have blocked. The types of package sockets are sources.
type Source interface {
	FD() FD
	SetRearmer(metalio.Rearmer)
}

// RegisterSource is Register for a [Source], with which Edge works without
// further calls on every system: where the Poll has to be told of operations
// that would have blocked, it makes itself the source's Rearmer. Finish the call
// before another goroutine uses the source. Deregister it with s.FD().
func (p *Poll) RegisterSource(s Source, token Token, interest Interest, mode Mode) error {
	if err := p.Register(s.FD(), token, interest, mode); err != nil {
		return err
	}
	p.hearFrom(s)
	return nil
}

// FDOf returns the descriptor of a net.Conn, a net.Listener, an *os.File or
// anything else that is a [syscall.Conn], in order to register it. The
// descriptor stays the owner's and keeps its mode; c must be kept alive, and
// the descriptor deregistered before c is closed. Go's own use of c goes on
// beside the Poll's.
//
// The error satisfies errors.Is with [os.ErrClosed] if c is closed.
func FDOf(c syscall.Conn) (FD, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("reactor: descriptor of %T: %w", c, err)
	}
	var fd FD
	// The standard library's Control fails only when c is closed, with an
	// error that package net does not let errors.Is recognise.
	if err := raw.Control(func(raw uintptr) { fd = raw }); err != nil {
		return 0, fmt.Errorf("reactor: descriptor of %T: %w", c, closedError{err})
	}
	return fd, nil
}

// closedError makes an error satisfy errors.Is with os.ErrClosed.
type closedError struct{ error }

func (e closedError) Is(target error) bool { return target == os.ErrClosed }
func (e closedError) Unwrap() error        { return e.error }
