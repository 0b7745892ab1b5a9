//go:build unix && (!linux || kqueue_sim)

package reactor

import (
	"math"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/metalio/metalio"
)

// selector is a kqueue, kqueue(2).
//
// A kqueue has one entry, called a knote, for each pair of an identifier and a
// filter, so that a descriptor with two interests is two knotes, which report,
// fire and fail each by itself. Adding a knote that is there changes it, and a
// knote goes silently when its descriptor is closed. What epoll answers (EEXIST,
// ENOENT, one event for a one-shot registration) therefore needs a table here.
type selector struct {
	kq int

	// mu guards what follows. It is held across the changes to one
	// descriptor's knotes, so that these and the table agree.
	mu         sync.Mutex
	registered fdTable
	users      uintptr // how many identifiers addUser has given out
	stop       wakeup
}

func (s *selector) open(cfg PollConfig) error {
	kq, errno := metalio.RawKqueue()
	if errno != 0 {
		return errno
	}
	// No child of fork has this descriptor, kqueue(2), so only an exec of
	// this very process could inherit it.
	if _, errno := metalio.RawFcntl(kq, metalio.F_SETFD, metalio.FD_CLOEXEC); errno != 0 {
		metalio.Close(kq)
		return errno
	}
	s.kq = kq
	s.registered = newFDTable(cfg.Capacity)

	// Without EV_CLEAR it stays triggered. It is added now because interrupt
	// must not fail. Its token is never seen: whoever is woken by it finds
	// the Poll closed.
	if errno := s.stop.openWith(s, 0, 0); errno != 0 {
		metalio.Close(kq)
		return errno
	}
	return nil
}

func (s *selector) register(fd FD, token Token, interest Interest, mode Mode) syscall.Errno {
	if errno := checkWatchable(fd, interest); errno != 0 {
		return errno
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.registered.get(fd); old.interest != 0 {
		if s.isThere(fd, old) {
			return syscall.EEXIST
		}
		// Its descriptor was closed, and the number means another file.
		s.remove(fd, old, old.interest)
		s.registered.set(fd, registered{})
	}
	return s.replace(fd, registered{}, registered{token: token, interest: interest, mode: mode})
}

func (s *selector) reregister(fd FD, token Token, interest Interest, mode Mode) syscall.Errno {
	if errno := checkInterest(interest); errno != 0 {
		return errno
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.registered.get(fd)
	if old.interest == 0 {
		return whyUnknown(fd)
	}
	return s.replace(fd, old, registered{token: token, interest: interest, mode: mode})
}

func (s *selector) deregister(fd FD) syscall.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.registered.get(fd)
	if old.interest == 0 {
		return whyUnknown(fd)
	}
	s.registered.set(fd, registered{})
	return s.remove(fd, old, old.interest)
}

// isThere reports whether the kernel still has a registration. It does not know
// of one whose knotes have all fired as one-shot, which is taken to be there.
func (s *selector) isThere(fd FD, r registered) bool {
	ask := r.interest &^ r.fired
	if r.readerGone {
		ask &^= Writable
	}
	// To enable what is enabled changes nothing, and fails if it is not there.
	return s.change(fd, ask, metalio.EV_ENABLE, r.token) != syscall.ENOENT
}

// replace makes the registration old into next, or leaves it as it was.
func (s *selector) replace(fd FD, old, next registered) syscall.Errno {
	// A kernel may keep the mode of a knote that is added again, so that
	// another mode takes another knote. In the same mode, adding again sets
	// the token and looks again at the descriptor.
	stale := old.interest
	if old.mode == next.mode {
		stale &^= next.interest
	}
	if old.readerGone {
		// macOS does not answer EPIPE to a knote that is there, and the
		// event that stands in would stay, with the old token.
		stale |= old.interest & Writable
	}
	errno := s.remove(fd, old, stale)
	if errno == 0 {
		errno = s.add(fd, &next)
	}
	if errno != 0 {
		s.remove(fd, next, next.interest)
		if old.interest != 0 {
			// Fails only for a reason that would fail next as well, such
			// as a descriptor that is closed.
			s.add(fd, &old)
			s.registered.set(fd, old)
		}
		return errno
	}
	s.registered.set(fd, next)
	return 0
}

// add adds a knote for each of r's interests, and no other: some descriptors
// can be read but refuse the write filter.
func (s *selector) add(fd FD, r *registered) syscall.Errno {
	errno := s.change(fd, r.interest, metalio.EV_ADD|modeFlags(r.mode), r.token)
	if errno == syscall.EBADF && r.interest&Writable != 0 && isPipe(fd) {
		errno = syscall.EPIPE // as NetBSD calls it, pipe_kqfilter in sys/kern/sys_pipe.c
	}
	if errno != syscall.EPIPE {
		return errno
	}
	// The descriptor is a pipe whose other end is closed. macOS adds the knote
	// in spite of what it answers. The others do not, so that an event stands in
	// for the one that Writable is owed.
	if r.interest&Writable == 0 {
		return 0
	}
	if !metalio.HasUserEvents {
		return errno
	}
	return s.standIn(fd, r)
}

// standIn has a user event report that nobody reads the pipe fd any more.
func (s *selector) standIn(fd FD, r *registered) syscall.Errno {
	r.readerGone = true
	u := s.readerGone(fd, r.token)
	if errno := u.change(metalio.EV_ADD | modeFlags(r.mode)); errno != 0 {
		return errno
	}
	return u.trigger()
}

// remove deletes the knotes of some of r's interests. Those that have fired as
// one-shot are gone, and so are all if the number means another file by now.
func (s *selector) remove(fd FD, r registered, interest Interest) syscall.Errno {
	if r.readerGone && interest&Writable != 0 {
		u := s.readerGone(fd, r.token)
		u.change(metalio.EV_DELETE) // ENOENT if it has fired
	}
	errno := s.change(fd, interest, metalio.EV_DELETE, r.token)
	if errno == syscall.ENOENT {
		return 0
	}
	return errno
}

// modeFlags says how a knote of a registration fires. OneShot over several
// knotes is completed by settle.
func modeFlags(mode Mode) int {
	switch mode {
	case Edge:
		return metalio.EV_CLEAR
	case OneShot:
		return metalio.EV_ONESHOT
	}
	return 0
}

var directions = [...]Interest{Readable, Writable, Priority}

// change makes the same change to the knotes of some of fd's directions, in one
// call that fetches no event. It answers ENOENT or EPIPE only if no knote was
// refused for another reason.
func (s *selector) change(fd FD, interest Interest, flags int, token Token) syscall.Errno {
	var changes, receipts [len(directions)]metalio.KeventT
	n := 0
	for _, d := range directions {
		if interest&d == 0 {
			continue
		}
		c := &changes[n]
		n++
		set(&c.Ident, fd)
		set(&c.Filter, filterOf(d))
		set(&c.Flags, flagsFor(d, flags)|metalio.EV_RECEIPT)
		set(&c.Udata, token)
		if d == Priority {
			set(&c.Fflags, priorityNote)
		}
	}
	if n == 0 {
		return 0
	}
	// Room for one receipt each and no more: pending events stay where they are.
	got, errno := metalio.RawKevent(s.kq, changes[:n], receipts[:n], &metalio.Timespec{})
	if errno != 0 && errno != syscall.EINTR { // EINTR: the changes are made, kevent(2)
		return errno
	}
	return refusal(receipts[:max(got, 0)])
}

// refusal is the error among receipts. FreeBSD before 12 leaves EV_ERROR out of
// the receipt of a change that succeeded.
func refusal(receipts []metalio.KeventT) (mild syscall.Errno) {
	for i := range receipts {
		r := &receipts[i]
		if r.Flags&metalio.EV_ERROR == 0 {
			continue
		}
		switch errno := syscall.Errno(r.Data); errno {
		case 0:
		case syscall.ENOENT, syscall.EPIPE:
			mild = errno
		default:
			return errno
		}
	}
	return mild
}

// filterOf returns the filter that reports a direction.
func filterOf(d Interest) int {
	switch d {
	case Readable:
		return metalio.EVFILT_READ
	case Writable:
		return metalio.EVFILT_WRITE
	}
	return priorityFilter
}

type integer interface {
	~int | ~int16 | ~int32 | ~int64 | ~uint16 | ~uint32 | ~uint64 | ~uintptr | ~uint8
}

// set assigns to a field of KeventT, whose types are not the same on every
// system: NetBSD's filters and flags are 32 bits wide and have no sign.
func set[F, V integer](field *F, value V) { *field = F(value) }

// checkWatchable refuses what epoll refuses, so that programs meet the same
// limits everywhere.
func checkWatchable(fd FD, interest Interest) syscall.Errno {
	if _, errno := statusFlags(fd); errno != 0 {
		return errno
	}
	if isAlwaysReady(fd) {
		return syscall.EPERM
	}
	return checkInterest(interest)
}

// isPipe reports whether fd is an open pipe or FIFO.
func isPipe(fd FD) bool {
	var st syscall.Stat_t
	return syscall.Fstat(int(fd), &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFIFO
}

// whyUnknown is the error for a descriptor that is not in the table.
func whyUnknown(fd FD) syscall.Errno {
	if _, errno := statusFlags(fd); errno != 0 {
		return errno
	}
	return syscall.ENOENT
}

// rearm has nothing to do: the kernel sees for itself that a read or write
// found nothing.
func (s *selector) rearm(FD, Interest) syscall.Errno { return 0 }

func (s *selector) interrupt() { s.stop.wake() }

func (s *selector) close() {
	s.stop.close(s)
	metalio.Close(s.kq)
}

// maxRecords is more than anybody waits for, and fits in a C int.
const maxRecords = 1 << 20

// look is a raw call, since it cannot sleep.
func (s *selector) look(events []Event) (int, syscall.Errno) {
	n, errno := collected(metalio.RawKevent(s.kq, nil, kernelRecords(events), &metalio.Timespec{}))
	return s.settle(events[:n]), errno
}

func (s *selector) sleep(events []Event, timeout time.Duration) (int, syscall.Errno) {
	if timeout < 0 {
		return s.sleepForEver(events)
	}
	return s.sleepFor(events, timeout)
}

func (s *selector) sleepForEver(events []Event) (int, syscall.Errno) {
	for {
		n, errno := s.sleepOnce(events, nil)
		if n > 0 || errno != 0 {
			return n, errno
		}
	}
}

// sleepOnce may end before its time without an event.
func (s *selector) sleepOnce(events []Event, timeout *metalio.Timespec) (int, syscall.Errno) {
	n, errno := collected(metalio.Kevent(s.kq, nil, kernelRecords(events), timeout))
	return s.settle(events[:n]), errno
}

// longestSleep is what every kernel takes: macOS answers EINVAL to the seconds
// of a long [time.Duration], and elsewhere they may not fit in a time_t.
const longestSleep = 1e6 * time.Second

// sleepFor sleeps for timeout, in as many calls as signals and longestSleep make
// of it. What remains is the timeout minus the time since the start, which
// cannot overflow as an absolute deadline could.
func (s *selector) sleepFor(events []Event, timeout time.Duration) (int, syscall.Errno) {
	start := time.Now()
	for remaining := timeout; remaining > 0; remaining = timeout - time.Since(start) {
		d := min(remaining, longestSleep)
		ts := metalio.Timespec{
			Sec:  metalio.TimeT(d / time.Second),
			Nsec: metalio.Long(d % time.Second),
		}
		n, errno := s.sleepOnce(events, &ts)
		if n > 0 || errno != 0 {
			return n, errno
		}
	}
	return 0, 0
}

// collected makes nothing of what ends a call without an event: a signal, and
// the ETIMEDOUT that macOS has been seen to answer.
func collected(n int, errno syscall.Errno) (int, syscall.Errno) {
	if errno == syscall.EINTR || errno == syscall.ETIMEDOUT {
		return 0, 0
	}
	return max(n, 0), errno
}

// settle makes one event of what the knotes of a OneShot registration have
// reported, silences those that have not, and returns how many events remain.
// It also looks after pipes that nobody reads, and after Priority.
//
// An event may be of an arming that Reregister has replaced since the kernel
// delivered it. If its token and direction are those of the new one, the caller
// cannot tell either, and handles it as the new one's; if not, it is passed on
// and changes nothing.
func (s *selector) settle(events []Event) int {
	if !anyToSettle(events) {
		return len(events)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := 0
	for _, ev := range events {
		s.markPriority(&ev)
		if ev.isOrdinaryData() || s.outlived(&ev) || s.merge(events[:kept], &ev) {
			continue
		}
		events[kept] = ev
		kept++
	}
	for i := range events[:kept] {
		s.silence(&events[i])
		s.succeed(&events[i])
		s.repeatPriority(&events[i])
	}
	return kept
}

func anyToSettle(events []Event) bool {
	for i := range events {
		if events[i].isOneShot() || isReaderGone(&events[i].rec) || isPriority(&events[i].rec) {
			return true
		}
	}
	return false
}

// markPriority gives an event of a OneShot registration the flag that its knote
// has not, see flagsFor.
func (s *selector) markPriority(ev *Event) {
	if !isPriority(&ev.rec) {
		return
	}
	if r := s.armed(ev); r != nil && !ev.isOrdinaryData() {
		ev.rec.Flags |= metalio.EV_ONESHOT
	}
}

// repeatPriority has the next look report a Level registration again, if there is
// out-of-band data still.
func (s *selector) repeatPriority(ev *Event) {
	if !isPriority(&ev.rec) {
		return
	}
	fd := FD(ev.rec.Ident)
	r := s.registered.at(fd)
	if r != nil && r.mode == Level && r.token == ev.Token() && r.interest&Priority != 0 {
		// Added again, the knote looks again at the descriptor.
		s.change(fd, Priority, metalio.EV_ADD, r.token)
	}
}

// outlived deletes the user event that ev is of if its descriptor has been closed,
// of which the kernel tells only filters of descriptors.
func (s *selector) outlived(ev *Event) bool {
	if !isReaderGone(&ev.rec) {
		return false
	}
	fd := FD(ev.rec.Ident)
	if _, errno := statusFlags(fd); errno == 0 {
		return false
	}
	u := s.readerGone(fd, ev.Token())
	u.change(metalio.EV_DELETE) // ENOENT if it was one-shot
	return true
}

// succeed has a user event take over from a write filter that has reported for
// the last time, though its registration is not OneShot: when the last reader of
// a pipe closes it, FreeBSD makes the filter one-shot (pipeclose in
// sys/kern/sys_pipe.c, knlist_cleardel in kern_event.c).
func (s *selector) succeed(ev *Event) {
	if !metalio.HasUserEvents || !ev.isOneShot() || ev.rec.Filter != metalio.EVFILT_WRITE {
		return
	}
	fd := FD(ev.rec.Ident)
	r := s.registered.at(fd)
	if r == nil || r.mode == OneShot || r.token != ev.Token() || r.interest&Writable == 0 || r.readerGone {
		return
	}
	if s.change(fd, Writable, metalio.EV_ENABLE, r.token) != syscall.ENOENT {
		return // registered anew since the kernel has reported it
	}
	r.readerGone = true
	if r.mode == Level {
		// Should the kernel have no memory for it, the event is the last one.
		s.standIn(fd, r)
	}
}

// merge adds ev to the event of the same arming among earlier, if there is one.
func (s *selector) merge(earlier []Event, ev *Event) bool {
	if !ev.isOneShot() {
		return false
	}
	ev.clearExtra()
	r := s.armed(ev)
	if r == nil {
		return false
	}
	first := r.fired == 0
	r.fired |= ev.direction()
	if first {
		return false
	}
	for i := len(earlier) - 1; i >= 0; i-- {
		if e := &earlier[i]; e.isOneShot() && e.rec.Ident == ev.rec.Ident && e.Token() == ev.Token() {
			e.addExtra(ev.Ready())
			return true
		}
	}
	return false
}

// silence deletes the knotes of ev's arming that have not fired. It takes a
// call only for a registration of several directions.
func (s *selector) silence(ev *Event) {
	if !ev.isOneShot() {
		return
	}
	r := s.armed(ev)
	if r == nil {
		return
	}
	rest := r.interest &^ r.fired
	if r.readerGone { // two knotes report it on macOS
		rest |= Writable
	}
	rest |= r.interest & Priority // whose knote is not one-shot, see flagsFor
	s.remove(FD(ev.rec.Ident), *r, rest)
	r.fired = r.interest
}

// armed returns the registration that ev is of, as far as anybody can tell.
func (s *selector) armed(ev *Event) *registered {
	r := s.registered.at(FD(ev.rec.Ident))
	if r == nil || r.mode != OneShot || r.token != ev.Token() || r.interest&ev.direction() == 0 {
		return nil
	}
	return r
}

// kernelRecords is events as the kernel sees them, or as many of them as it
// takes. It is sound because Event is a struct of one KeventT and nothing else,
// and so has its size and layout.
func kernelRecords(events []Event) []metalio.KeventT {
	events = events[:min(len(events), maxRecords)]
	return unsafe.Slice((*metalio.KeventT)(unsafe.Pointer(unsafe.SliceData(events))), len(events))
}

// registered is what the kernel has been told about a descriptor. Without an
// interest it is nothing.
type registered struct {
	token    Token
	interest Interest
	mode     Mode

	// fired are the directions that a OneShot registration has reported.
	fired Interest

	// readerGone says that there is no write filter, and that a user event
	// stands in for it, unless that has fired for good.
	readerGone bool
}

// fdTable holds what is registered by descriptor. Descriptors are given out
// from the lowest number, so the table is about as long as the process has
// files open.
type fdTable struct{ slots []registered }

func newFDTable(capacity int) fdTable { return fdTable{make([]registered, capacity)} }

// at returns the place of fd, or nil if nothing was ever registered there.
func (t *fdTable) at(fd FD) *registered {
	if fd >= FD(len(t.slots)) {
		return nil
	}
	return &t.slots[fd]
}

func (t *fdTable) get(fd FD) registered {
	if r := t.at(fd); r != nil {
		return *r
	}
	return registered{}
}

// set stores r for fd, which the kernel has accepted, so that it is below the
// limit of open files. It allocates only for a higher number than ever before.
func (t *fdTable) set(fd FD, r registered) {
	if fd >= FD(len(t.slots)) {
		size := max(2*FD(len(t.slots)), 64)
		for size <= fd {
			size *= 2
		}
		slots := make([]registered, min(size, math.MaxInt32+1))
		copy(slots, t.slots)
		t.slots = slots
	}
	t.slots[fd] = r
}
