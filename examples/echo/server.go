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

// The loop carries no messages.
type (
	loop    = reactor.Loop[struct{}]
	nothing = reactor.Unhandled[struct{}]
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
	acceptsPerTurn = 64
	acceptPause    = 100 * time.Millisecond
)

// conn is a connection and what was read from it and not yet sent back.
type conn struct {
	tcp        sockets.TCPConn
	buf        [bufferSize]byte
	start, end int
}

// pending is the part of the buffer that waits to be written.
func (c *conn) pending() []byte { return c.buf[c.start:c.end] }

type server struct {
	nothing
	loop      *loop
	listener  *sockets.TCPListener
	accepting bool
	conns     *slab.Slab[conn]
	accepted  uint64
	messages  uint64
	report    report
}

func newServer(addr netip.AddrPort) (*server, error) {
	l, err := reactor.NewLoop[struct{}](reactor.Config{})
	if err != nil {
		return nil, err
	}
	s := &server{loop: l, conns: slab.New[conn](slab.Config{Capacity: 256, Limit: 1 << 20})}
	if err := s.listen(addr); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *server) listen(addr netip.AddrPort) (err error) {
	if s.listener, err = sockets.ListenTCP(addr, sockets.ListenConfig{}); err != nil {
		return err
	}
	if err := s.resumeAccepting(); err != nil {
		return err
	}
	if err := s.loop.Notify(os.Interrupt, syscall.SIGTERM); err != nil {
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

// Readable accepts connections, or echoes what has arrived on one.
func (s *server) Readable(_ *loop, token reactor.Token, _ reactor.Ready) {
	if token == listenerToken {
		s.accept()
		return
	}
	key := slab.Key(token)
	c, ok := s.conns.Get(key)
	if !ok {
		return
	}
	// One read for each event: what is left is reported again, after the
	// others had their turn. The buffer is empty, or else the connection
	// would be registered for writing.
	n, err := c.tcp.Read(c.buf[:])
	if err == sockets.ErrWouldBlock {
		return
	}
	if err != nil {
		// The end of the stream, also when the peer has only half closed:
		// all that it had sent is on its way back.
		s.drop(key, c)
		return
	}
	s.messages++
	c.start, c.end = 0, n
	if !s.flush(key, c) {
		s.watch(key, c, reactor.Writable)
	}
}

// Writable goes on with a write that the peer had brought to a halt.
func (s *server) Writable(_ *loop, token reactor.Token, _ reactor.Ready) {
	key := slab.Key(token)
	c, ok := s.conns.Get(key)
	if ok && s.flush(key, c) {
		s.watch(key, c, reactor.Readable)
	}
}

// Timeout reports, or tries to accept again.
func (s *server) Timeout(_ *loop, token reactor.Token, _ uint32) {
	switch token {
	case reportTimer:
		s.report.writeIfChanged(s)
	case acceptTimer:
		if s.resumeAccepting() != nil {
			s.loop.AfterNow(acceptPause, acceptTimer)
		}
	}
}

// Signal ends the server: Ctrl-C, or a polite kill.
func (s *server) Signal(l *loop, _ os.Signal) { l.Stop() }

// flush writes what is pending and reports whether there is nothing left to do
// for the connection, which it drops if that fails.
func (s *server) flush(key slab.Key, c *conn) (done bool) {
	n, err := c.tcp.Write(c.pending())
	c.start += n
	switch err {
	case nil:
		return true
	case sockets.ErrWouldBlock:
		return false
	}
	s.drop(key, c)
	return true
}

// watch changes the direction in which a connection is watched. Either it is
// read from, or it is written to.
func (s *server) watch(key slab.Key, c *conn, interest reactor.Interest) {
	if _, ok := s.conns.Get(key); !ok {
		return // dropped by flush
	}
	if err := s.loop.Reregister(c.tcp.FD(), reactor.Token(key), interest, reactor.Level); err != nil {
		s.drop(key, c)
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

func (s *server) start(key slab.Key, c *conn) error {
	if err := c.tcp.SetNoDelay(true); err != nil {
		return err
	}
	return s.loop.RegisterSource(&c.tcp, reactor.Token(key), reactor.Readable, reactor.Level)
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
	s.conns.Remove(key)
}
