package reactor

import (
	"errors"
	"fmt"
	"os"
)

// Notify makes the loop call the handler's Signal for each of these signals,
// instead of their default effect. The last delivery of a signal is followed by
// at least one call; how many there are is not promised, see package signals,
// whose errors these are. It coexists with os/signal. It allocates and starts a
// goroutine for each signal.
func (l *Loop[M]) Notify(sigs ...os.Signal) error {
	if err := l.signals.Add(sigs...); err != nil {
		return fmt.Errorf("reactor: notify: %w", err)
	}
	return nil
}

// Unnotify ends what Notify has begun: Signal is not called any more, and the
// signals have their former effect again, unless somebody else in the process
// is notified of them. It fails with the ErrNotAdded of package signals.
func (l *Loop[M]) Unnotify(sigs ...os.Signal) error {
	if err := l.signals.Remove(sigs...); err != nil {
		return fmt.Errorf("reactor: unnotify: %w", err)
	}
	return nil
}

// signalsPerTurn lets each signal of a system come once in a turn. They are
// taken in rounds, so that a storm of one does not keep the others away.
const signalsPerTurn = 64

func (l *Loop[M]) handleSignals(h Handler[M]) (calls int) {
	for calls < signalsPerTurn && !l.closed {
		sig, ok := l.signals.Take()
		if !ok {
			break
		}
		calls++
		l.stats.Signals++
		h.Signal(l, sig)
	}
	return calls
}

// closeSignals gives all signals back.
func (l *Loop[M]) closeSignals() error {
	if err := l.signals.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("reactor: close: %w", err)
	}
	return nil
}
