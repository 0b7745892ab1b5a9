package main

import (
	"errors"

	"github.com/metalio/metalio/sockets"
)

const (
	// bufferSize is what one read takes at most: large enough that the calls
	// cost less than the copying, small enough for a processor's own cache.
	// Half of it and twice as much were slower.
	bufferSize = 32 << 10

	// pipeSize is what one splice takes at most.
	pipeSize = 256 << 10

	// perEvent bounds how much one direction moves before others have their
	// turn.
	perEvent = 256 << 10
)

// carrier moves bytes from one end to the other. It is lent to a direction for
// as long as it holds bytes that the other end has not taken, so there are as
// many as there are directions that are blocked, and one more.
type carrier interface {
	// move goes on until to has taken limit bytes or a little more (a nil
	// error), or something stops it: ErrWouldBlock on either side, errDrained,
	// io.EOF when from has ended and to has everything, or a failure, which
	// is of to if bytes are held, and of from if not.
	move(to, from *end, limit int) (moved int, err error)
	held() int
}

// errDrained says that from had less than was asked for, which is as good as
// asking again and being told that there is nothing.
var errDrained = errors.New("drained")

// copier moves bytes through a buffer.
type copier struct {
	start, end int
	buf        [bufferSize]byte
}

func (c *copier) held() int { return c.end - c.start }

func (c *copier) move(to, from *end, limit int) (moved int, err error) {
	for moved < limit {
		drained := false
		if c.held() == 0 {
			n, err := from.tcp.Read(c.buf[:])
			if err != nil {
				return moved, err
			}
			c.start, c.end = 0, n
			// Behind the last bytes is the end, and it brings no
			// event of its own if it has been announced with them.
			drained = n < len(c.buf) && !from.closing
		}
		n, err := to.tcp.Write(c.buf[c.start:c.end])
		c.start += n
		moved += n
		if err != nil {
			return moved, err
		}
		if drained {
			return moved, errDrained
		}
	}
	return moved, nil
}

// splicer moves bytes through a pipe, without copying them.
type splicer struct{ *sockets.Splicer }

func (s splicer) held() int { return s.Buffered() }

// A splice that takes less than it could does not mean that there is no more,
// so this ends with a call that is told so.
func (s splicer) move(to, from *end, limit int) (moved int, err error) {
	moved, _, err = s.Splice(&to.tcp, &from.tcp, limit)
	return moved, err
}

// pool has the carriers that hold nothing. The last one that was given back is
// the first to be taken, because it is the likeliest to be in the cache.
type pool struct {
	copiers  []*copier
	splicers []splicer
	splice   bool

	// sample is what is moved before it is looked at again how to go on:
	// what fills a buffer at once is a stream, and is spliced from there on.
	sample int
}

// newPool fails if splice is wanted of a system that has none.
func newPool(splice bool) (pool, error) {
	if !splice {
		return pool{sample: perEvent}, nil
	}
	p := pool{splice: true, sample: bufferSize}
	s, err := sockets.NewSplicer(pipeSize)
	if err != nil {
		return pool{}, err
	}
	p.splicers = append(p.splicers, splicer{s})
	return p, nil
}

// take returns a carrier for from: a pipe if it streams.
func (p *pool) take(from *end) carrier {
	if p.splice && from.streams {
		if s, ok := p.takeSplicer(); ok {
			return s
		}
	}
	n := len(p.copiers)
	if n == 0 {
		return &copier{}
	}
	c := p.copiers[n-1]
	p.copiers = p.copiers[:n-1]
	return c
}

// takeSplicer fails when the process is out of descriptors.
func (p *pool) takeSplicer() (splicer, bool) {
	n := len(p.splicers)
	if n == 0 {
		s, err := sockets.NewSplicer(pipeSize)
		return splicer{s}, err == nil
	}
	s := p.splicers[n-1]
	p.splicers = p.splicers[:n-1]
	return s, true
}

// give takes a carrier back. Bytes that it holds are lost.
func (p *pool) give(c carrier) {
	switch c := c.(type) {
	case *copier:
		c.start, c.end = 0, 0
		p.copiers = append(p.copiers, c)
	case splicer:
		if c.held() > 0 {
			c.Close() // a pipe cannot be emptied otherwise
			return
		}
		p.splicers = append(p.splicers, c)
	}
}

func (p *pool) close() {
	for _, s := range p.splicers {
		s.Close()
	}
}
