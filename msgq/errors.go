package msgq

import "errors"

// A send that fails with an error that satisfies errors.Is for one of these did
// not leave its message in the queue.
var (
	ErrFull   = errors.New("msgq: full")
	ErrClosed = errors.New("msgq: closed")
)

var errUnbuffered = errors.New("channel of a ChanWaker has no buffer")

// WakeError says that a [Waker] failed. A send that returns it has left its
// message in the queue: do not send it again. The consumer handles it after its
// sleep ends for another reason, or after a later send or [WakeWord.Notify] has
// woken it.
type WakeError struct {
	Err error // from Waker.Wake
}

func (e *WakeError) Error() string { return "msgq: cannot wake the consumer: " + e.Err.Error() }

// Unwrap returns the waker's error.
func (e *WakeError) Unwrap() error { return e.Err }
