package signals

import (
	"errors"
	"os"
)

// The reasons for which a Set refuses a call, to be tested for with errors.Is.
// A closed Set refuses with os.ErrClosed.
var (
	ErrUncatchable = errors.New("signal cannot be caught")
	ErrUnknown     = errors.New("not a signal of this system")
	ErrNone        = errors.New("no signal named")
	ErrNotAdded    = errors.New("signal is not in the set")
	ErrFull        = errors.New("set is full")
)

// Error is the error of a call of a [Set].
type Error struct {
	Op     string    // "add", "remove" or "close"
	Signal os.Signal // nil if the error is not about one signal
	Err    error     // os.ErrClosed or one of this package's variables
}

// Error names the call and the signal: "signals: add killed: signal cannot be
// caught".
func (e *Error) Error() string {
	if e.Signal == nil {
		return "signals: " + e.Op + ": " + e.Err.Error()
	}
	return "signals: " + e.Op + " " + e.Signal.String() + ": " + e.Err.Error()
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }
