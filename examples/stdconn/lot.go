package main

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/metalio/metalio/reactor"
	"github.com/metalio/metalio/slab"
)

// errFull is what add returns when there are as many connections as allowed.
var errFull = errors.New("too many connections")

const maxConns = 1 << 20

// place is a connection's entry in the lot, from add until its end.
type place struct {
	conn   *net.TCPConn
	fd     reactor.FD
	parked bool // false: a goroutine serves it
	since  time.Time
}

// lot is where connections wait for their next request without a goroutine.
//
// A connection has one owner at a time. While it is parked that is the lot.
// When it becomes readable a goroutine gets it and calls serve; if serve returns
// true the goroutine parks it again and ends.
//
// One-shot registrations make that safe: after its event a connection is silent,
// also for errors, until it is parked again. No wake-up is lost in between,
// because arming a registration reports what has arrived before.
type lot struct {
	poll   *reactor.Poll
	idle   time.Duration // how long a connection may be parked; 0 is for ever
	serve  func(*net.TCPConn) (keep bool)
	mu     sync.Mutex
	places *slab.Slab[place] // the keys are the tokens
	busy   sync.WaitGroup    // goroutines that serve
}

func newLot(idle time.Duration, serve func(*net.TCPConn) bool) (*lot, error) {
	poll, err := reactor.NewPoll(reactor.PollConfig{})
	if err != nil {
		return nil, err
	}
	places := slab.New[place](slab.Config{Limit: maxConns})
	return &lot{poll: poll, idle: idle, serve: serve, places: places}, nil
}

// add parks a connection that has just been accepted: one that never sends
// anything never gets a goroutine. If it fails conn is the caller's to close.
func (l *lot) add(conn *net.TCPConn) error {
	fd, err := reactor.FDOf(conn)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	// The event may come before Register has returned, and then waits for mu.
	key, err := l.places.Insert(place{conn: conn, fd: fd, parked: true, since: time.Now()})
	if err != nil {
		return errFull
	}
	if err := l.poll.Register(fd, reactor.Token(key), reactor.Readable, reactor.OneShot); err != nil {
		l.places.Remove(key)
		return err
	}
	return nil
}

// park arms the registration of a connection that has been served.
func (l *lot) park(key slab.Key) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.places.Get(key)
	if !ok {
		return os.ErrClosed
	}
	p.parked, p.since = true, time.Now()
	err := l.poll.Reregister(p.fd, reactor.Token(key), reactor.Readable, reactor.OneShot)
	p.parked = err == nil
	return err
}

// run gives each connection that becomes readable to a goroutine, and ends
// those that have been parked for too long, until stop is called.
func (l *lot) run() error {
	var events [256]reactor.Event
	round := max(l.idle/4, time.Millisecond)
	sweep := time.Now().Add(round)
	for {
		timeout := time.Duration(-1)
		if l.idle > 0 {
			timeout = max(time.Until(sweep), 0)
		}
		n, err := l.poll.Wait(events[:], timeout)
		if errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, ev := range events[:n] {
			l.unpark(slab.Key(ev.Token()))
		}
		if now := time.Now(); l.idle > 0 && now.After(sweep) {
			l.expire(now)
			sweep = now.Add(round)
		}
	}
}

func (l *lot) unpark(key slab.Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.places.Get(key)
	if !ok || !p.parked {
		return
	}
	p.parked = false
	conn := p.conn
	l.busy.Go(func() {
		if l.serve(conn) && l.park(key) == nil {
			return // conn may be another goroutine's by now
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.end(key)
	})
}

// expire ends the connections that have been parked for too long.
func (l *lot) expire(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, p := range l.places.All() {
		if p.parked && now.Sub(p.since) > l.idle {
			l.end(key)
		}
	}
}

// end takes a connection out of the lot and closes it, in this order: once it
// is closed its number may be another connection's. mu is held, and the
// connection is the caller's or parked.
func (l *lot) end(key slab.Key) {
	p, ok := l.places.Remove(key)
	if !ok {
		return
	}
	l.poll.Deregister(p.fd)
	p.conn.Close()
}

// stop ends run.
func (l *lot) stop() { l.poll.Close() }

// close closes all connections, after the goroutines have finished the requests
// that they are at. run must have ended: nothing is unparked any more.
func (l *lot) close() {
	l.mu.Lock()
	for key, p := range l.places.All() {
		if p.parked {
			l.end(key)
		}
	}
	l.mu.Unlock()
	l.busy.Wait() // their connections end with them: park fails
}

// len is the number of connections, parked or not.
func (l *lot) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.places.Len()
}

// allParked reports whether no connection is being served at this moment.
func (l *lot) allParked() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.places.All() {
		if !p.parked {
			return false
		}
	}
	return true
}
