package reactor

import "time"

// Stats are counters of a [Loop] since it was made.
type Stats struct {
	Turns    uint64 // times that the loop has gone round
	Events   uint64 // descriptor events taken from the Poll
	Stale    uint64 // of these, how many were for no registration, or outside its interest by then
	Readable uint64 // calls of Readable
	Writable uint64 // calls of Writable
	Messages uint64 // calls of Message
	Timeouts uint64 // calls of Timeout
	Signals  uint64 // calls of Signal
	Wakes    uint64 // times that another goroutine has ended the loop's sleep

	Registered int // registrations at present
	Timers     int // pending timers at present
	Queued     int // messages waiting at present

	// TimerLag is how much later than its deadline each timer was handled:
	// what slow handlers and a busy machine add to every deadline.
	TimerLag LagHistogram

	// TurnLag is for how long turns, once awake, have kept the loop from
	// looking at its descriptors again: what a slow handler adds to the others'
	// latency. Measured are the turns that read the clock for timers, and every
	// eighth of the others.
	TurnLag LagHistogram
}

// timeout counts an expired timer that was late by lag.
func (s *Stats) timeout(lag time.Duration) {
	s.Timeouts++
	s.TimerLag.add(lag)
}

// Stats returns the counters. It belongs to the loop's goroutine, like all
// methods but Stop and Sender, and does not allocate.
func (l *Loop[M]) Stats() Stats {
	s := l.stats
	s.Wakes += l.poll.unparks
	s.Registered = l.table.len + l.processes.len()
	s.Timers = l.wheel.Len()
	s.Queued = l.queue.Len()
	return s
}
