package signals

import (
	"math/bits"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
)

// slots is how many signals a Set can hold: one for each bit of its masks. No
// system but Plan 9, whose notes are strings, has more that can be caught.
const slots = 64

// Set is a set of signals that one goroutine, the consumer, takes from.
//
// All methods are the consumer's, except Err. The zero Set is not usable; see
// [New].
type Set struct {
	wake func() error

	// arrived has the bits of signals that have arrived since Take last looked.
	// It is all that the forwarding goroutines and the consumer share, apart
	// from failure.
	arrived atomic.Uint64

	// failure is the last wake that failed, until a later wake succeeds.
	failure atomic.Pointer[wakeFailure]

	// The rest is the consumer's.
	batch   uint64        // bits taken out of arrived and not yet returned by Take
	used    uint64        // bits of the watches that exist
	watches [slots]*watch // by bit number
	closed  bool
}

type wakeFailure struct{ err error }

// watch forwards one signal. Its channel is for that signal alone and holds one
// instance, which is what makes the promise hold: os/signal drops a signal for
// which a channel has no room, and this channel has none only while it holds an
// instance of the same signal that has not been received. When that one is
// received, which comes after the drop, the bit is set; so it is set after the
// last delivery. A channel shared by several signals, whatever its capacity,
// could be filled by a storm of one and lose the only instance of another.
//
// The price is a goroutine for each signal, because a select statement cannot
// grow at run time. (reflect.Select can, and allocates.)
type watch struct {
	sig  os.Signal
	ch   chan os.Signal
	done chan struct{} // closed when the goroutine has forwarded its last
}

// New returns an empty Set.
//
// The Set calls wake from its own goroutines, several at once if need be, after
// a signal has arrived. wake must end the consumer's sleep, or keep the next one
// from beginning, and must not block: Remove and Close wait for it. If it fails,
// the signal stays pending, [Set.Err] reports the failure, and the next signal
// to arrive calls wake again. If wake is nil nobody is woken, which suits a
// consumer that only polls.
func New(wake func() error) *Set {
	if wake == nil {
		wake = func() error { return nil }
	}
	return &Set{wake: wake}
}

// Add adds signals to the set and takes over their disposition: from now on
// they arrive here instead of having their default effect. A signal that is in
// the set already stays in it.
//
// Add adds all or none. It fails with an [*Error] for ErrNone if no signal is
// named (which does not mean all of them, as it does to signal.Notify),
// ErrUncatchable for SIGKILL and SIGSTOP, ErrUnknown for what os/signal would
// ignore without a word, ErrFull if the set has 64 signals (Plan 9), and
// os.ErrClosed.
func (s *Set) Add(sigs ...os.Signal) error {
	if err := s.check("add", sigs); err != nil {
		return err
	}
	var fresh []os.Signal
	for _, sig := range sigs {
		if s.find(sig) == 0 && !slices.Contains(fresh, sig) {
			fresh = append(fresh, sig)
		}
	}
	if room := slots - bits.OnesCount64(s.used); len(fresh) > room {
		return &Error{"add", fresh[room], ErrFull}
	}
	for _, sig := range fresh {
		s.start(sig)
	}
	return nil
}

// Remove removes signals from the set and gives back their disposition, unless
// somebody else in the process is notified of them too. What has arrived and has
// not been taken is dropped: after Remove, Take does not return the signals.
//
// Remove removes all or none. It fails with an [*Error] for ErrNotAdded,
// ErrNone, ErrUncatchable, ErrUnknown or os.ErrClosed.
func (s *Set) Remove(sigs ...os.Signal) error {
	if err := s.check("remove", sigs); err != nil {
		return err
	}
	var doomed uint64
	for _, sig := range sigs {
		bit := s.find(sig)
		if bit == 0 {
			return &Error{"remove", sig, ErrNotAdded}
		}
		doomed |= bit
	}
	s.stop(doomed)
	return nil
}

// Take returns a signal that has arrived, or false if there is none. It does not
// allocate.
func (s *Set) Take() (os.Signal, bool) {
	if s.batch == 0 {
		// Most calls find nothing: look before writing to a shared word.
		if s.arrived.Load() == 0 {
			return nil, false
		}
		s.batch = s.arrived.Swap(0)
	}
	slot := bits.TrailingZeros64(s.batch)
	s.batch &^= 1 << slot
	return s.watches[slot].sig, true
}

// Pending reports whether Take would return a signal.
func (s *Set) Pending() bool { return s.batch != 0 || s.arrived.Load() != 0 }

// Err returns the error of the last wake that failed, or nil if none has or a
// later one has succeeded. Any goroutine may call it.
func (s *Set) Err() error {
	if f := s.failure.Load(); f != nil {
		return f.err
	}
	return nil
}

// Close removes all signals and ends the goroutines of the Set. A second Close
// fails with os.ErrClosed.
func (s *Set) Close() error {
	if s.closed {
		return &Error{"close", nil, os.ErrClosed}
	}
	s.closed = true
	s.stop(s.used)
	return nil
}

// check refuses what neither Add nor Remove could act on.
func (s *Set) check(op string, sigs []os.Signal) error {
	if s.closed {
		return &Error{op, nil, os.ErrClosed}
	}
	if len(sigs) == 0 {
		return &Error{op, nil, ErrNone}
	}
	for _, sig := range sigs {
		if !relayed(sig) {
			return &Error{op, sig, ErrUnknown}
		}
		if slices.Contains(uncatchable, sig) {
			return &Error{op, sig, ErrUncatchable}
		}
	}
	return nil
}

// find returns the bit of a signal, or 0 if it is not in the set.
func (s *Set) find(sig os.Signal) uint64 {
	for rest := s.used; rest != 0; rest &= rest - 1 {
		slot := bits.TrailingZeros64(rest)
		if s.watches[slot].sig == sig {
			return 1 << slot
		}
	}
	return 0
}

func (s *Set) start(sig os.Signal) {
	slot := bits.TrailingZeros64(^s.used)
	w := &watch{sig, make(chan os.Signal, 1), make(chan struct{})}
	s.used |= 1 << slot
	s.watches[slot] = w
	go s.forward(w, 1<<slot)
	signal.Notify(w.ch, sig)
}

// stop ends the watches whose bits are in doomed.
func (s *Set) stop(doomed uint64) {
	for rest := doomed; rest != 0; rest &= rest - 1 {
		slot := bits.TrailingZeros64(rest)
		w := s.watches[slot]
		// Stop promises that nothing is sent to the channel after it returns,
		// so that the channel can be closed to end the goroutine.
		signal.Stop(w.ch)
		close(w.ch)
		<-w.done
		s.watches[slot] = nil
	}
	// Only now can none of the bits be set again.
	s.arrived.And(^doomed)
	s.batch &^= doomed
	s.used &^= doomed
}

func (s *Set) forward(w *watch, bit uint64) {
	defer close(w.done)
	for range w.ch {
		s.publish(bit)
	}
}

// publish makes a signal visible to Take, and wakes the consumer if nobody has
// done so since it last emptied arrived.
func (s *Set) publish(bit uint64) {
	woken := s.arrived.Or(bit) != 0
	failed := s.failure.Load()
	if woken && failed == nil {
		return
	}
	if err := s.wake(); err != nil {
		s.failure.Store(&wakeFailure{err})
		return
	}
	// Forget only a failure that came before this wake: a later one may have been
	// about a signal that the woken consumer did not find yet.
	s.failure.CompareAndSwap(failed, nil)
}
