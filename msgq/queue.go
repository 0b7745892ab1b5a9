package msgq

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// DefaultCapacity is the number of messages when [Config] does not name one.
const DefaultCapacity = 4096

// Config describes a queue. The zero value is a queue of [DefaultCapacity]
// messages that wakes nobody.
type Config struct {
	// Capacity is how many messages may wait behind those that the consumer
	// has taken over, which are at most as many. Zero or less means
	// DefaultCapacity. Memory for twice as many is allocated by New.
	Capacity int

	// Waker wakes the consumer. It is not used if Word is set.
	Waker Waker

	// Word, if not nil, is a wake word that the queue shares with the
	// consumer's other sources.
	Word *WakeWord
}

// Queue is a bounded queue with many senders and one consumer. Make one with
// [New].
//
// Sender, Close, Word and Cap are for any goroutine. All else is for the
// consumer, one goroutine at a time.
type Queue[M any] struct {
	// Never written after New, read by all.
	word     *WakeWord
	capacity int

	_ [cacheLine]byte

	// The senders' side. The consumer locks it once for each half.
	mu      sync.Mutex
	n       int // in[:n] is accepted
	in      []M
	closed  bool
	waiting waiters[M] // not empty only while n == capacity

	_ [cacheLine]byte

	// ready tells the consumer without locking that a look under mu is worth
	// it: n > 0 or closed. It is written under mu, once for each half.
	ready atomic.Bool

	_ [cacheLine]byte

	// The consumer's side. out[head:tail] is to be handled, out[seen:head] is
	// the view that Take returned last, and all else is zero.
	out              []M
	seen, head, tail int

	_ [cacheLine]byte
}

// New returns an empty queue.
func New[M any](cfg Config) *Queue[M] {
	if cfg.Capacity <= 0 {
		cfg.Capacity = DefaultCapacity
	}
	if cfg.Word == nil {
		cfg.Word = NewWakeWord(cfg.Waker)
	}
	return &Queue[M]{
		word:     cfg.Word,
		capacity: cfg.Capacity,
		in:       make([]M, cfg.Capacity),
		out:      make([]M, cfg.Capacity),
	}
}

// Sender returns the value through which goroutines send to q. All senders of
// one queue are equal.
func (q *Queue[M]) Sender() Sender[M] { return Sender[M]{q} }

// Word returns the queue's wake word.
func (q *Queue[M]) Word() *WakeWord { return q.word }

// Cap returns how many messages may wait behind those that the consumer has
// taken over.
func (q *Queue[M]) Cap() int { return q.capacity }

// Close makes every later send, and every Send that is waiting for room, return
// [ErrClosed]. What was accepted stays for the consumer, which is woken if it
// sleeps. Any goroutine may call Close, also more than once. A [*WakeError]
// means that the queue is closed but the consumer could not be woken; another
// Close tries again.
func (q *Queue[M]) Close() error {
	q.mu.Lock()
	q.closed = true
	refused := settled[M]{err: ErrClosed}
	for q.waiting.head != nil {
		refused.take(&q.waiting)
	}
	q.ready.Store(true)
	q.mu.Unlock()

	refused.tell()
	return q.word.Notify()
}

// put is the step "publish", under mu. The caller unlocks and then notifies.
func (q *Queue[M]) put(m *M) error {
	if q.closed {
		return ErrClosed
	}
	if q.n == q.capacity {
		return ErrFull
	}
	q.in[q.n] = *m
	q.n++
	if q.n == 1 {
		q.ready.Store(true)
	}
	return nil
}

// refused adds to ErrFull what only the sender of a full queue can notice: that
// the consumer sleeps because an earlier wake failed, and this one did too.
func (q *Queue[M]) refused(err error) error {
	if err != ErrFull {
		return err
	}
	if werr := q.word.Notify(); werr != nil {
		return fmt.Errorf("%w: %w", err, werr)
	}
	return err
}

// Arm announces that the consumer is about to sleep, and looks at the queue
// again. If it returns true the consumer may sleep: the next message or Close
// wakes it. If it returns false there is something to do: a message, or the
// queue is closed. The consumer calls Disarm in both cases, as soon as it is
// awake and before Pop or Take.
//
// A consumer with other sources uses [WakeWord.Arm] and then looks at all of
// them, with [Queue.Pending] at this one.
func (q *Queue[M]) Arm() bool {
	q.word.Arm()
	return !q.Pending()
}

// Disarm announces that the consumer is awake; see [WakeWord].
func (q *Queue[M]) Disarm() { q.word.Disarm() }

// Pending reports whether there is a message, or the queue is closed. It takes
// no lock.
func (q *Queue[M]) Pending() bool { return q.head != q.tail || q.ready.Load() }

// Len returns the number of messages that the consumer has not got yet.
func (q *Queue[M]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n + q.tail - q.head
}

// Drained reports whether the queue is closed and the consumer has got all that
// was accepted.
func (q *Queue[M]) Drained() bool {
	if q.head != q.tail || !q.ready.Load() {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed && q.n == 0
}

// Pop returns the next message, or false if there is none. The queue keeps no
// reference to it. A consumer that panics while it handles the message finds
// all others in the queue.
func (q *Queue[M]) Pop() (m M, ok bool) {
	q.release()
	if q.head == q.tail && !q.swap() {
		return m, false
	}
	var zero M
	p := &q.out[q.head]
	m, *p = *p, zero
	q.head++
	q.seen = q.head
	return m, true
}

// Take returns the next messages, at most max of them and perhaps fewer than
// there are, or nil if there are none. They count as got. The slice is valid
// until the next call of Take or Pop, which zeroes it.
func (q *Queue[M]) Take(max int) []M {
	q.release()
	if max <= 0 || q.head == q.tail && !q.swap() {
		return nil
	}
	q.head = min(q.seen+max, q.tail)
	return q.out[q.seen:q.head:q.head]
}

// release zeroes what Take returned, so that M may hold pointers.
func (q *Queue[M]) release() {
	if q.seen == q.head {
		return
	}
	clear(q.out[q.seen:q.head])
	q.seen = q.head
}

// swap is the step "drain": it exchanges the empty half for the one that the
// senders have filled. It returns false if they have sent nothing.
func (q *Queue[M]) swap() bool {
	if !q.ready.Load() {
		return false
	}
	q.mu.Lock()
	q.in, q.out = q.out, q.in
	q.seen, q.head, q.tail = 0, 0, q.n
	admitted := q.admit()
	q.ready.Store(q.n > 0 || q.closed)
	q.mu.Unlock()

	admitted.tell()
	return q.tail > 0
}

// admit is the step of that name, under mu: it fills the new half with the
// messages of those who wait in Send, before any other sender finds room in it.
func (q *Queue[M]) admit() (admitted settled[M]) {
	q.n = 0
	for q.waiting.head != nil && q.n < q.capacity {
		q.in[q.n] = admitted.take(&q.waiting).msg
		q.n++
	}
	return admitted
}
