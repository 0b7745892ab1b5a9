package reactor

import (
	"fmt"
	"os"
	"slices"
)

// Waker ends the Wait of a [Poll] from any goroutine. Make one with
// [Poll.NewWaker].
type Waker struct {
	poll   *Poll
	gate   gate
	wakeup wakeup
}

// NewWaker returns a Waker whose events carry token. It costs a descriptor on
// systems where waking needs one. The error satisfies errors.Is with the
// system's errno, and with [os.ErrClosed] if the Poll is closed.
func (p *Poll) NewWaker(token Token) (*Waker, error) {
	// Left when the Waker is released: until then it needs the selector.
	if !p.gate.enter() {
		return nil, errNewWakerClosed
	}
	w := &Waker{poll: p}
	if errno := w.wakeup.open(&p.sel, token); errno != 0 {
		p.leave()
		return nil, fmt.Errorf("reactor: new waker: %w", errno)
	}
	if !p.adopt(w) {
		w.release()
		return nil, errNewWakerClosed
	}
	return w, nil
}

// adopt makes Close responsible for w, unless it has begun already.
func (p *Poll) adopt(w *Waker) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gate.isShut() {
		return false
	}
	p.wakers = append(p.wakers, w)
	return true
}

var (
	errNewWakerClosed = fmt.Errorf("reactor: new waker: %w", os.ErrClosed)
	errWakeClosed     = fmt.Errorf("reactor: wake: %w", os.ErrClosed)
)

// Wake makes the Poll report a readable event with the Waker's token, to the
// Wait that is under way or to the next one. Wakes that come before they are
// reported are one event. Any goroutine may call it; it does not block and does
// not allocate. After Close, of the Waker or its Poll, it returns
// [os.ErrClosed].
func (w *Waker) Wake() error {
	if !w.gate.enter() {
		return errWakeClosed
	}
	errno := w.wakeup.wake()
	w.leave()
	if errno != 0 {
		return fmt.Errorf("reactor: wake: %w", errno)
	}
	return nil
}

// Close releases the Waker. Wakes that were not reported yet may be lost.
// Closing again does nothing and returns nil.
func (w *Waker) Close() error {
	w.poll.disown(w)
	w.release()
	return nil
}

// disown ends what adopt began.
func (p *Poll) disown(w *Waker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.wakers, w); i >= 0 {
		p.wakers = slices.Delete(p.wakers, i, i+1)
	}
}

// release lets the last Wake that is under way close the wakeup.
func (w *Waker) release() {
	if w.gate.enterToShut() {
		w.leave()
	}
}

func (w *Waker) leave() {
	if w.gate.leave() {
		w.wakeup.close(&w.poll.sel)
		w.poll.leave()
	}
}
