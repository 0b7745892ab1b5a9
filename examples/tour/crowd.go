package main

import (
	"errors"
	"io"
	"net"
	"net/netip"

	"github.com/metalio/metalio/reactor"
	"github.com/metalio/metalio/slab"
	"github.com/metalio/metalio/sockets"
)

// clients is how many there are at once. Every second one ends with a reset.
const clients = 1000

// crowd is a server for clients that are written with package net and run on
// goroutines of their own. A connection's key in the slab is its token.
type crowd struct {
	reactor.Unhandled[error]
	listener *sockets.TCPListener
	conns    *slab.Slab[sockets.TCPConn]
	accepted int
	echoed   int
	left     bool  // all clients have
	err      error // of the clients, or of the server
}

func thousandClients(g guide) error {
	l, err := reactor.NewLoop[error](reactor.Config{})
	if err != nil {
		return err
	}
	defer l.Close()
	c := &crowd{conns: slab.New[sockets.TCPConn](slab.Config{Capacity: clients})}
	if c.listener, err = sockets.ListenTCP(netip.MustParseAddrPort("127.0.0.1:0"), sockets.ListenConfig{}); err != nil {
		return err
	}
	defer c.listener.Close()
	if err := l.RegisterSource(c.listener, listenerToken, reactor.Readable, reactor.Level); err != nil {
		return err
	}
	go visit(c.listener.Addr().String(), l.Sender().TrySend)
	if err := l.Run(c); err != nil {
		return err
	}
	if c.err != nil {
		return c.err
	}
	if err := expect(g, "clients of package net that came", c.accepted, clients); err != nil {
		return err
	}
	if err := expect(g, "messages that went back to them", c.echoed, clients); err != nil {
		return err
	}
	return expect(g, "registrations when all had left", l.Stats().Registered, 1)
}

// visit dials, talks and leaves, and sends nil or what went wrong.
func visit(address string, report func(error) error) {
	conns := make([]net.Conn, clients)
	err := func() (err error) {
		for i := range conns {
			if conns[i], err = net.Dial("tcp", address); err != nil {
				return err
			}
		}
		for _, conn := range conns {
			if err := talk(conn); err != nil {
				return err
			}
		}
		return nil
	}()
	for i, conn := range conns {
		if conn == nil {
			continue
		}
		if i%2 == 0 {
			conn.(*net.TCPConn).SetLinger(0) // the close is a reset
		}
		conn.Close()
	}
	report(err)
}

func talk(conn net.Conn) error {
	sent, back := []byte("anybody there?"), make([]byte, 14)
	if _, err := conn.Write(sent); err != nil {
		return err
	}
	if _, err := io.ReadFull(conn, back); err != nil {
		return err
	}
	if string(back) != string(sent) {
		return errors.New("something else came back")
	}
	return nil
}

// Message is from visit: there are no more clients.
func (c *crowd) Message(l *reactor.Loop[error], err error) {
	c.left = true
	c.err = errors.Join(c.err, err)
	c.stopWhenEmpty(l)
}

func (c *crowd) stopWhenEmpty(l *reactor.Loop[error]) {
	if c.left && c.conns.Len() == 0 || c.err != nil {
		l.Stop()
	}
}

func (c *crowd) Readable(l *reactor.Loop[error], token reactor.Token, _ reactor.Ready) {
	if token == listenerToken {
		c.accept(l)
		return
	}
	conn, _ := c.conns.Get(slab.Key(token)) // there while it is registered
	for {
		var buf [64]byte
		n, err := conn.Read(buf[:])
		if err == sockets.ErrWouldBlock {
			return
		}
		if err != nil { // the end or a reset
			l.Deregister(conn.FD())
			conn.Close()
			c.conns.Remove(slab.Key(token))
			c.stopWhenEmpty(l)
			return
		}
		conn.Write(buf[:n]) // a client that is about to reset may be gone
		c.echoed++
	}
}

func (c *crowd) accept(l *reactor.Loop[error]) {
	for {
		key, conn, err := c.conns.Alloc()
		if err != nil {
			return // room for all there can be
		}
		if _, err := c.listener.AcceptInto(conn); err != nil {
			c.conns.Remove(key)
			return
		}
		c.accepted++
		if err := l.RegisterSource(conn, reactor.Token(key), reactor.Readable, reactor.Edge); err != nil {
			c.err = err
			l.Stop()
			return
		}
	}
}
