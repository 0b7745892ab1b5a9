package main

import (
	"io"
	"net/netip"

	"github.com/metalio/metalio/reactor"
	"github.com/metalio/metalio/sockets"
)

const (
	listenerToken reactor.Token = iota
	serverToken
	clientToken
)

// conversation is a listener, one connection that it accepts, and the client
// that has dialled it, all in one loop. Everything fits in one buffer and one
// write here; examples/echo shows what to do when it does not.
type conversation struct {
	reactor.Unhandled[struct{}]
	listener *sockets.TCPListener
	server   sockets.TCPConn
	client   sockets.TCPConn
	sent     string
	received []byte
	err      error
}

func echo(g guide) error {
	l, err := reactor.NewLoop[struct{}](reactor.Config{})
	if err != nil {
		return err
	}
	defer l.Close()
	c := &conversation{sent: "metal I/O for Go"}
	if c.listener, err = sockets.ListenTCP(netip.MustParseAddrPort("127.0.0.1:0"), sockets.ListenConfig{}); err != nil {
		return err
	}
	defer c.listener.Close()
	if err := l.RegisterSource(c.listener, listenerToken, reactor.Readable, reactor.Edge); err != nil {
		return err
	}
	if err := c.client.Dial(c.listener.Addr()); err != nil {
		return err
	}
	defer c.client.Close()
	defer c.server.Close() // does nothing if serve has done it
	if err := l.RegisterSource(&c.client, clientToken, reactor.Readable|reactor.Writable, reactor.Edge); err != nil {
		return err
	}
	if err := l.Run(c); err != nil {
		return err
	}
	if c.err != nil {
		return c.err
	}
	return expect(g, "came back", string(c.received), c.sent)
}

// Writable is the end of the client's attempt to connect.
func (c *conversation) Writable(l *reactor.Loop[struct{}], token reactor.Token, _ reactor.Ready) {
	if err := c.client.ConnectError(); err != nil {
		c.fail(l, err)
		return
	}
	if _, err := c.client.Write([]byte(c.sent)); err != nil {
		c.fail(l, err)
		return
	}
	c.client.CloseWrite()
	// Nothing more to write: only reading is of interest from now on.
	if err := l.Reregister(c.client.FD(), clientToken, reactor.Readable, reactor.Edge); err != nil {
		c.fail(l, err)
	}
}

func (c *conversation) Readable(l *reactor.Loop[struct{}], token reactor.Token, _ reactor.Ready) {
	var err error
	switch token {
	case listenerToken:
		err = c.accept(l)
	case serverToken:
		err = c.serve(l)
	case clientToken:
		err = c.receive()
		if err == io.EOF {
			l.Stop()
			return
		}
	}
	// Edge: each of them has gone on until it would have blocked.
	if err != nil && err != sockets.ErrWouldBlock {
		c.fail(l, err)
	}
}

func (c *conversation) accept(l *reactor.Loop[struct{}]) error {
	if _, err := c.listener.AcceptInto(&c.server); err != nil {
		return err
	}
	return l.RegisterSource(&c.server, serverToken, reactor.Readable, reactor.Edge)
}

// serve sends back what arrives, and closes when the client has said all.
func (c *conversation) serve(l *reactor.Loop[struct{}]) error {
	for {
		var buf [1024]byte // on the stack
		n, err := c.server.Read(buf[:])
		if err == io.EOF {
			l.Deregister(c.server.FD())
			return c.server.Close()
		}
		if err != nil {
			return err
		}
		if _, err := c.server.Write(buf[:n]); err != nil {
			return err
		}
	}
}

func (c *conversation) receive() error {
	for {
		var buf [1024]byte
		n, err := c.client.Read(buf[:])
		if err != nil {
			return err
		}
		c.received = append(c.received, buf[:n]...)
	}
}

func (c *conversation) fail(l *reactor.Loop[struct{}], err error) {
	c.err = err
	l.Stop()
}
