package reactor

import "os"

// Handler is what a [Loop] calls, one method at a time, on the goroutine that
// runs it. A method may call anything of the Loop except Run and RunOnce: it
// may deregister and close its descriptor, register others, send to its own loop
// (with TrySend), set timers and stop. A method that sleeps stops the whole
// loop.
//
// Embed [Unhandled] in order to implement only some of the methods.
type Handler[M any] interface {
	// Readable is called when the registration with this token can be read
	// without blocking, has priority data, or has news to read: the end of
	// the stream, an error, a hang-up, the exit of a process.
	Readable(l *Loop[M], token Token, ready Ready)

	// Writable is called when it can be written without blocking, a
	// connection attempt has ended, or there is an error or a hang-up. If
	// one event is both, Writable comes after Readable, unless that has
	// deregistered.
	Writable(l *Loop[M], token Token, ready Ready)

	// Message is called with each message from [Loop.Sender].
	Message(l *Loop[M], msg M)

	// Timeout is called when a timer has expired. For a periodic timer
	// overruns counts further periods that have passed unserved.
	Timeout(l *Loop[M], token Token, overruns uint32)

	// Signal is called after a signal of [Loop.Notify] has arrived, at least
	// once after its last delivery.
	Signal(l *Loop[M], sig os.Signal)
}

// Unhandled is a [Handler] that ignores everything. Embed it, and write the
// methods that you need. Readiness that is registered Level must be handled: if
// it is ignored, the loop finds it again at once, for ever.
type Unhandled[M any] struct{}

// Readable does nothing.
func (Unhandled[M]) Readable(*Loop[M], Token, Ready) {}

// Writable does nothing.
func (Unhandled[M]) Writable(*Loop[M], Token, Ready) {}

// Message does nothing.
func (Unhandled[M]) Message(*Loop[M], M) {}

// Timeout does nothing.
func (Unhandled[M]) Timeout(*Loop[M], Token, uint32) {}

// Signal does nothing.
func (Unhandled[M]) Signal(*Loop[M], os.Signal) {}

var _ Handler[int] = Unhandled[int]{}
