package msgq

import (
	"context"
	"fmt"
	"math/bits"
	"sync/atomic"
)

// Producer sends messages to one [Queue] through a ring of its own. It is for
// one goroutine at a time, which no other sender disturbs: a message costs one
// atomic step and no lock, whatever the others do. Make one with
// [Queue.NewProducer].
//
// Messages of one Producer arrive in the order in which they were sent. Between
// two of them, or one and a [Sender], there is no order.
//
// Close alone may be called by any goroutine, also while another one sends. The
// zero Producer refuses everything with [ErrClosed].
type Producer[M any] struct {
	q    *Queue[M]
	ring []M // a power of two, so that positions count on for ever

	// room is told when the consumer has made some, if starved says that
	// somebody waits for it. It has a buffer of one.
	room    chan struct{}
	starved atomic.Bool

	_ [cacheLine]byte

	// The producer's side. published is the position behind the last message
	// that the consumer may take, and sealedBit: what it has not published
	// before that is set, it never will. tail is published without the bit, and
	// limit the position that it must not pass before it has asked taken again.
	published   atomic.Uint64
	tail, limit uint64

	_ [cacheLine]byte

	// The consumer's side. What is before taken is zero and free for new
	// messages. over is the position behind the last message taken over.
	taken atomic.Uint64
	over  uint64

	_ [cacheLine]byte
}

const sealedBit = 1 << 63

// NewProducer returns a Producer with room for capacity messages, rounded up to
// a power of two; zero or less means [DefaultCapacity]. Any goroutine may call
// it. That of a closed queue is closed.
//
// The consumer asks all producers of its queue whenever it looks for messages,
// so that they are meant to be as many as there are processors or other loops,
// not connections. One that is no longer needed should be closed.
func (q *Queue[M]) NewProducer(capacity int) *Producer[M] {
	if capacity <= 0 {
		capacity = DefaultCapacity
	}
	p := &Producer[M]{
		q:    q,
		ring: make([]M, 1<<bits.Len(uint(capacity-1))),
		room: make(chan struct{}, 1),
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		p.published.Store(sealedBit)
		return p
	}
	q.producers = append(q.producers, p)
	q.changed = true
	q.ready.Store(true)
	return p
}

// Cap returns how many messages may have been sent that the consumer has not
// got. It may leave less room meanwhile: what it takes over, up to a quarter of
// the ring, becomes free at once when it has got the last of it, and with Take
// (as in a Loop) when it is through with it.
func (p *Producer[M]) Cap() int { return len(p.ring) }

// TrySend is [Sender.TrySend]: it puts m in the ring without waiting. It
// returns [ErrFull] if there is no room and [ErrClosed] if the Producer or its
// queue is closed. A [*WakeError] means that m is in the ring but the consumer
// could not be woken.
func (p *Producer[M]) TrySend(m M) error {
	if err := p.put(&m); err != nil {
		return p.refused(err)
	}
	return p.q.word.Notify()
}

// Send is [Sender.Send]: it puts m in the ring, and waits for room if there is
// none. It returns what TrySend returns, except that it returns [ErrFull] only
// if the consumer sleeps and could not be woken (the error then holds a
// [*WakeError] too). If ctx ends before there is room, it returns an error that
// wraps [context.Cause], and m is not in the ring.
//
// The consumer must not call Send: it would wait for itself.
func (p *Producer[M]) Send(ctx context.Context, m M) error {
	for {
		if ctx.Err() != nil {
			return sendError(ctx)
		}
		err := p.put(&m)
		if err == nil {
			return p.q.word.Notify()
		}
		if err != ErrFull {
			return err
		}
		if err := p.awaitRoom(ctx); err != nil {
			return err
		}
	}
}

// put is the step "publish". The caller then notifies.
func (p *Producer[M]) put(m *M) error {
	if p.tail == p.limit {
		if err := p.look(); err != nil {
			return err
		}
	}
	slot := &p.ring[p.tail&uint64(len(p.ring)-1)]
	*slot = *m
	// The bit may have come at any time, and the consumer have left since: only
	// a publication without it is sure to be found.
	if !p.published.CompareAndSwap(p.tail, p.tail+1) {
		var zero M
		*slot = zero
		return ErrClosed
	}
	p.tail++
	return nil
}

// look finds out how far the consumer is.
func (p *Producer[M]) look() error {
	if p.q == nil || p.isSealed() {
		return ErrClosed
	}
	p.limit = p.taken.Load() + uint64(len(p.ring))
	if p.tail == p.limit {
		return ErrFull
	}
	return nil
}

// refused is [Queue.refused], where there is a queue.
func (p *Producer[M]) refused(err error) error {
	if p.q == nil {
		return err
	}
	return p.q.refused(err)
}

// awaitRoom waits until the consumer has taken something, the Producer is closed
// or ctx ends. It may also return in vain.
func (p *Producer[M]) awaitRoom(ctx context.Context) error {
	// starved first, and then a look: either that finds the room, or the
	// consumer finds starved, which it asks after it has made room.
	p.starved.Swap(true) // see WakeWord.Arm
	if p.look() != ErrFull {
		p.starved.Store(false)
		return nil
	}
	// The ring is full, so the consumer was notified; but that may have failed.
	if err := p.q.word.Notify(); err != nil {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	select {
	case <-p.room:
		return nil
	case <-ctx.Done():
		return sendError(ctx)
	}
}

// feed tells a Send that waits that there is room, or never will be.
func (p *Producer[M]) feed() {
	if !p.starved.Load() {
		return
	}
	p.starved.Store(false)
	select {
	case p.room <- struct{}{}:
	default: // told already
	}
}

// Close makes every later send of this Producer, and a Send that is waiting,
// return [ErrClosed]. What was sent stays for the consumer, which forgets the
// Producer when it has got all of it. Any goroutine may call Close, also more
// than once.
func (p *Producer[M]) Close() {
	if p.q == nil {
		return
	}
	p.q.mu.Lock()
	p.seal()
	p.q.changed = true
	p.q.ready.Store(true)
	p.q.mu.Unlock()
}

// seal is the step "close" of a Producer.
func (p *Producer[M]) seal() {
	p.published.Or(sealedBit)
	p.feed()
}

func (p *Producer[M]) isSealed() bool { return p.published.Load()&sealedBit != 0 }

// waiting is how many messages the consumer has not taken over.
func (p *Producer[M]) waiting() uint64 { return p.published.Load()&^sealedBit - p.over }

// pending reports to the consumer whether there is something to take over.
func (p *Producer[M]) pending() bool { return p.waiting() != 0 }

// done reports to the consumer that there is nothing, and never will be.
func (p *Producer[M]) done() bool { return p.published.Load() == p.over|sealedBit }

// takeOver gives the consumer the next messages, and a part of the ring at most:
// what it has not given back is no room for others.
func (p *Producer[M]) takeOver() []M {
	size := uint64(len(p.ring))
	start := p.over & (size - 1)
	n := min(p.waiting(), max(size/4, 1), size-start)
	p.over += n
	return p.ring[start : start+n]
}

// giveBack makes room of what was taken over, which is zeroed.
func (p *Producer[M]) giveBack() {
	p.taken.Swap(p.over) // see WakeWord.Arm
	p.feed()
}
