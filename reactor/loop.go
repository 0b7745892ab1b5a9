package reactor

import (
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/metalio/metalio/msgq"
	"github.com/metalio/metalio/signals"
	"github.com/metalio/metalio/slab"
	"github.com/metalio/metalio/timers"
)

// Config configures a [Loop]. The zero Config is good: zero for a number means
// its default. More than [slab.MaxLimit] registrations, events or messages are
// refused.
type Config struct {
	// Wait says how the loop sleeps.
	Wait WaitPolicy

	// Capacity is the number of registrations to make room for, by default
	// 1024. The loop allocates when there are more than ever before.
	Capacity int

	// EventsPerTurn is how many descriptor events one turn takes, by default
	// 256. The others are taken in the next turns.
	EventsPerTurn int

	// MessageCapacity is how many messages may wait, by default
	// [msgq.DefaultCapacity].
	MessageCapacity int

	// MessagesPerTurn is how many messages one turn handles, by default 256.
	MessagesPerTurn int

	// TimerCapacity is the number of timers to make room for, by default
	// [timers.DefaultCapacity]. With GrowTimers more are allowed, and
	// allocate; without it they are refused with [timers.ErrFull].
	TimerCapacity int
	GrowTimers    bool

	// TimersPerTurn is how many expired timers one turn handles, by default
	// 256. The others are handled in the next turns, in order.
	TimersPerTurn int
}

const (
	// perTurn is the default bound of each source.
	perTurn = 256

	// mostRoom is how much room a Config may ask for. Beyond some number near
	// it, making the memory panics.
	mostRoom = slab.MaxLimit
)

func (cfg Config) withDefaults() (Config, error) {
	for _, n := range [...]struct {
		name  string
		value *int
		zero  int
		most  int
	}{
		{"Capacity", &cfg.Capacity, 1024, slab.MaxLimit},
		{"EventsPerTurn", &cfg.EventsPerTurn, perTurn, mostRoom},
		{"MessageCapacity", &cfg.MessageCapacity, msgq.DefaultCapacity, mostRoom},
		{"MessagesPerTurn", &cfg.MessagesPerTurn, perTurn, math.MaxInt},
		{"TimerCapacity", &cfg.TimerCapacity, timers.DefaultCapacity, math.MaxInt}, // timers.New knows better
		{"TimersPerTurn", &cfg.TimersPerTurn, perTurn, math.MaxInt},
	} {
		if *n.value < 0 {
			return cfg, fmt.Errorf("reactor: new loop: %s %d is negative: %w", n.name, *n.value, syscall.EINVAL)
		}
		if *n.value > n.most {
			return cfg, fmt.Errorf("reactor: new loop: %s %d is more than %d: %w", n.name, *n.value, n.most, syscall.EINVAL)
		}
		if *n.value == 0 {
			*n.value = n.zero
		}
	}
	return cfg, nil
}

// Loop is a [Poll] with a table of registrations, messages, timers and signals,
// that calls the methods of a [Handler]. Make one with [NewLoop].
//
// It is strict where the Poll is not: once Deregister has returned, no method
// is called for the registration, not for events of the same turn either, and
// not when the descriptor's number means another file by then.
//
// Stop, Sender, NewProducer and what these return are for any goroutine. All
// other methods belong to the goroutine that runs the loop, or to the time before
// Run.
//
// A turn waits until something is ready and then handles, each up to its bound:
// descriptors, messages, timers, signals.
type Loop[M any] struct {
	cfg       Config
	poll      *Poll
	table     table
	processes processTable
	queue     *msgq.Queue[M]
	word      *msgq.WakeWord // shared by the queue, the signals and Stop
	wheel     *timers.Wheel
	signals   *signals.Set
	clock     clock
	stats     Stats

	// The events of this turn, of which those before next are handled. A
	// panic in a handler leaves the rest for the next turn.
	events []Event
	next   int
	count  int

	// messages is what this turn has taken from the queue and not handled yet.
	messages []M

	// gatherUntil is until when a loop that spins leaves messages where they
	// are, or 0.
	gatherUntil int64

	closed  bool // what is left of a turn is dropped
	running atomic.Bool
	stopped atomic.Bool
}

// wakeToken is the token of the loop's own waker. It is no key of the table, see
// maxSlots.
const wakeToken Token = math.MaxUint64

// NewLoop makes a loop. The error satisfies errors.Is with what that of
// [NewPoll] does, and with EINVAL or [timers.ErrInvalid] for a bad Config.
func NewLoop[M any](cfg Config) (*Loop[M], error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	wheel, err := timers.New(timers.Config{Capacity: cfg.TimerCapacity, Grow: cfg.GrowTimers})
	if err != nil {
		return nil, fmt.Errorf("reactor: new loop: %w", err)
	}
	poll, err := NewPoll(PollConfig{Wait: cfg.Wait, Capacity: cfg.Capacity})
	if err != nil {
		return nil, err
	}
	waker, err := poll.NewWaker(wakeToken)
	if err != nil {
		poll.Close()
		return nil, err
	}
	word := msgq.NewWakeWord(loopWaker{poll, waker})
	return &Loop[M]{
		cfg:     cfg,
		poll:    poll,
		table:   newTable(cfg.Capacity),
		queue:   msgq.New[M](msgq.Config{Capacity: cfg.MessageCapacity, Word: word}),
		word:    word,
		wheel:   wheel,
		signals: signals.New(word.Notify),
		clock:   clock{stopwatch: stopwatch{time.Now()}},
		events:  make([]Event, cfg.EventsPerTurn),
	}, nil
}

// loopWaker wakes a loop, without a system call if its goroutine is parked.
type loopWaker struct {
	poll  *Poll
	waker *Waker
}

func (w loopWaker) Wake() error {
	if w.poll.unpark() {
		return nil
	}
	return w.waker.Wake()
}

// Run handles turn after turn until Stop. It may be run again afterwards. The
// error satisfies errors.Is with EBUSY if the loop is running, which includes
// calls from a handler, and with [os.ErrClosed] if it is, or is being, closed.
//
// A panic in a handler passes through Run. The loop can be closed or run again
// then; events that were not handled yet are not lost.
func (l *Loop[M]) Run(h Handler[M]) error {
	if !l.begin() {
		return errRunTwice
	}
	defer l.end()
	for !l.takeStop() {
		if _, err := l.turn(h, -1); err != nil {
			return err
		}
	}
	return nil
}

// RunOnce waits until there is something to handle, for up to timeout (negative
// is for ever, zero does not wait), handles one turn, and returns how many
// handler methods it has called. Stop ends the wait. The errors are those of
// Run.
func (l *Loop[M]) RunOnce(h Handler[M], timeout time.Duration) (int, error) {
	if !l.begin() {
		return 0, errRunTwice
	}
	defer l.end()
	start := time.Now()
	remaining := timeout
	for !l.takeStop() {
		n, err := l.turn(h, remaining)
		if n > 0 || err != nil || timeout == 0 {
			return n, err
		}
		// A wake whose message an earlier turn has handled, or an event
		// that came too late, is no reason to return.
		if timeout > 0 {
			if remaining = timeout - time.Since(start); remaining <= 0 {
				return 0, nil
			}
		}
	}
	return 0, nil
}

var errRunTwice = fmt.Errorf("reactor: run: the loop is running already: %w", syscall.EBUSY)

// begin makes this goroutine the one that runs the loop.
func (l *Loop[M]) begin() bool {
	if !l.running.CompareAndSwap(false, true) {
		return false
	}
	l.clock.inTurn = true
	l.clock.ended = 0 // it may be long ago
	return true
}

// end is deferred, so that a panic of a handler does not leave the loop running.
func (l *Loop[M]) end() {
	l.clock.inTurn = false
	l.running.Store(false)
}

// Stop ends the Run or RunOnce that is under way, after its current turn, or
// the next one at once. Any goroutine and any handler may call it.
func (l *Loop[M]) Stop() {
	l.stopped.Swap(true) // see msgq.WakeWord.Arm
	l.word.Notify()      // fails only when the loop is closed, and nobody sleeps
}

// takeStop reports whether Stop was called since it last did so.
func (l *Loop[M]) takeStop() bool {
	return l.stopped.Load() && l.stopped.Swap(false)
}

// Sender returns the value through which any goroutine sends messages to the
// loop. A burst of messages costs one wake, and none while the loop is awake.
func (l *Loop[M]) Sender() msgq.Sender[M] { return l.queue.Sender() }

// NewProducer returns a way of sending to the loop for one goroutine at a time,
// which no other sender disturbs, with room for capacity messages; see
// [msgq.Queue.NewProducer]. Any goroutine may call it.
func (l *Loop[M]) NewProducer(capacity int) *msgq.Producer[M] { return l.queue.NewProducer(capacity) }

// Poll returns the Poll below, whose Rearm is for plain descriptors registered
// with the loop. Do not Wait on it, and do not register with it: the loop drops
// events of registrations that it has not made.
func (l *Loop[M]) Poll() *Poll { return l.poll }

// Close ends the loop: senders get [msgq.ErrClosed], signals are given back,
// registrations are forgotten, and messages and timers that have not been
// handled are dropped. To lose no message, Stop and call RunOnce until it
// returns 0. Registered descriptors stay open. A handler may call Close; Run
// then returns [os.ErrClosed]. Closing again does nothing and returns nil.
func (l *Loop[M]) Close() error {
	l.closed = true
	l.next, l.count = 0, 0
	l.queue.Close() // it could fail only to wake the loop, which is here
	l.table, l.processes = table{}, processTable{}
	return errors.Join(l.closeSignals(), l.poll.Close())
}
