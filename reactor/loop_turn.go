package reactor

import (
	"time"

	"github.com/metalio/metalio/slab"
)

// turn waits for up to timeout, handles what there is, each source up to its
// bound, and returns the number of methods called.
func (l *Loop[M]) turn(h Handler[M], timeout time.Duration) (int, error) {
	l.stats.Turns++
	l.clock.newTurn()
	if l.next == l.count {
		if err := l.gather(timeout); err != nil {
			return 0, err
		}
	}
	measured := l.clock.known || l.stats.Turns%sampledTurns == 0
	start := int64(0)
	if measured {
		start = l.clock.turn()
	}
	calls := l.handleEvents(h) + l.handleMessages(h) + l.handleTimers(h) + l.handleSignals(h)
	if measured {
		l.stats.TurnLag.add(time.Duration(l.clock.endTurn() - start))
	}
	return calls, nil
}

// sampledTurns is every how many turns one is measured that has no other use for
// the clock.
const sampledTurns = 8

// gather waits until something is ready, and takes the events.
func (l *Loop[M]) gather(timeout time.Duration) error {
	n, err := l.wait(l.untilTimer(timeout))
	if err != nil {
		return err
	}
	l.next, l.count = 0, n

	// What is due is decided before any handler runs, so that a timer which
	// a handler sets for now fires in the next turn.
	if l.wheel.Len() > 0 {
		l.wheel.Advance(l.clock.turn())
	}
	return nil
}

// wait returns also when messages, signals or Stop are pending.
func (l *Loop[M]) wait(timeout time.Duration) (int, error) {
	return l.poll.waitBeside(l, l.events, timeout)
}

// A Loop is the sources that its Poll waits for besides descriptors.

func (l *Loop[M]) pending() bool {
	if l.gathering() {
		return l.signals.Pending() || l.stopped.Load()
	}
	return len(l.messages) > 0 || l.queue.Pending() || l.signals.Pending() || l.stopped.Load()
}

// A loop that spins hears of each message at once, and would take the queue's
// lock and memory from the senders for every few of them: half the rate of a
// channel. So while they come in numbers it lets them gather, and looks at its
// descriptors meanwhile.
const (
	manyMessages = 4
	gatherTime   = int64(3 * time.Microsecond)
)

func (l *Loop[M]) gathering() bool {
	if l.gatherUntil != 0 && l.clock.read() >= l.gatherUntil {
		l.gatherUntil = 0
	}
	return l.gatherUntil != 0
}

func (l *Loop[M]) arm()    { l.word.Arm() }
func (l *Loop[M]) disarm() { l.word.Disarm() }

// untilTimer is timeout, or the time to the next timer if that is shorter.
func (l *Loop[M]) untilTimer(timeout time.Duration) time.Duration {
	deadline, ok := l.wheel.Next()
	if !ok {
		return timeout
	}
	d := max(time.Duration(deadline-l.clock.betweenTurns()), 0)
	if timeout < 0 {
		return d
	}
	return min(d, timeout)
}

func (l *Loop[M]) handleEvents(h Handler[M]) (calls int) {
	for l.next < l.count {
		ev := &l.events[l.next]
		l.next++ // first, for the case of a panic
		calls += l.handleEvent(h, ev)
	}
	return calls
}

// handleEvent calls the methods that an event is for. The registration is
// looked up again before Writable if Readable has run, which may have ended or
// changed it.
func (l *Loop[M]) handleEvent(h Handler[M], ev *Event) (calls int) {
	word := ev.Token()
	if word == wakeToken {
		l.stats.Wakes++
		return 0
	}
	l.stats.Events++
	ready := ev.Ready()
	if ready.IsExited() {
		return l.handleExit(h, slab.Key(word), ready)
	}
	methods := ready.methods()
	token, wanted := l.table.get(key(word))
	if methods&wanted&Readable != 0 {
		calls++
		l.stats.Readable++
		h.Readable(l, token, ready)
		if methods&Writable == 0 {
			return calls
		}
		token, wanted = l.table.get(key(word))
	}
	if methods&wanted&Writable != 0 {
		calls++
		l.stats.Writable++
		h.Writable(l, token, ready)
	}
	if calls == 0 {
		l.stats.Stale++
	}
	return calls
}

func (l *Loop[M]) handleMessages(h Handler[M]) (calls int) {
	for calls < l.cfg.MessagesPerTurn && l.takeMessages(l.cfg.MessagesPerTurn-calls) {
		taken := len(l.messages)
		calls += l.handleTaken(h)
		if l.cfg.Wait == Spin && taken < manyMessages {
			break // whoever sends them is at it
		}
	}
	l.queue.Take(0) // zeroes what it returned
	if l.cfg.Wait == Spin && calls >= manyMessages && calls < l.cfg.MessagesPerTurn {
		l.gatherUntil = l.clock.read() + gatherTime
	}
	return calls
}

// takeMessages reports whether there are messages to handle. Those that a panic
// has left come first.
func (l *Loop[M]) takeMessages(most int) bool {
	if l.closed {
		return false
	}
	if len(l.messages) == 0 {
		l.messages = l.queue.Take(most)
	}
	return len(l.messages) > 0
}

func (l *Loop[M]) handleTaken(h Handler[M]) (calls int) {
	for len(l.messages) > 0 && !l.closed {
		msg := l.messages[0]
		l.messages = l.messages[1:] // first, for the case of a panic
		calls++
		l.stats.Messages++
		h.Message(l, msg)
	}
	return calls
}

func (l *Loop[M]) handleTimers(h Handler[M]) (calls int) {
	for calls < l.cfg.TimersPerTurn && !l.closed {
		e, ok := l.wheel.Pop()
		if !ok {
			break
		}
		calls++
		l.stats.timeout(time.Duration(l.clock.turn() - e.Deadline))
		h.Timeout(l, Token(e.Token), e.Overruns)
	}
	return calls
}
