//go:build windows

package reactor

import (
	"math"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/metalio/metalio"
)

// selector is a completion port and the AFD polls that complete to it.
//
// AFD is the driver behind Winsock. A poll of it is a request about one socket
// that completes once, at the first of the events asked for, or at once if one
// is there already. So each registration has a record and at most one poll in
// flight, and what looks like Level is a new poll for each Wait. Edge leaves
// what has been reported out of the next poll until rearm; OneShot leaves out
// everything until reregister.
//
// Changing what a poll in flight asks for takes a cancellation and a new poll,
// so changes are collected in a queue and carried out just before wait sleeps,
// by when most have come to nothing. Only a change that comes while wait sleeps
// is carried out at once.
type selector struct {
	port    uintptr
	stopped atomic.Bool

	mu       sync.Mutex // guards what follows, to lastWakeup
	waiting  bool       // wait sleeps, or is about to
	slab     afdSlab
	bySocket socketTable[uint32] // the slot of each socket that has one
	queue    []uint32            // slots whose poll is not what it should be
	helpers  []uintptr           // AFD handles: one for pollsPerHelper slots, 0 for none yet
	inFlight int                 // packets that the port owes or holds for records

	wakeups    map[uintptr]*wakeup
	lastWakeup uintptr

	packets waitPackets // nil where the system has none
	timer   portTimer   // of wait

	entries [256]metalio.OverlappedEntry // of wait
}

// What a packet of the port is about.
const (
	keyPoll   uintptr = iota // a record: its word
	keyWakeup                // a wakeup: its id
	keyExit                  // an exit: its id
	keyTimer                 // the timer: which arming
	keyStop                  // interrupt
)

// pollsPerHelper bounds the cost of cancelling a poll. On Windows that grows with
// about the square of the number of polls that were started through the same
// handle, as the authors of trio found, who let 500 share one; wepoll and mio let
// 32, as is done here, since a handle costs little. BenchmarkChangePoll measures
// it. Under Wine 8 the number makes no difference that shows, so the figures to
// choose by have to come from Windows: the public workflow prints them.
const pollsPerHelper = 32

func (s *selector) open(cfg PollConfig) error {
	if errno := startWinsock(); errno != 0 {
		return errno
	}
	// A port lets no more threads run than it is told, and goes on counting the
	// thread that took a packet last, whatever goroutine is on it by now. So
	// there must be no limit.
	port, errno := metalio.CreateIoCompletionPort(metalio.INVALID_HANDLE_VALUE, 0, 0, math.MaxUint32)
	if errno != 0 {
		return errno
	}
	s.port = port
	s.wakeups = make(map[uintptr]*wakeup)
	s.packets = systemPackets()
	s.timer.open(s.packets, port)
	if errno := s.prepare(cfg.Capacity); errno != 0 {
		s.close()
		return errno
	}
	return nil
}

// prepare makes room for capacity registrations, and fails where there is no
// AFD.
func (s *selector) prepare(capacity int) syscall.Errno {
	for len(s.slab.watched) < max(capacity, 1) {
		if errno := s.grow(); errno != 0 {
			return errno
		}
	}
	afd, errno := s.helper(0)
	if errno == 0 {
		callsFound.Do(func() { s.findCalls(afd) })
	}
	return errno
}

var callsFound sync.Once

// findCalls makes the calls that a Poll may make for the first time long after it
// was set up: package windows looks each one up, and allocates, when it is first
// made. What they answer does not matter.
func (s *selector) findCalls(afd uintptr) {
	metalio.PostQueuedCompletionStatus(s.port, 0, keyStop, 0)
	var packets uint32
	metalio.GetQueuedCompletionStatusEx(s.port, s.entries[:1], &packets, 0, 0)
	var iosb metalio.IOStatusBlock
	metalio.NtCancelIoFileEx(afd, &iosb, &iosb)
}

// grow makes room for one more chunk of records.
func (s *selector) grow() syscall.Errno {
	if errno := s.slab.grow(); errno != 0 {
		return errno
	}
	slots := len(s.slab.watched)
	s.helpers = append(s.helpers, make([]uintptr, slots/pollsPerHelper-len(s.helpers))...)
	s.queue = append(make([]uint32, 0, slots), s.queue...)
	return 0
}

// helper returns the AFD handle for the polls of slot. It is opened at first use
// and kept, so that registering again and again does not open one each time.
func (s *selector) helper(slot uint32) (uintptr, syscall.Errno) {
	h := &s.helpers[slot/pollsPerHelper]
	if *h != 0 {
		return *h, 0
	}
	afd, errno := openAFD(s.port)
	*h = afd
	return afd, errno
}

func (s *selector) register(fd FD, token Token, interest Interest, mode Mode) syscall.Errno {
	// Wine answers SIO_BASE_HANDLE for whatever it is asked about.
	if !isSocket(fd) {
		return refusal(fd, metalio.WSAENOTSOCK)
	}
	base, errno := baseSocket(fd, askProvider)
	if errno != 0 {
		return refusal(fd, errno)
	}
	rival, errno := s.add(fd, base, token, interest, mode)
	// The rival may not know yet that its socket is closed and that the number
	// belongs to another one now.
	if errno == syscall.EBUSY && rival.owner.forgetClosed(rival.slot, base) {
		_, errno = s.add(fd, base, token, interest, mode)
	}
	return errno
}

// add makes a registration. EBUSY is the answer if rival has it already.
func (s *selector) add(fd FD, base uintptr, token Token, interest Interest, mode Mode) (rival claim, errno syscall.Errno) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slot, ok := s.lookup(fd); ok {
		if !s.slab.record(slot).sawClose() {
			return claim{}, syscall.EEXIST
		}
		s.forget(slot)
	}
	slot, errno := s.slotFor(fd)
	if errno != 0 {
		return claim{}, errno
	}
	if rival = claimSocket(base, claim{s, slot}); rival.owner != nil {
		s.releaseIdle(slot)
		return rival, syscall.EBUSY
	}
	w := &s.slab.watched[slot]
	w.base, w.registered = base, true
	if errno := s.change(slot, token, interest, mode); errno != 0 {
		s.forget(slot)
		return claim{}, errno
	}
	return claim{}, 0
}

// slotFor takes a slot for fd: the one it had, if the packet of its last poll
// has not come yet, so that there are never two polls of it in flight.
func (s *selector) slotFor(fd FD) (uint32, syscall.Errno) {
	if slot, ok := s.bySocket.get(fd); ok {
		return slot, 0
	}
	if len(s.slab.free) == 0 {
		if errno := s.grow(); errno != 0 {
			return 0, errno
		}
	}
	slot := s.slab.take()
	if _, errno := s.helper(slot); errno != 0 {
		s.slab.give(slot)
		return 0, errno
	}
	s.slab.watched[slot].fd = fd
	s.bySocket.put(fd, slot)
	return slot, 0
}

// lookup returns the slot of a registered socket.
func (s *selector) lookup(fd FD) (uint32, bool) {
	slot, ok := s.bySocket.get(fd)
	return slot, ok && s.slab.watched[slot].registered
}

// lookupOpen is lookup that gives up a socket which has been closed, if that
// is known already.
func (s *selector) lookupOpen(fd FD) (uint32, syscall.Errno) {
	slot, ok := s.lookup(fd)
	if !ok {
		return 0, unknownSocket(fd)
	}
	if s.slab.record(slot).sawClose() {
		s.forget(slot)
		return 0, syscall.EBADF
	}
	return slot, 0
}

func (s *selector) reregister(fd FD, token Token, interest Interest, mode Mode) syscall.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	slot, errno := s.lookupOpen(fd)
	if errno != 0 {
		return errno
	}
	return s.change(slot, token, interest, mode)
}

func (s *selector) deregister(fd FD) syscall.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	slot, errno := s.lookupOpen(fd)
	if errno != 0 {
		return errno
	}
	s.forget(slot)
	return 0
}

// rearm is for Edge: the other modes poll again without being told. As on
// systems where it has nothing to do, a socket that is not registered is no
// error: the owner of a source need not know that it was deregistered.
func (s *selector) rearm(fd FD, blocked Interest) syscall.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	slot, ok := s.lookup(fd)
	if !ok {
		return 0
	}
	r := s.slab.record(slot)
	blocked &= s.slab.watched[slot].interest
	if r.mode != Edge || blocked == 0 {
		return 0
	}
	r.armed |= blocked | hangup
	errno := s.update(slot)
	if errno != 0 {
		// Sources have nobody to tell: the next wait tries again.
		s.enqueue(slot)
	}
	return errno
}

// change replaces what slot waits for.
func (s *selector) change(slot uint32, token Token, interest Interest, mode Mode) syscall.Errno {
	r := s.slab.record(slot)
	r.token, r.mode, r.armed = token, mode, interest|hangup
	s.slab.watched[slot].interest = interest
	return s.update(slot)
}

// update sees to it that the poll of slot asks for what is armed, before wait
// sleeps or, if it does so now, at once.
func (s *selector) update(slot uint32) syscall.Errno {
	if s.waiting {
		return s.apply(slot)
	}
	s.enqueue(slot)
	return 0
}

// enqueue leaves slot to the next wait. A slot that is freed, or freed and taken
// again, stays in the queue, so that there is room for all.
func (s *selector) enqueue(slot uint32) {
	w := &s.slab.watched[slot]
	if !w.queued {
		w.queued = true
		s.queue = append(s.queue, slot)
	}
}

// apply starts a poll of slot if none is in flight, and cancels one that asks
// for too little; its packet puts slot in the queue again.
func (s *selector) apply(slot uint32) syscall.Errno {
	r := s.slab.record(slot)
	switch {
	case r.state == pollIdle:
		return s.start(slot)
	case r.state == pollPending && r.armed&^r.asked != 0:
		return r.cancelPoll(s.helpers[slot/pollsPerHelper])
	}
	return 0
}

func (s *selector) start(slot uint32) syscall.Errno {
	r, w := s.slab.record(slot), &s.slab.watched[slot]
	status := r.startPoll(s.helpers[slot/pollsPerHelper], w.base, s.slab.word(slot))
	if status.Failed() {
		r.iosb.Status = status
		return status.Errno()
	}
	r.state = pollPending
	s.inFlight++
	return 0
}

// forget ends a registration. The record stays until the kernel has done with
// it.
func (s *selector) forget(slot uint32) {
	r, w := s.slab.record(slot), &s.slab.watched[slot]
	w.registered = false
	if r.state == pollPending {
		// If it cannot be cancelled the packet comes when it comes.
		r.cancelPoll(s.helpers[slot/pollsPerHelper])
		r.state = pollCancelled
	}
	// Not before: another Poll could begin to poll the socket beside this one.
	unclaimSocket(w.base)
	s.releaseIdle(slot)
}

// releaseIdle gives up the slot of an ended registration, unless the kernel has
// its record.
func (s *selector) releaseIdle(slot uint32) {
	if s.slab.record(slot).state == pollIdle {
		s.bySocket.remove(s.slab.watched[slot].fd)
		s.slab.give(slot)
	}
}

// forgetClosed ends the registration in slot if it is of base and base has been
// closed.
func (s *selector) forgetClosed(slot uint32, base uintptr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Closed meanwhile, it has no records.
	if uint64(slot) >= uint64(len(s.slab.watched)) {
		return true
	}
	w := &s.slab.watched[slot]
	if !w.registered || w.base != base {
		return true
	}
	if !s.slab.record(slot).sawClose() {
		return false
	}
	s.forget(slot)
	return true
}

// look goes on while there are packets: behind those that were no events there
// may be one.
func (s *selector) look(events []Event) (int, syscall.Errno) { return s.wait(events, 0) }

func (s *selector) sleep(events []Event, timeout time.Duration) (int, syscall.Errno) {
	return s.wait(events, timeout)
}

// wait looks at the clock again after each call, because a timeout of the port
// may end up to a tick of the system's clock, 15.6 ms, too early.
func (s *selector) wait(events []Event, timeout time.Duration) (int, syscall.Errno) {
	start := time.Now()
	remaining := timeout
	for {
		// The packet of interrupt may have gone to a look before this sleep.
		if s.stopped.Load() {
			return 0, 0
		}
		n, packets, errno := s.turn(events, portTimeout(s.timer.limit(start.Add(timeout), remaining)))
		if n > 0 || errno != 0 {
			return n, errno
		}
		if timeout < 0 {
			continue
		}
		remaining = max(timeout-time.Since(start), 0)
		// Behind packets that were no events there may be one.
		if remaining == 0 && packets == 0 {
			return 0, 0
		}
	}
}

// portTimeout rounds up to milliseconds. INFINITE, 49.7 days, is for ever; what
// is longer goes round in wait.
func portTimeout(d time.Duration) uint32 {
	if d < 0 {
		return metalio.INFINITE
	}
	ms := d / time.Millisecond
	if d%time.Millisecond != 0 {
		ms++
	}
	return uint32(min(ms, metalio.INFINITE-1))
}

// turn takes packets off the port once, and makes events of those that are any.
func (s *selector) turn(events []Event, ms uint32) (n int, packets uint32, errno syscall.Errno) {
	if errno := s.beginWaiting(); errno != 0 {
		return 0, 0, errno
	}
	room := s.entries[:min(len(events), len(s.entries))]
	errno = metalio.GetQueuedCompletionStatusEx(s.port, room, &packets, ms, 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = false
	if errno == metalio.WAIT_TIMEOUT {
		return 0, 0, 0
	}
	if errno != 0 {
		return 0, 0, errno
	}
	for i := range room[:packets] {
		if ev, ok := s.translate(&room[i]); ok {
			events[n] = ev
			n++
		}
	}
	return n, packets, 0
}

// beginWaiting carries out the changes in the queue.
func (s *selector) beginWaiting() syscall.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, slot := range s.queue {
		s.slab.watched[slot].queued = false
		if !s.slab.watched[slot].registered {
			continue
		}
		if errno := s.apply(slot); errno != 0 && !s.reportFailure(slot) {
			s.slab.watched[slot].queued = true
			s.queue = append(s.queue[:0], s.queue[i:]...)
			return errno
		}
	}
	s.queue = s.queue[:0]
	s.waiting = true
	return 0
}

// reportFailure makes an event of a poll that could not be started, by the packet
// that the kernel did not send, so that one bad socket does not keep the others
// waiting. It gives up a socket that was closed.
func (s *selector) reportFailure(slot uint32) bool {
	r, w := s.slab.record(slot), &s.slab.watched[slot]
	if r.state != pollIdle {
		return false
	}
	if !isSocket(w.fd) {
		s.forget(slot)
		return true
	}
	if metalio.PostQueuedCompletionStatus(s.port, 0, keyPoll, s.slab.word(slot)) != 0 {
		return false
	}
	r.state = pollPending
	s.inFlight++
	return true
}

// translate makes an event of a packet, unless it is of something that has
// ended.
func (s *selector) translate(e *metalio.OverlappedEntry) (Event, bool) {
	switch e.Key {
	case keyPoll:
		if slot, ok := s.slab.find(e.Overlapped); ok {
			return s.complete(slot)
		}
	case keyWakeup:
		if w, ok := s.wakeups[e.Overlapped]; ok {
			// Before the event is reported: a wake from here on is another.
			w.posted.Store(false)
			return Event{w.token, readyReadable}, true
		}
	case keyExit:
		if x := findExit(e.Overlapped); x != nil {
			return x.report()
		}
	case keyTimer:
		s.timer.arrived(e.Overlapped)
	}
	return Event{}, false
}

// complete takes the record of slot back from the kernel.
func (s *selector) complete(slot uint32) (Event, bool) {
	r, w := s.slab.record(slot), &s.slab.watched[slot]
	dropped := r.state == pollCancelled
	r.state = pollIdle
	s.inFlight--
	if !w.registered {
		s.releaseIdle(slot)
		return Event{}, false
	}
	s.enqueue(slot)
	if dropped {
		return Event{}, false
	}
	found := r.found(r.iosb.Status)
	if found&metalio.AFD_POLL_LOCAL_CLOSE != 0 {
		s.forget(slot)
		return Event{}, false
	}
	found &= afdBits(r.armed)
	if found == 0 {
		return Event{}, false
	}
	switch r.mode {
	case Edge:
		r.armed &^= afdDirections(found)
	case OneShot:
		r.armed = 0
	}
	return Event{r.token, afdReady(found, w.interest)}, true
}

func (s *selector) interrupt() {
	s.stopped.Store(true)
	postUntilDone(s.port, keyStop, 0)
}

func (s *selector) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for slot := range s.slab.watched {
		if s.slab.watched[slot].registered {
			s.forget(uint32(slot))
		}
	}
	s.drain()
	s.timer.close()
	for _, afd := range s.helpers {
		if afd != 0 {
			metalio.CloseHandle(afd)
		}
	}
	metalio.CloseHandle(s.port)
	// Memory that the kernel may write to is better lost than used twice.
	if s.inFlight == 0 {
		s.slab.freeAll()
	}
}

// drain takes the packets of cancelled polls off the port. They are there
// already, or on their way from a driver that has been told.
func (s *selector) drain() {
	const patience = 5000 // milliseconds
	for s.inFlight > 0 {
		var packets uint32
		if metalio.GetQueuedCompletionStatusEx(s.port, s.entries[:], &packets, patience, 0) != 0 {
			return
		}
		for i := range s.entries[:packets] {
			s.translate(&s.entries[i])
		}
	}
}
