package main

import (
	"errors"
	"fmt"
	"net"
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

// Tokens of what is not an end. No key of a slab is one of them: what is above
// the index is never zero in a key.
const (
	listenerToken reactor.Token = 0

	reportTimer reactor.Token = 0
	acceptTimer reactor.Token = 1
	drainTimer  reactor.Token = 2
)

const (
	bothWays       = reactor.Readable | reactor.Writable
	acceptsPerTurn = 64
	acceptPause    = 100 * time.Millisecond

	// longestQueue is as many connections as the kernel keeps, if nobody has
	// told it otherwise: 4096 on Linux, fewer elsewhere.
	longestQueue = 4096
)

type proxy struct {
	nothing
	loop     *loop
	to       netip.AddrPort
	idle     time.Duration
	drain    time.Duration
	listener *sockets.TCPListener
	ends     *slab.Slab[end]
	pool     pool

	accepting bool
	draining  bool
	waiting   *end // a client for whom there was no second descriptor

	accepted uint64
	refused  uint64    // clients that could not be connected
	moved    [2]uint64 // bytes, by the side that has sent them
	report   report
}

func newProxy(cfg config) (*proxy, error) {
	to, err := resolve(cfg.to, net.IPv6loopback)
	if err != nil {
		return nil, err
	}
	addr, err := resolve(cfg.listen, net.IPv6unspecified)
	if err != nil {
		return nil, err
	}
	pool, err := newPool(cfg.splice)
	if err != nil {
		return nil, fmt.Errorf("-splice: %w", err)
	}
	l, err := reactor.NewLoop[struct{}](reactor.Config{GrowTimers: true})
	if err != nil {
		pool.close()
		return nil, err
	}
	p := &proxy{
		loop: l, to: to, idle: cfg.idle, drain: cfg.drain, pool: pool,
		ends: slab.New[end](slab.Config{Capacity: 1024, Limit: 1 << 20}),
	}
	if err := p.listen(addr); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *proxy) listen(addr netip.AddrPort) (err error) {
	if p.listener, err = sockets.ListenTCP(addr, sockets.ListenConfig{}); err != nil {
		return err
	}
	if err := p.resumeAccepting(); err != nil {
		return err
	}
	if err := p.loop.Notify(os.Interrupt, syscall.SIGTERM); err != nil {
		return err
	}
	_, err = p.loop.Every(time.Second, reportTimer)
	return err
}

// close releases everything. Connections that are left are cut.
func (p *proxy) close() {
	for _, e := range p.ends.All() {
		p.reset(e)
	}
	p.stopListening()
	p.pool.close()
	p.loop.Close()
}

// Timeout reports, tries to accept again, ends the proxy, or cuts a connection
// that was idle for too long.
func (p *proxy) Timeout(l *loop, token reactor.Token, _ uint32) {
	switch token {
	case reportTimer:
		p.report.writeIfChanged(p)
	case acceptTimer:
		p.tryAgain()
	case drainTimer:
		l.Stop()
	default:
		if e, ok := p.ends.Get(slab.Key(token)); ok {
			p.reset(e)
		}
	}
}

// Signal, the first, ends the proxy when its last connection has ended; another
// one does at once.
func (p *proxy) Signal(l *loop, _ os.Signal) {
	if p.draining {
		l.Stop()
		return
	}
	if p.accepting {
		p.accept(longestQueue) // who is in the kernel's queue has been let in already
	}
	p.draining = true
	p.stopListening()
	if _, err := l.After(p.drain, drainTimer); err != nil {
		l.Stop()
	}
	p.endIfDrained()
}

func (p *proxy) endIfDrained() {
	if p.draining && p.ends.Len() == 0 {
		p.loop.Stop()
	}
}

func (p *proxy) stopListening() {
	if p.listener == nil {
		return
	}
	if p.accepting {
		p.loop.Deregister(p.listener.FD())
	}
	p.accepting = false
	p.listener.Close()
	p.listener = nil
}

// accept takes the connections that wait, a bounded number of them.
func (p *proxy) accept(most int) {
	for range most {
		if !p.acceptOne() {
			return
		}
	}
}

// acceptOne reports whether it makes sense to try for another one.
func (p *proxy) acceptOne() bool {
	c, err := p.newPair()
	if err != nil {
		p.pauseAccepting()
		return false
	}
	if _, err := p.listener.AcceptInto(&c.tcp); err != nil {
		p.forget(c)
		if isExhausted(err) {
			p.pauseAccepting()
		}
		return false
	}
	p.accepted++
	return p.connect(c)
}

// connect starts to connect a client's other end. Without a descriptor for it
// the client waits, and nobody else is accepted meanwhile.
func (p *proxy) connect(c *end) bool {
	err := c.peer.tcp.Dial(p.to)
	if isExhausted(err) {
		p.waiting = c
		p.pauseAccepting()
		return false
	}
	if err == nil {
		err = p.start(c)
	}
	if err != nil {
		p.refused++
		p.reset(c)
	}
	return true
}

// isExhausted reports that the process or the system has run out of something.
// The connection goes on waiting, and the listener would be ready for ever.
func isExhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM)
}

// pauseAccepting leaves the connections in the kernel's queue for a moment.
func (p *proxy) pauseAccepting() {
	if p.accepting {
		p.accepting = false
		p.loop.Deregister(p.listener.FD())
	}
	p.loop.AfterNow(acceptPause, acceptTimer)
}

func (p *proxy) resumeAccepting() error {
	err := p.loop.RegisterSource(p.listener, listenerToken, reactor.Readable, reactor.Level)
	p.accepting = err == nil
	return err
}

// tryAgain ends a pause, if there is something to go on with by now.
func (p *proxy) tryAgain() {
	if c := p.waiting; c != nil {
		p.waiting = nil
		if !p.connect(c) {
			return
		}
	}
	if p.listener != nil && !p.accepting && p.resumeAccepting() != nil {
		p.loop.AfterNow(acceptPause, acceptTimer)
	}
}
