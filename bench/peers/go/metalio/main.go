// An echo server on metalio: one loop, edge-triggered. A read that does not fill
// the buffer has emptied the socket, so that a message costs two system calls.
package main

import (
	"flag"
	"net/netip"

	"github.com/metalio/metalio/reactor"
	"github.com/metalio/metalio/slab"
	"github.com/metalio/metalio/sockets"

	"github.com/metalio/metalio/bench/internal/sample"
	"github.com/metalio/metalio/bench/peers/go/peer"
)

type loop = reactor.Loop[struct{}]

// listenerToken is no key of a slab: those are never zero.
const listenerToken reactor.Token = 0

type conn struct {
	tcp     sockets.TCPConn
	pending []byte // what could not be sent yet
	writes  bool   // registered for writing too, since that was first needed
	ending  bool   // the end of the stream has come: a short read hides it
}

type server struct {
	reactor.Unhandled[struct{}]
	loop     *loop
	listener *sockets.TCPListener
	conns    *slab.Slab[conn]
	buf      []byte // one for all: nothing stays in it
}

func main() {
	policy := flag.String("wait", "auto", "how the loop waits: auto, block, spin or park")
	peer.Parse()
	s, err := newServer(sample.Policy(*policy))
	peer.Check(err)
	peer.Ready()
	peer.Check(s.loop.Run(s))
}

func newServer(policy reactor.WaitPolicy) (*server, error) {
	l, err := reactor.NewLoop[struct{}](reactor.Config{Wait: policy})
	if err != nil {
		return nil, err
	}
	s := &server{loop: l, conns: slab.New[conn](slab.Config{Capacity: 256, Limit: 1 << 20}), buf: make([]byte, *peer.Buffer)}
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(*peer.Port))
	if s.listener, err = sockets.ListenTCP(at, sockets.ListenConfig{}); err != nil {
		return nil, err
	}
	return s, l.RegisterSource(s.listener, listenerToken, reactor.Readable, reactor.Level)
}

// Readable accepts, or echoes until the socket is empty.
func (s *server) Readable(_ *loop, token reactor.Token, ready reactor.Ready) {
	if token == listenerToken {
		s.accept()
		return
	}
	key := slab.Key(token)
	c, ok := s.conns.Get(key)
	if !ok {
		return
	}
	c.ending = c.ending || ready.IsReadClosed()
	if len(c.pending) == 0 { // else Writable will read
		s.echo(key, c)
	}
}

// Writable goes on where the peer had brought the connection to a halt. The
// edge of what has arrived meanwhile is gone, so it reads as well.
func (s *server) Writable(_ *loop, token reactor.Token, _ reactor.Ready) {
	key := slab.Key(token)
	c, ok := s.conns.Get(key)
	if !ok || len(c.pending) == 0 {
		return
	}
	n, err := c.tcp.Write(c.pending)
	if c.pending = c.pending[n:]; err == nil {
		s.echo(key, c)
	} else if err != sockets.ErrWouldBlock {
		s.drop(key, c)
	}
}

func (s *server) echo(key slab.Key, c *conn) {
	for {
		n, err := c.tcp.Read(s.buf)
		if err == sockets.ErrWouldBlock {
			return
		}
		if err != nil {
			s.drop(key, c)
			return
		}
		sent, err := c.tcp.Write(s.buf[:n])
		if err == sockets.ErrWouldBlock {
			c.pending = append(c.pending[:0], s.buf[sent:n]...)
			s.watchWrites(key, c)
			return
		}
		if err != nil {
			s.drop(key, c)
			return
		}
		if n < len(s.buf) && !c.ending {
			return
		}
	}
}

// watchWrites registers for both directions, and for good. If there is room by
// now, that is reported too.
func (s *server) watchWrites(key slab.Key, c *conn) {
	if c.writes {
		return
	}
	c.writes = true
	if s.loop.Reregister(c.tcp.FD(), reactor.Token(key), reactor.Readable|reactor.Writable, reactor.Edge) != nil {
		s.drop(key, c)
	}
}

func (s *server) accept() {
	for {
		key, c, err := s.conns.Alloc()
		if err != nil {
			return
		}
		if _, err := s.listener.AcceptInto(&c.tcp); err != nil {
			s.conns.Remove(key)
			return
		}
		c.tcp.SetNoDelay(true)
		if s.loop.RegisterSource(&c.tcp, reactor.Token(key), reactor.Readable, reactor.Edge) != nil {
			s.drop(key, c)
		}
	}
}

func (s *server) drop(key slab.Key, c *conn) {
	s.loop.Deregister(c.tcp.FD())
	c.tcp.Close()
	s.conns.Remove(key)
}
