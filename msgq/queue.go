package msgq

import (
	"fmt"
	"slices"
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
// Sender, NewProducer, Close, Word and Cap are for any goroutine. All else is for
// the consumer, one goroutine at a time.
type Queue[M any] struct {
	// Never written after New, read by all.
	word     *WakeWord
	capacity int

	_ [cacheLine]byte

	// The senders' side. The consumer locks it once for each half.
	mu        sync.Mutex
	n         int // in[:n] is accepted
	in        []M
	closed    bool
	waiting   waiters[M] // not empty only while n == capacity
	producers []*Producer[M]
	changed   bool // producers has one that is new to the consumer, or closed

	_ [cacheLine]byte

	// ready tells the consumer without locking that a look under mu is worth
	// it: n > 0, closed or changed. It is written under mu, once for each half.
	ready atomic.Bool

	_ [cacheLine]byte

	// The consumer's side. out is the batch that it has taken over: half, or
	// if from is not nil a part of that Producer's ring. out[head:tail] is to
	// be handled, out[seen:head] is the view that Take returned last, and all
	// else is zero.
	out              []M
	seen, head, tail int
	from             *Producer[M]
	half             []M
	known            []*Producer[M] // producers, as of the last look under mu
	turn             int            // in known, or behind it: who is asked next

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
		half:     make([]M, cfg.Capacity),
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
	for _, p := range q.producers {
		p.seal()
	}
	q.changed = true
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
// no lock. It may also be true for nothing, once after a Producer has come or
// gone.
func (q *Queue[M]) Pending() bool {
	return q.head != q.tail || q.ready.Load() || q.anyPending()
}

func (q *Queue[M]) anyPending() bool {
	for _, p := range q.known {
		if p.pending() {
			return true
		}
	}
	return false
}

// Len returns the number of messages that the consumer has not got yet.
func (q *Queue[M]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.n + q.tail - q.head
	for _, p := range q.producers {
		n += int(p.waiting())
	}
	return n
}

// Drained reports whether the queue is closed and the consumer has got all that
// was accepted.
func (q *Queue[M]) Drained() bool {
	if q.head != q.tail || !q.ready.Load() || q.anyPending() {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed && q.n == 0 && !slices.ContainsFunc(q.producers, (*Producer[M]).pending)
}

// Pop returns the next message, or false if there is none. The queue keeps no
// reference to it. A consumer that panics while it handles the message finds
// all others in the queue.
func (q *Queue[M]) Pop() (m M, ok bool) {
	q.release()
	if q.head == q.tail && !q.next() {
		return m, false
	}
	var zero M
	p := &q.out[q.head]
	m, *p = *p, zero
	q.head++
	q.seen = q.head
	q.giveBack()
	return m, true
}

// Take returns the next messages, at most max of them and perhaps fewer than
// there are, or nil if there are none. They count as got. The slice is valid
// until the next call of Take or Pop, which zeroes it.
func (q *Queue[M]) Take(max int) []M {
	q.release()
	if max <= 0 || q.head == q.tail && !q.next() {
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
	q.giveBack()
}

// next is the step "drain": it takes over the next batch, from the producers and
// the senders' half in turn, so that none of them starves. It returns false if
// nobody has sent anything.
func (q *Queue[M]) next() bool {
	for left := len(q.known) + 1; left > 0; left-- {
		if q.turn < len(q.known) {
			p := q.known[q.turn]
			q.turn++
			if batch := p.takeOver(); len(batch) > 0 {
				q.use(batch, p)
				return true
			}
			continue
		}
		q.turn = 0
		if !q.ready.Load() {
			continue
		}
		if met := q.swap(); met {
			left = len(q.known) + 1
		}
		if q.tail > 0 {
			return true
		}
	}
	return false
}

func (q *Queue[M]) use(batch []M, from *Producer[M]) {
	q.out, q.from = batch, from
	q.seen, q.head, q.tail = 0, 0, len(batch)
}

// giveBack is for when messages were got: if that was the last of a part of a
// Producer's ring, it is room again.
func (q *Queue[M]) giveBack() {
	if q.head == q.tail && q.from != nil {
		q.giveBackPart()
	}
}

func (q *Queue[M]) giveBackPart() {
	q.from.giveBack()
	q.use(nil, nil)
}

// swap exchanges the empty half for the one that the senders have filled, if
// only with nothing, and reports whether it has met other producers.
func (q *Queue[M]) swap() (met bool) {
	q.mu.Lock()
	q.in, q.half = q.half, q.in
	q.use(q.half[:q.n], nil)
	admitted := q.admit()
	if q.changed {
		q.meet()
		met = true
	}
	q.ready.Store(q.n > 0 || q.closed || q.changed)
	q.mu.Unlock()

	admitted.tell()
	return met
}

// meet brings known up to date, under mu, and forgets producers that are done.
func (q *Queue[M]) meet() {
	q.producers = slices.DeleteFunc(q.producers, (*Producer[M]).done)
	q.changed = slices.ContainsFunc(q.producers, (*Producer[M]).isSealed)
	clear(q.known)
	q.known = append(q.known[:0], q.producers...)
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
