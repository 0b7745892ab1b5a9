package msgq

import "sync/atomic"

// A Waker ends the consumer's sleep.
//
// Wake may be called from any goroutine. A wake that comes before the sleep, or
// while the consumer is awake, must end the next sleep at once; several may
// count as one. Wake must not block.
type Waker interface {
	Wake() error
}

// WakerFunc makes a function a [Waker].
type WakerFunc func() error

// Wake calls f.
func (f WakerFunc) Wake() error { return f() }

// ChanWaker is a [Waker] for a consumer that sleeps by receiving from a
// channel. It needs a buffer, which keeps a wake that comes before the sleep:
//
//	woken := make(msgq.ChanWaker, 1)
type ChanWaker chan struct{}

// Wake makes the channel ready to receive from. It fails if the channel has no
// buffer.
func (c ChanWaker) Wake() error {
	if cap(c) == 0 {
		return errUnbuffered
	}
	select {
	case c <- struct{}{}:
	default:
	}
	return nil
}

// The states of a WakeWord.
const (
	awake    = iota // the consumer is running, and will look before it sleeps
	armed           // the consumer sleeps or is about to: whoever publishes must wake it
	notified        // a producer has taken on to wake it
)

// cacheLine is the distance at which two fields do not disturb each other: two
// lines of 64 bytes, which x86 fetches in pairs, or one of Apple's.
const cacheLine = 128

// WakeWord decides who wakes a sleeping consumer, so that a burst costs one
// call of its [Waker] and a consumer that is awake none. One word may be shared
// by all that the consumer waits for: queues, a stop flag, signals.
//
// The consumer, one goroutine, goes round in this order:
//
//  1. Arm
//  2. look: is there anything to do, in any of the sources?
//  3. if not, sleep until the waker ends it
//  4. Disarm, however the sleep ended (woken, timeout, error, or not slept at all)
//  5. drain: take what there is from all sources
//
// A producer publishes (puts the message where step 2 and 5 find it, with
// sequentially consistent atomics or under a lock) and then calls Notify.
//
// Nothing is lost: either the look comes after the publication and sees it, or
// Notify comes after Arm and sees the word armed. A consumer that put the word
// back after its drain, and relied on the drain as its look, would sleep on what
// was published in between. Disarm comes before the drain so that nobody wakes a
// consumer that is awake, however its sleep ended.
type WakeWord struct {
	_     [cacheLine]byte
	state atomic.Uint32
	waker Waker
	_     [cacheLine]byte
}

// NewWakeWord returns a word in the awake state. If w is nil nobody is ever
// woken, which suits a consumer that only polls.
func NewWakeWord(w Waker) *WakeWord {
	if w == nil {
		w = WakerFunc(func() error { return nil })
	}
	return &WakeWord{waker: w}
}

// Arm announces that the consumer is about to sleep: the next Notify wakes it.
// Only the consumer calls it, and looks at all its sources afterwards.
func (w *WakeWord) Arm() {
	// A swap, as wherever a store must be seen before the load that follows it.
	// Go, and Arm's architecture, let no atomic load pass an atomic store, but
	// QEMU does so (7.2 on amd64: one in thirty in a loop made for it).
	w.state.Swap(armed)
}

// Disarm announces that the consumer is awake. Only the consumer calls it,
// after each Arm, before it drains its sources.
func (w *WakeWord) Disarm() { w.state.Store(awake) }

// Notify wakes the consumer if it sleeps, or is about to, and no other producer
// has done so since it armed the word. Any goroutine may call it, after it has
// published what the consumer is to find.
//
// If the waker fails, Notify returns a [*WakeError] and puts the word back, so
// that the next Notify tries again; what was published by others in the
// meantime depends on that too. Until then the consumer finds it when its sleep
// ends for another reason.
func (w *WakeWord) Notify() error {
	if w.state.Load() != armed {
		return nil
	}
	return w.wake()
}

func (w *WakeWord) wake() error {
	if !w.state.CompareAndSwap(armed, notified) {
		return nil
	}
	err := w.waker.Wake()
	if err == nil {
		return nil
	}
	// The consumer may have gone round since, and this may then put back a word
	// that another producer has notified. That costs one wake too many, never
	// one too few.
	w.state.CompareAndSwap(notified, armed)
	return &WakeError{Err: err}
}
