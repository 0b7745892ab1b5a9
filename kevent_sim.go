//go:build linux && kqueue_sim

package metalio

import (
	"math"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// This file and kevent_sim_filter.go give Linux the two calls of kqueue(2), on
// real descriptors, so that code written for FreeBSD's kqueue can be run and
// debugged here. They follow FreeBSD's manual page, and its kernel
// (sys/kern/kern_event.c) where the page is silent. Under the tag kqueue_sim
// only; no program should be shipped with it.
//
// What is simulated: EVFILT_READ and EVFILT_WRITE of sockets, pipes, terminals
// and other descriptors that Linux can poll, EVFILT_PROC with NOTE_EXIT, and
// EVFILT_USER. All other filters are refused with EINVAL, and so are regular
// files, which Linux cannot poll.
//
// The tag kqueue_sim_macos beside it gives macOS's records and rules, and
// kqueue_sim_pipes NetBSD's wider records and no EVFILT_USER.
//
// Where it is not FreeBSD:
//
//   - The end of a connection, which Linux announces to both directions at once,
//     reports a write knote with EV_CLEAR again.
//   - The error in Fflags under EV_EOF is ECONNRESET whatever it is, because
//     Linux has no way to look at a socket's error that leaves it there.
//   - The close of a descriptor is noticed when its knotes are next looked at.
//     Closed and opened again as another descriptor without a file of its own
//     (eventfd, epoll), it is not noticed.
//   - The exit status is not in Data. A queue that is closed with a knote of
//     EVFILT_PROC leaves a descriptor open.
//   - Timeouts are rounded up to milliseconds.

// kqueue is one queue. Its descriptor is an epoll instance that has, edge-
// triggered, every descriptor with a read knote, and the doorbell and writers.
type kqueue struct {
	fd    int
	files []*watched // by descriptor
	users []*knote
	procs []*knote
	queue []*knote // those to be looked at by the next scan, in order
}

// watched is a descriptor and its knotes, one for each filter.
type watched struct {
	file       fileID
	generation uint32 // counts the files that the number has meant
	read       knote
	write      knote
	except     knote
}

// knote is an event that was added, kqueue(2): identified by Ident and Filter.
type knote struct {
	ev        KeventT // Flags, Fflags and Data are those to return
	added     bool
	disabled  bool
	queued    bool
	triggered bool // EVFILT_USER only
	pidfd     int  // EVFILT_PROC only
}

// kqueues are all queues by descriptor, those that were closed included. The
// mutex guards all that belongs to any of them: a queue hears of a write knote
// through whichever is looking.
var kqueues = struct {
	sync.Mutex
	byFD map[int]*kqueue
}{byFD: map[int]*kqueue{}}

// lock takes the mutex without sleeping for it: that would allocate now and
// then, and the tests of what is built on the simulation count allocations. It
// is held for a few microseconds, so that yielding is for when it is not.
func lock() {
	for i := 1; !kqueues.TryLock(); i++ {
		if i%1000 == 0 {
			runtime.Gosched()
		}
	}
}

// doorbell is always readable, and armed for one event in the epoll instance of
// a queue whose waiter has to look at it again. All queues share it, so that a
// queue owns no descriptor that closing it would leave open.
var doorbell, doorbellErrno = RawEventfd2(1, EFD_CLOEXEC|EFD_NONBLOCK)

// writers is an epoll instance that has, edge-triggered, every descriptor with a
// write knote in any queue. It is apart because an event of epoll does not say
// which of a descriptor's directions has changed. Entries stay in it until their
// file is closed.
var writers, writersErrno = RawEpollCreate1(EPOLL_CLOEXEC)

// What an event of a queue's epoll instance carries instead of a descriptor.
const (
	doorbellData = math.MaxUint64 - iota
	writersData
	processData
)

// RawKqueue opens an event queue and returns its descriptor, which is not
// close-on-exec. It is a simulation of kqueue(2).
func RawKqueue() (int, syscall.Errno) {
	if errno := max(doorbellErrno, writersErrno); errno != 0 {
		return -1, errno
	}
	fd, errno := RawEpollCreate1(0)
	if errno != 0 {
		return -1, errno
	}
	errno = epollPut(fd, doorbell, EPOLLONESHOT, doorbellData)
	if errno == 0 {
		errno = epollPut(fd, writers, EPOLLIN, writersData)
	}
	if errno != 0 {
		RawClose(fd)
		return -1, errno
	}
	lock()
	defer kqueues.Unlock()
	// A queue that had the number before has been closed.
	kqueues.byFD[fd] = &kqueue{fd: fd, queue: make([]*knote, 0, 256)}
	return fd, 0
}

// epollPut makes fd an entry of epfd, whether it is one or not.
func epollPut(epfd, fd int, bits uint32, data uint64) syscall.Errno {
	ev := EpollEvent{Events: bits}
	ev.SetData(data)
	errno := RawEpollCtl(epfd, EPOLL_CTL_ADD, fd, &ev)
	if errno == syscall.EEXIST {
		errno = RawEpollCtl(epfd, EPOLL_CTL_MOD, fd, &ev)
	}
	return errno
}

// Kevent makes the changes, then waits and returns how many of events it
// filled. It is a simulation of kevent(2).
func Kevent(kq int, changes, events []KeventT, timeout *Timespec) (int, syscall.Errno) {
	if timeout != nil && (timeout.Sec < 0 || timeout.Nsec < 0 || timeout.Nsec >= 1e9) {
		return -1, syscall.EINVAL
	}
	q, n, errno := apply(kq, changes, events)
	if errno != 0 {
		return -1, errno
	}
	// Results of changes are returned without events, and without room for
	// events there is nothing to wait for.
	if n > 0 || len(events) == 0 {
		return n, 0
	}
	return q.wait(events, timeout)
}

// RawKevent is Kevent, which the simulation enters the same way: the scheduler
// is told when there is something to sleep for.
func RawKevent(kq int, changes, events []KeventT, timeout *Timespec) (int, syscall.Errno) {
	return Kevent(kq, changes, events, timeout)
}

// apply makes the changes in order and puts what went wrong, and what
// EV_RECEIPT asks for, in events. Without room left it stops there.
func apply(kq int, changes, events []KeventT) (q *kqueue, n int, errno syscall.Errno) {
	lock()
	defer kqueues.Unlock()
	q = kqueues.byFD[kq]
	if q == nil || len(changes) > 0 && q.ring() != 0 {
		return nil, 0, syscall.EBADF
	}
	for i := range changes {
		c := &changes[i]
		errno := q.change(c)
		if errno == 0 && c.Flags&EV_RECEIPT == 0 {
			continue
		}
		if n == len(events) {
			return q, n, errno
		}
		events[n] = *c
		events[n].Flags = EV_ERROR
		events[n].Data = int64(errno)
		n++
	}
	return q, n, 0
}

// ring makes a waiter look again, once it gets the lock.
func (q *kqueue) ring() syscall.Errno {
	ev := EpollEvent{Events: EPOLLIN | EPOLLONESHOT}
	ev.SetData(doorbellData)
	return RawEpollCtl(q.fd, EPOLL_CTL_MOD, doorbell, &ev)
}

// flagsKept are those that a knote keeps from the change that added it, and
// returns with each event.
const flagsKept = EV_ONESHOT | EV_CLEAR | EV_DISPATCH

func (q *kqueue) change(c *KeventT) syscall.Errno {
	if HasKeptUdata && c.Flags&EV_ADD != 0 && c.Flags&EV_KEEPUDATA != 0 {
		return syscall.EINVAL
	}
	k, errno := q.find(c)
	if errno != 0 {
		return errno
	}
	if !k.added {
		if c.Flags&EV_ADD == 0 {
			return syscall.ENOENT
		}
		if errno := q.attach(k, c); errno != 0 {
			return errno
		}
	} else if c.Flags&EV_DELETE != 0 {
		q.drop(k)
		return 0
	}
	// EV_CLEAR and its like stay as they were when the knote was added.
	if c.Flags&EV_KEEPUDATA == 0 {
		k.ev.Udata = c.Udata
	}
	if c.Filter == EVFILT_USER {
		k.touch(c)
	}
	if c.Flags&EV_ENABLE != 0 {
		k.disabled = false
	} else if c.Flags&EV_DISABLE != 0 {
		k.disabled = true
	}
	q.look(k)
	return 0
}

// find returns the place of the knote that c is about, added or not.
func (q *kqueue) find(c *KeventT) (*knote, syscall.Errno) {
	switch c.Filter {
	case EVFILT_READ, EVFILT_WRITE, EVFILT_EXCEPT:
		w, errno := q.watched(c.Ident)
		switch {
		case errno != 0:
			return nil, errno
		case c.Filter == EVFILT_READ:
			return &w.read, 0
		case c.Filter == EVFILT_WRITE:
			return &w.write, 0
		case HasUrgentEvents:
			return &w.except, 0
		}
	case EVFILT_USER:
		if !HasUserEvents {
			return nil, syscall.EINVAL
		}
		return place(&q.users, c.Ident), 0
	case EVFILT_PROC:
		return place(&q.procs, c.Ident), 0
	}
	return nil, syscall.EINVAL
}

// watched returns the place of an open descriptor.
func (q *kqueue) watched(ident uintptr) (*watched, syscall.Errno) {
	if ident > math.MaxInt32 {
		return nil, syscall.EBADF
	}
	fd := int(ident)
	file, ok := identify(fd)
	if !ok {
		return nil, syscall.EBADF
	}
	for fd >= len(q.files) {
		q.files = append(q.files, nil)
	}
	w := q.files[fd]
	if w == nil {
		w = &watched{}
		q.files[fd] = w
	}
	if w.file != file {
		q.forget(w)
		w.file = file
		w.generation++
	}
	return w, 0
}

// forget drops the knotes of a descriptor that was closed.
func (q *kqueue) forget(w *watched) {
	q.drop(&w.read)
	q.drop(&w.write)
	q.drop(&w.except)
}

// place returns the place of the knote ident, or a free one.
func place(knotes *[]*knote, ident uintptr) *knote {
	var free *knote
	for _, k := range *knotes {
		if k.added && k.ev.Ident == ident {
			return k
		}
		if !k.added {
			free = k
		}
	}
	if free == nil {
		free = &knote{}
		*knotes = append(*knotes, free)
	}
	return free
}

// attach adds the knote.
func (q *kqueue) attach(k *knote, c *KeventT) syscall.Errno {
	pidfd, errno := 0, syscall.Errno(0)
	switch c.Filter {
	case EVFILT_PROC:
		pidfd, errno = q.attachProcess(int(c.Ident))
	case EVFILT_READ, EVFILT_WRITE, EVFILT_EXCEPT:
		errno = q.attachFile(int(c.Ident), int(c.Filter))
	}
	if errno != 0 && (errno != syscall.EPIPE || !addsInSpiteOfEPIPE) {
		return errno
	}
	*k = knote{ev: *c, added: true, pidfd: pidfd}
	k.ev.Flags &= flagsKept
	k.ev.Fflags, k.ev.Data = 0, 0
	if errno != 0 {
		q.look(k)
	}
	return errno
}

func (q *kqueue) attachProcess(pid int) (int, syscall.Errno) {
	pidfd, errno := RawPidfdOpen(pid, 0)
	if errno != 0 {
		return 0, errno
	}
	if refusesZombies && pollNow(pidfd)&POLLIN != 0 {
		RawClose(pidfd)
		return 0, syscall.ESRCH
	}
	if errno := epollPut(q.fd, pidfd, EPOLLIN|EPOLLET, processData); errno != 0 {
		RawClose(pidfd)
		return 0, errno
	}
	return pidfd, 0
}

func (q *kqueue) attachFile(fd, filter int) syscall.Errno {
	w := q.files[fd]
	unread := filter == EVFILT_WRITE && w.file.isPipe() && pollNow(fd)&POLLERR != 0
	if unread && !addsInSpiteOfEPIPE {
		return unreadPipe
	}
	var errno syscall.Errno
	if filter != EVFILT_WRITE {
		errno = epollPut(q.fd, fd, EPOLLIN|EPOLLRDHUP|EPOLLPRI|EPOLLET, uint64(w.generation)<<32|uint64(fd))
	} else {
		errno = epollPut(writers, fd, EPOLLOUT|EPOLLET, uint64(fd))
	}
	if errno == syscall.EPERM || errno == syscall.ELOOP {
		return syscall.EINVAL // Linux cannot poll it
	}
	if errno == 0 && unread {
		return syscall.EPIPE
	}
	return errno
}

func (q *kqueue) drop(k *knote) {
	if k.queued {
		for i, other := range q.queue {
			if other == k {
				copy(q.queue[i:], q.queue[i+1:])
				q.queue = q.queue[:len(q.queue)-1]
				break
			}
		}
	}
	if k.pidfd != 0 {
		RawClose(k.pidfd)
	}
	*k = knote{}
}

// look runs the knote's filter and queues it if there is something to report.
func (q *kqueue) look(k *knote) {
	if !k.added || k.disabled || k.queued || !k.run() {
		return
	}
	k.queued = true
	q.queue = append(q.queue, k)
}

// touch is how EVFILT_USER takes a change.
func (k *knote) touch(c *KeventT) {
	if c.Fflags&NOTE_TRIGGER != 0 {
		k.triggered = true
	}
	bits := c.Fflags &^ (NOTE_FFCOPY | NOTE_TRIGGER)
	switch c.Fflags & NOTE_FFCOPY {
	case NOTE_FFAND:
		k.ev.Fflags &= bits
	case NOTE_FFOR:
		k.ev.Fflags |= bits
	case NOTE_FFCOPY:
		k.ev.Fflags = bits
	}
	k.ev.Data = c.Data
	if c.Flags&EV_ADD == 0 && c.Flags&EV_CLEAR != 0 {
		k.reset()
	}
}

// reset is what EV_CLEAR does after an event was retrieved.
func (k *knote) reset() {
	k.triggered = false
	k.ev.Fflags, k.ev.Data = 0, 0
}

// scan puts what is ready in events.
func (q *kqueue) scan(events []KeventT) int {
	n, looked := 0, 0
	for count := len(q.queue); looked < count && n < len(events); looked++ {
		k := q.queue[looked]
		k.queued = false
		if !q.open(k) || k.disabled || !k.run() {
			continue
		}
		events[n] = k.ev
		n++
		switch {
		case k.ev.Flags&EV_ONESHOT != 0:
			q.drop(k)
		case k.ev.Flags&(EV_CLEAR|EV_DISPATCH) != 0:
			if k.ev.Flags&EV_CLEAR != 0 {
				k.reset()
			}
			k.disabled = k.ev.Flags&EV_DISPATCH != 0
		default: // behind the others, so that none starves
			k.queued = true
			q.queue = append(q.queue, k)
		}
	}
	rest := copy(q.queue, q.queue[looked:])
	q.queue = q.queue[:rest]
	return n
}

// open reports whether the knote's descriptor is what it was when the knote was
// added, and drops the knote if it is not.
func (q *kqueue) open(k *knote) bool {
	if !k.added {
		return false
	}
	if k.ev.Filter == EVFILT_USER || k.ev.Filter == EVFILT_PROC {
		return true
	}
	w := q.files[k.ev.Ident]
	if file, ok := identify(int(k.ev.Ident)); ok && file == w.file {
		return true
	}
	// Its other knote may be in the queue, and is looked at like this one.
	*k = knote{}
	return false
}

func (q *kqueue) wait(events []KeventT, timeout *Timespec) (int, syscall.Errno) {
	start := time.Now()
	var slept [1]EpollEvent
	fetched := 0
	for {
		n, errno := q.collect(slept[:fetched], events)
		if n > 0 || errno != 0 {
			return n, errno
		}
		ms := remaining(timeout, start)
		if ms == 0 {
			return 0, 0
		}
		if fetched, errno = EpollPwait(q.fd, slept[:], ms, nil); errno != 0 {
			return -1, errno
		}
	}
}

// remaining is what is left of timeout, in milliseconds, rounded up; -1 is for
// ever.
func remaining(timeout *Timespec, start time.Time) int {
	if timeout == nil {
		return -1
	}
	if timeout.Sec > math.MaxInt32 {
		return math.MaxInt32
	}
	left := time.Duration(timeout.Sec)*time.Second + time.Duration(timeout.Nsec) - time.Since(start)
	if left <= 0 {
		return 0
	}
	return int(min((left+time.Millisecond-1)/time.Millisecond, math.MaxInt32))
}

// collect notes all that epoll has to report, and scans the queue. If something
// were left for later, a knote with EV_CLEAR would be reported again for what it
// has reported.
func (q *kqueue) collect(slept []EpollEvent, events []KeventT) (int, syscall.Errno) {
	lock()
	defer kqueues.Unlock()
	q.note(slept)
	var ready [64]EpollEvent
	for {
		n, errno := RawEpollPwait(q.fd, ready[:], 0, nil)
		switch {
		case errno == syscall.EINVAL: // the number is another file's by now
			return -1, syscall.EBADF
		case errno != 0:
			return -1, errno
		case n == 0:
			return q.scan(events), 0
		}
		q.note(ready[:n])
	}
}

// note looks at the knotes of the descriptors that epoll has reported.
func (q *kqueue) note(ready []EpollEvent) {
	for i := range ready {
		switch data := ready[i].Data(); data {
		case doorbellData:
		case writersData:
			noteWriters()
		case processData:
			for _, k := range q.procs {
				q.look(k)
			}
		default:
			// An open copy of a closed descriptor is reported under the
			// number that was closed, with an old generation.
			if w := q.files[uint32(data)]; w.generation == uint32(data>>32) {
				q.look(&w.read)
				q.look(&w.except)
			}
		}
	}
}

// noteWriters looks at the write knotes of every queue. One that is asleep is
// woken, because the news are taken from under it.
func noteWriters() {
	var ready [64]EpollEvent
	for n := len(ready); n == len(ready); {
		n, _ = RawEpollPwait(writers, ready[:], 0, nil)
		for _, q := range kqueues.byFD {
			q.noteWritable(ready[:max(n, 0)])
		}
	}
}

func (q *kqueue) noteWritable(ready []EpollEvent) {
	before := len(q.queue)
	for i := range ready {
		if fd := ready[i].Data(); fd < uint64(len(q.files)) && q.files[fd] != nil {
			q.look(&q.files[fd].write)
		}
	}
	if len(q.queue) > before {
		q.ring()
	}
}
