package main

import (
	"io"
	"time"

	"github.com/metalio/metalio/reactor"
	"github.com/metalio/metalio/slab"
	"github.com/metalio/metalio/sockets"
	"github.com/metalio/metalio/timers"
)

// side says which end of a pair a socket is.
type side uint8

const (
	client side = iota
	upstream
)

// end is one of the two sockets of a connection through the proxy. What it
// sends goes to its peer.
type end struct {
	key   slab.Key
	side  side
	tcp   sockets.TCPConn
	peer  *end
	timer timers.ID // the pair's, if it has one

	// load has what the peer has not taken. Nothing is read meanwhile, and
	// readiness to be read is ignored: whoever sees the load off reads on.
	load carrier

	connecting bool // not known yet how the dial goes
	closing    bool // its end or an error has been announced
	ended      bool // its end has been passed on, or there is nobody to take more
	lost       bool // one of the pair is gone, and what it had sent is in its way
	streams    bool // moved much the last time
}

// newPair makes the two ends of a pair, both closed, and returns the client.
func (p *proxy) newPair() (*end, error) {
	ck, c, err := p.ends.Alloc()
	if err != nil {
		return nil, err
	}
	uk, u, err := p.ends.Alloc()
	if err != nil {
		p.ends.Remove(ck)
		return nil, err
	}
	*c = end{key: ck, side: client, peer: u}
	*u = end{key: uk, side: upstream, peer: c}
	return c, nil
}

// start registers both ends, for good: both directions, edge-triggered.
func (p *proxy) start(c *end) error {
	for _, e := range [...]*end{c, c.peer} {
		if err := e.tcp.SetNoDelay(true); err != nil {
			return err
		}
		if err := p.loop.RegisterSource(&e.tcp, reactor.Token(e.key), bothWays, reactor.Edge); err != nil {
			return err
		}
	}
	c.peer.connecting = true
	if p.idle <= 0 {
		return nil
	}
	return p.limit(c, p.idle)
}

// limit cuts a pair when d has passed, unless it is put off until then.
func (p *proxy) limit(e *end, d time.Duration) error {
	if p.loop.Reset(e.timer, d) {
		return nil
	}
	id, err := p.loop.AfterNow(d, reactor.Token(e.key))
	e.timer, e.peer.timer = id, id
	return err
}

// Readable accepts connections, or carries what an end has sent.
func (p *proxy) Readable(_ *loop, token reactor.Token, ready reactor.Ready) {
	if token == listenerToken {
		p.accept(acceptsPerTurn)
		return
	}
	e, ok := p.ends.Get(slab.Key(token))
	if !ok {
		return
	}
	if ready.IsReadClosed() || ready.IsError() {
		e.closing = true
	}
	if e.connecting && !p.settle(e) {
		return
	}
	if e.load == nil {
		p.carry(e)
	}
	if ready.IsError() {
		p.lose(slab.Key(token))
	}
}

// Writable goes on with what an end had brought to a halt.
func (p *proxy) Writable(_ *loop, token reactor.Token, _ reactor.Ready) {
	e, ok := p.ends.Get(slab.Key(token))
	if !ok || e.connecting && !p.settle(e) {
		return
	}
	if e.peer.load != nil {
		p.carry(e.peer)
	}
}

// settle asks how the dial of u went, and reports whether there is a connection
// to go on with. What the client has sent until then is carried now, because it
// brings no event any more.
func (p *proxy) settle(u *end) bool {
	switch err := u.tcp.ConnectError(); err {
	case nil:
	case sockets.ErrWouldBlock:
		return false
	default:
		p.refused++
		p.reset(u)
		return false
	}
	u.connecting = false
	key := u.key
	p.carry(u.peer)
	_, ok := p.ends.Get(key)
	return ok
}

// carry moves what from has sent to its peer. Both may be gone afterwards.
func (p *proxy) carry(from *end) {
	if from.ended || from.peer.connecting {
		return
	}
	n, err := p.move(from, p.pool.sample)
	from.streams = n >= bufferSize
	if err == nil && n < perEvent {
		_, err = p.move(from, perEvent-n)
	}
	switch err {
	case sockets.ErrWouldBlock:
	case errDrained:
		p.rearm(from)
	case nil:
		p.again(from)
	case io.EOF:
		p.passEnd(from)
	default:
		if from.load != nil {
			p.giveUp(from)
			return
		}
		p.reset(from)
	}
}

// move has the load, or else a carrier that holds nothing, move up to about
// limit bytes. What is not taken is the load from then on.
func (p *proxy) move(from *end, limit int) (n int, err error) {
	c := from.load
	if c == nil {
		c = p.pool.take(from)
	}
	n, err = c.move(from.peer, from, limit)
	from.load = c
	if c.held() == 0 {
		p.pool.give(c)
		from.load = nil
	}
	if n > 0 {
		p.moved[from.side] += uint64(n)
		p.putOff(from)
	}
	return n, err
}

// putOff starts the time anew for which a pair may be idle.
func (p *proxy) putOff(e *end) {
	if d := p.patience(e); d > 0 {
		p.loop.Reset(e.timer, d)
	}
}

// lastWords is for how long a peer may take nothing of what the other, which is
// gone, has left. It may never take it: a server that waits for its own answer
// to be read does not.
const lastWords = 2 * time.Second

// patience is for how long a pair may be idle; 0 is for ever.
func (p *proxy) patience(e *end) time.Duration {
	if e.lost && (p.idle <= 0 || p.idle > lastWords) {
		return lastWords
	}
	return p.idle
}

// lose is called when an end is gone, that is, reset. If its peer does not take
// what it had sent, the pair does not wait for that as long as for a live one.
func (p *proxy) lose(key slab.Key) {
	e, ok := p.ends.Get(key)
	if !ok || e.lost {
		return
	}
	if e.peer.connecting { // to whom nobody has said anything yet
		p.reset(e)
		return
	}
	e.lost, e.peer.lost = true, true
	if p.limit(e, p.patience(e)) != nil {
		p.reset(e)
	}
}

// rearm does for a short read what the socket does by itself for one that would
// block: where edges are emulated, the system must be told that they are wanted.
func (p *proxy) rearm(e *end) {
	if p.loop.Poll().Rearm(e.tcp.FD(), reactor.Readable) != nil {
		p.reset(e)
	}
}

// again has the loop report in its next turn what e is ready for.
func (p *proxy) again(e *end) {
	if p.loop.Reregister(e.tcp.FD(), reactor.Token(e.key), bothWays, reactor.Edge) != nil {
		p.reset(e)
	}
}

// passEnd tells the peer that from sends no more. The other direction goes on.
func (p *proxy) passEnd(from *end) {
	from.ended = true
	switch {
	case from.peer.ended:
		p.drop(from)
	case from.peer.tcp.CloseWrite() != nil:
		p.reset(from)
	}
}

// giveUp ends a direction whose taker is gone. What that had sent before is
// still delivered, such as an answer to a request that it did not want to hear
// to the end.
func (p *proxy) giveUp(from *end) {
	to, key := from.peer, from.key
	from.ended = true
	p.pool.give(from.load)
	from.load = nil
	p.carry(to)
	if _, ok := p.ends.Get(key); !ok {
		return
	}
	if to.load == nil {
		p.reset(from)
		return
	}
	p.lose(to.key)
}

// reset cuts a pair: both peers learn that it was not its proper end.
func (p *proxy) reset(e *end) {
	// It fails only for a socket that is closed or broken already.
	e.tcp.SetLinger(0)
	e.peer.tcp.SetLinger(0)
	p.drop(e)
}

// drop ends a pair, and the proxy if it was the last one to wait for. The keys
// are stale from here on.
func (p *proxy) drop(e *end) {
	p.loop.Cancel(e.timer)
	for _, e := range [...]*end{e, e.peer} {
		p.loop.Deregister(e.tcp.FD())
		e.tcp.Close()
		if e.load != nil {
			p.pool.give(e.load)
		}
	}
	p.forget(e)
	p.endIfDrained()
}

// forget removes a pair whose ends are closed.
func (p *proxy) forget(e *end) {
	peer := e.peer.key
	p.ends.Remove(e.key)
	p.ends.Remove(peer)
}
