package main

import (
	"errors"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/metalio/metalio/reactor"
	"github.com/metalio/metalio/slab"
	"github.com/metalio/metalio/sockets"
)

// The messages of the loops are figures.
type (
	loop    = reactor.Loop[figures]
	nothing = reactor.Unhandled[figures]
)

// Tokens of what is not a connection. No key of a slab is one of them: keys are
// never zero, and a timer's token is not a registration's.
const (
	listenerToken reactor.Token = 0

	reportTimer reactor.Token = 0
	acceptTimer reactor.Token = 1
)

const (
	bufferSize     = 16 << 10
	readsPerTurn   = 16
	acceptsPerTurn = 64
	acceptPause    = 100 * time.Millisecond
)

// conn is a connection. Thousands that are idle are small: it has a buffer only
// while its peer does not take what was read for it.
type conn struct {
	tcp    sockets.TCPConn
	rest   *rest
	writes bool // registered for writing too, since that was first needed
	ending bool // the peer's end of the stream has come
}

// interest leaves writing out where it has never been in the way: each event
// would call Writable too, for nothing.
func (c *conn) interest() reactor.Interest {
	if c.writes {
		return reactor.Readable | reactor.Writable
	}
	return reactor.Readable
}

// rest is what was read and not yet sent back.
type rest struct {
	buf        [bufferSize]byte
	start, end int
}

type server struct {
	nothing
	group     *group
	index     int
	loop      *loop
	listener  *sockets.TCPListener
	accepting bool
	conns     *slab.Slab[conn]
	buf       [bufferSize]byte // what is read and sent back at once
	spare     []*rest          // that no connection has
	accepted  uint64
	messages  uint64
}

func newServer(g *group, index int) (*server, error) {
	l, err := reactor.NewLoop[figures](reactor.Config{})
	if err != nil {
		return nil, err
	}
	return &server{
		group: g, index: index, loop: l,
		conns: slab.New[conn](slab.Config{Capacity: 256, Limit: 1 << 20}),
	}, nil
}

func (s *server) listen(addr netip.AddrPort, cfg sockets.ListenConfig) (err error) {
	if s.listener, err = sockets.ListenTCP(addr, cfg); err != nil {
		return err
	}
	if err := s.resumeAccepting(); err != nil {
		return err
	}
	_, err = s.loop.Every(time.Second, reportTimer)
	return err
}

// close releases everything.
func (s *server) close() {
	for key, c := range s.conns.All() {
		s.drop(key, c)
	}
	if s.listener != nil {
		s.pauseAccepting()
		s.listener.Close()
	}
	s.loop.Close()
}

func (s *server) figures() figures {
	return figures{index: s.index, open: s.conns.Len(), accepted: s.accepted, messages: s.messages}
}

// Readable accepts connections, or echoes what has arrived on one.
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
	if c.rest == nil { // else Writable will read
		s.echo(key, c)
	}
}

// Writable goes on with what the peer had brought to a halt: with the write, and
// then with reading, whose event has passed meanwhile.
func (s *server) Writable(_ *loop, token reactor.Token, _ reactor.Ready) {
	key := slab.Key(token)
	c, ok := s.conns.Get(key)
	if !ok || c.rest == nil {
		return
	}
	n, err := c.tcp.Write(c.rest.buf[c.rest.start:c.rest.end])
	c.rest.start += n
	switch err {
	case nil:
		s.giveBack(c)
		s.echo(key, c)
	case sockets.ErrWouldBlock:
	default:
		s.drop(key, c)
	}
}

// Message is the figures of another loop.
func (s *server) Message(_ *loop, f figures) { s.group.total.take(f) }

// Timeout reports, or tries to accept again.
func (s *server) Timeout(_ *loop, token reactor.Token, _ uint32) {
	switch token {
	case reportTimer:
		s.group.publish(s)
	case acceptTimer:
		if s.resumeAccepting() != nil {
			s.loop.AfterNow(acceptPause, acceptTimer)
		}
	}
}

// Signal ends the servers: Ctrl-C, or a polite kill.
func (s *server) Signal(*loop, os.Signal) { s.group.stop() }

// echo sends back what there is to read. An edge is reported once, so it goes on
// until the socket is empty. That shows in a read which does not fill the
// buffer, except where the end of the stream waits behind the data.
func (s *server) echo(key slab.Key, c *conn) {
	for range readsPerTurn {
		n, err := c.tcp.Read(s.buf[:])
		if err == sockets.ErrWouldBlock {
			return
		}
		if err != nil {
			// The end of the stream, also when the peer has only half
			// closed: all that it had sent is on its way back.
			s.drop(key, c)
			return
		}
		s.messages++
		sent, err := c.tcp.Write(s.buf[:n])
		if err == sockets.ErrWouldBlock {
			s.keep(c, s.buf[sent:n])
			s.watchWrites(key, c)
			return
		}
		if err != nil {
			s.drop(key, c)
			return
		}
		if n < len(s.buf) && !c.ending {
			s.rearm(key, c)
			return
		}
	}
	// The rest is for a later turn, so that a peer which sends without end does
	// not keep the others waiting.
	s.watch(key, c)
}

// rearm is for the systems where only an operation that would have blocked does
// it by itself. On the others it does nothing.
func (s *server) rearm(key slab.Key, c *conn) {
	if s.loop.Poll().Rearm(c.tcp.FD(), reactor.Readable) != nil {
		s.drop(key, c)
	}
}

// watchWrites hears of room as well, for good. If there is room by now, that is
// reported too.
func (s *server) watchWrites(key slab.Key, c *conn) {
	if !c.writes {
		c.writes = true
		s.watch(key, c)
	}
}

// watch registers a connection again, which reports what is ready already.
func (s *server) watch(key slab.Key, c *conn) {
	if s.loop.Reregister(c.tcp.FD(), reactor.Token(key), c.interest(), reactor.Edge) != nil {
		s.drop(key, c)
	}
}

// keep saves what the socket does not take.
func (s *server) keep(c *conn, p []byte) {
	if n := len(s.spare); n > 0 {
		c.rest, s.spare = s.spare[n-1], s.spare[:n-1]
	} else {
		c.rest = new(rest)
	}
	c.rest.start, c.rest.end = 0, copy(c.rest.buf[:], p)
}

func (s *server) giveBack(c *conn) {
	if c.rest != nil {
		s.spare = append(s.spare, c.rest)
		c.rest = nil
	}
}

// accept takes the connections that wait, a bounded number of them.
func (s *server) accept() {
	for range acceptsPerTurn {
		key, c, err := s.conns.Alloc()
		if err != nil {
			s.pauseAccepting()
			return
		}
		if _, err := s.listener.AcceptInto(&c.tcp); err != nil {
			s.conns.Remove(key)
			if isExhausted(err) {
				s.pauseAccepting()
			}
			return
		}
		s.accepted++
		if err := s.start(key, c); err != nil {
			s.drop(key, c)
		}
	}
}

// start registers a connection. Most never need more than that.
func (s *server) start(key slab.Key, c *conn) error {
	if err := c.tcp.SetNoDelay(true); err != nil {
		return err
	}
	return s.loop.RegisterSource(&c.tcp, reactor.Token(key), c.interest(), reactor.Edge)
}

// isExhausted reports that the process or the system has run out of something.
// The connection goes on waiting, and the listener would be ready for ever.
func isExhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM)
}

// pauseAccepting leaves the connections in the kernel's queue for a moment.
func (s *server) pauseAccepting() {
	if !s.accepting {
		return
	}
	s.accepting = false
	s.loop.Deregister(s.listener.FD())
	s.loop.AfterNow(acceptPause, acceptTimer)
}

func (s *server) resumeAccepting() error {
	if s.accepting {
		return nil
	}
	err := s.loop.RegisterSource(s.listener, listenerToken, reactor.Readable, reactor.Level)
	s.accepting = err == nil
	return err
}

// drop ends a connection. Its key is stale from here on.
func (s *server) drop(key slab.Key, c *conn) {
	s.loop.Deregister(c.tcp.FD())
	c.tcp.Close()
	s.giveBack(c)
	s.conns.Remove(key)
}
