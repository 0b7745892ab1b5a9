//go:build linux && !kqueue_sim

package reactor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/metalio/metalio"
)

// The kernels without epoll_pwait2, and the seccomp filters that refuse it, are
// served by milliseconds: the waits must hold there as well.
func TestWaitingInMilliseconds(t *testing.T) {
	coarse := func(t *testing.T) *watcher {
		checkLeaks(t)
		w := newWatcher(t)
		w.sel.coarse = true
		return w
	}
	t.Run("timeout_never_early", func(t *testing.T) { neverEarly(t, coarse(t), 300) })
	t.Run("timeout_beyond_24_days_and_beyond_49_days", func(t *testing.T) { longTimeouts(t, coarse(t)) })
	t.Run("zero_allocs", func(t *testing.T) {
		w := coarse(t)
		wantNoAllocs(t, "Wait", func() { w.Wait(w.events[:], time.Microsecond) })
	})
}

func TestMilliseconds(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		d    time.Duration
		want int
	}{
		{1, 1},
		{time.Millisecond - 1, 1},
		{time.Millisecond, 1},
		{time.Millisecond + 1, 2},
		{time.Second, 1000},
		{24 * day, 24 * 86400_000},
		{25 * day, math.MaxInt32},
		{50 * day, math.MaxInt32},
		{math.MaxInt64, math.MaxInt32},
	} {
		if got := milliseconds(c.d); got != c.want {
			t.Errorf("milliseconds(%v) = %d, want %d", c.d, got, c.want)
		}
	}
}

// A thread that does not lead its process is no process.
func TestThreadIsNoProcess(t *testing.T) {
	w := newWatcher(t)
	tids := make(chan int)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		tids <- syscall.Gettid()
		<-tids
	}()
	tid := <-tids
	defer close(tids)
	if tid == os.Getpid() {
		t.Skip("the goroutine has got the thread that leads the process")
	}
	wantIs(t, w.RegisterProcess(tid, 1), syscall.ESRCH)
}

func TestReadyOfEpollBits(t *testing.T) {
	const (
		in, pri, out    = metalio.EPOLLIN, metalio.EPOLLPRI, metalio.EPOLLOUT
		err, hup, rdhup = metalio.EPOLLERR, metalio.EPOLLHUP, metalio.EPOLLRDHUP
	)
	for _, c := range []struct {
		bits     uint32
		interest Interest // of the registration that could get it
		ready    Ready
		methods  Interest
	}{
		{in, Readable, readyReadable, Readable},
		{pri, Priority, readyReadable | readyPriority, Readable},
		{out, Writable, readyWritable, Writable},
		{in | out, Readable | Writable, readyReadable | readyWritable, Readable | Writable},
		{in | rdhup, Readable | Writable, readyReadable | readyReadClosed, Readable},
		{hup, Readable, readyReadClosed | readyWriteClosed, Readable},
		{hup, Writable, readyReadClosed | readyWriteClosed, Writable},
		{hup, Priority, readyReadClosed | readyWriteClosed, Readable},
		{err, Readable, readyError | readyWriteClosed, Readable},
		{err, Writable, readyError | readyWriteClosed, Writable},
		{err | out, Readable | Writable, readyError | readyWritable | readyWriteClosed, Readable | Writable},
		{err | in, Writable, readyError | readyReadable, Writable},
		{err | hup, Priority, readyError | readyReadClosed | readyWriteClosed, Readable},
	} {
		ready := epollReady(c.bits)
		if ready != c.ready {
			t.Errorf("bits %#x: %v, want %v", c.bits, ready, c.ready)
		}
		if got := ready.methods() & handled(c.interest); got != c.methods {
			t.Errorf("bits %#x for %v: calls %v, want %v", c.bits, c.interest, got, c.methods)
		}
	}
}

// The counter of an eventfd is full after 2^64-2 wakes.
func TestWakeOnAFullCounter(t *testing.T) {
	checkLeaks(t)
	w := newWatcher(t)
	waker, err := w.NewWaker(1)
	must(t, err)
	var full [8]byte
	binary.NativeEndian.PutUint64(full[:], math.MaxUint64-1)
	if _, err := syscall.Write(waker.wakeup.fd, full[:]); err != nil {
		t.Fatal(err)
	}
	w.one(1)
	must(t, waker.Wake())
	w.one(1)
}

// A duplicate keeps the kernel's registration alive when the number that was
// registered is closed and given to another file.
func TestLoopDropsWhatADuplicateReports(t *testing.T) {
	checkLeaks(t)
	l := newLoop(t, Config{})
	a, peer := pair(t)
	duplicate(t, a)
	must(t, l.Register(a, 1, Readable, Level))
	write(t, peer, "x")
	closeFD(t, a)
	b, c, found := pairWith(t, a)
	if !found {
		t.Fatal("the number was not given out again")
	}
	must(t, l.Register(b, 2, Readable, Level))
	write(t, c, "x")
	h := &scripted{}
	once(t, l, h, -1)
	h.want(t, call{"readable", 2})
	if s := l.Stats(); s.Stale == 0 || s.Registered != 1 {
		t.Fatalf("%+v", s)
	}
}

func TestDescriptorsAreCloseOnExec(t *testing.T) {
	checkLeaks(t)
	w := newWatcher(t)
	waker, err := w.NewWaker(1)
	must(t, err)
	for _, fd := range []int{w.sel.epfd, w.sel.stop, waker.wakeup.fd} {
		flags, errno := metalio.RawFcntl(fd, metalio.F_GETFD, 0)
		if errno != 0 || flags&metalio.FD_CLOEXEC == 0 {
			t.Errorf("fd %d: flags %#x, %v", fd, flags, errno)
		}
	}
}

// TestExhaustion runs out of descriptors at each step of making a Poll, a Waker
// and a Loop.
func TestExhaustion(t *testing.T) {
	checkLeaks(t)
	failures, err := exhaust()
	must(t, err)
	if failures < 3 {
		t.Fatalf("%d failed; a loop needs three descriptors", failures)
	}
}

// exhaust makes loops with room for 0, 1, 2... descriptors, and returns how many
// it could not make.
func exhaust() (failures int, err error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)

	// The lowest free number, and so what the limit has to be for none.
	probe, err := syscall.Dup(0)
	if err != nil {
		return 0, err
	}
	syscall.Close(probe)
	for room := range 10 {
		low := limit
		low.Cur = uint64(probe + room)
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
			return failures, err
		}
		l, err := NewLoop[int](Config{})
		if err == nil {
			l.Close()
			continue
		}
		failures++
		if !errors.Is(err, syscall.EMFILE) {
			return failures, err
		}
	}
	return failures, nil
}

// TestExhaustionAtTheStart is TestExhaustion in a process whose netpoller Go has
// not started yet. Go ends the process if that fails.
func TestExhaustionAtTheStart(t *testing.T) {
	out, err := child("exhaust").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %.300s", err, out)
	}
}

func init() {
	roles["exhaust"] = func() int {
		failures, err := exhaust()
		if failures < 3 || err != nil {
			fmt.Println(failures, err)
			return 1
		}
		return 0
	}
}

// model is what a registration should do, by poll(2).
type model struct {
	fd       int
	interest Interest
	mode     Mode
	armed    bool
}

// registry is a set of descriptors with a Poll and a model of it.
type registry struct {
	t    *testing.T
	w    *watcher
	fds  []int // open, in pairs and duplicates
	regs map[Token]*model
	byFD map[int]Token

	// Closed without Deregister. While a duplicate is open the kernel goes on
	// reporting the token, and if a further duplicate gets the number, that is
	// registered without anybody having asked.
	gone  map[Token]bool
	ghost map[int]bool // the numbers of those
	next  Token
}

// FuzzRegistrations runs a program of descriptor operations and compares what
// the Poll reports after each with what poll(2) says.
func FuzzRegistrations(f *testing.F) {
	f.Add([]byte{0, 1, 0x10, 2, 3, 4, 5, 6, 7})
	for seed := range byte(20) {
		p := make([]byte, 400)
		x := uint32(seed)*2654435761 + 1
		for i := range p {
			x ^= x << 13
			x ^= x >> 17
			x ^= x << 5
			p[i] = byte(x >> 8)
		}
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		r := &registry{t: t, w: newWatcher(t), regs: map[Token]*model{}, byFD: map[int]Token{}, gone: map[Token]bool{}, ghost: map[int]bool{}}
		defer func() {
			for _, fd := range r.fds {
				syscall.Close(fd)
			}
			r.w.Close()
		}()
		r.open()
		for i := 0; i+1 < min(len(program), 1000); i += 2 {
			r.step(program[i], program[i+1])
			r.compare()
		}
	})
}

func (r *registry) step(op, arg byte) {
	if len(r.fds) == 0 {
		r.open()
	}
	fd := r.fds[int(arg)%len(r.fds)]
	interest, mode := Interest(op>>4)&7, Mode(arg>>6)
	switch op & 15 {
	case 0:
		r.open()
	case 1, 2, 3:
		r.register(fd, interest, mode)
	case 4, 5:
		r.reregister(fd, interest, mode)
	case 6, 7:
		r.deregister(fd)
	case 8, 9:
		syscall.Write(fd, []byte("x"))
	case 10:
		syscall.Read(fd, make([]byte, 100))
	case 11:
		if len(r.fds) < 30 {
			if dup, err := syscall.Dup(fd); err == nil {
				r.fds = append(r.fds, dup)
			}
		}
	case 12:
		r.close(fd, true)
	case 13:
		r.close(fd, false)
	case 14:
		syscall.Shutdown(fd, syscall.SHUT_WR)
	case 15:
		fillQuietly(fd)
	}
}

func fillQuietly(fd int) {
	buf := make([]byte, 64<<10)
	for {
		if _, err := syscall.Write(fd, buf); err != nil {
			return
		}
	}
}

func (r *registry) open() {
	if len(r.fds) >= 30 {
		return
	}
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
	must(r.t, err)
	r.fds = append(r.fds, fds[0], fds[1])
}

// valid is what checkRegistration should answer.
func valid(interest Interest, mode Mode) bool { return interest != 0 && mode <= OneShot }

func (r *registry) register(fd int, interest Interest, mode Mode) {
	r.next++
	err := r.w.Register(FD(fd), r.next, interest, mode)
	_, known := r.byFD[fd]
	switch {
	case !valid(interest, mode):
		wantIs(r.t, err, syscall.EINVAL)
	case known || r.ghost[fd] && err != nil:
		wantIs(r.t, err, syscall.EEXIST)
	default:
		must(r.t, err)
		r.regs[r.next] = &model{fd, interest, mode, true}
		r.byFD[fd] = r.next
	}
}

func (r *registry) reregister(fd int, interest Interest, mode Mode) {
	r.next++
	err := r.w.Reregister(FD(fd), r.next, interest, mode)
	old, known := r.byFD[fd]
	switch {
	case !valid(interest, mode):
		wantIs(r.t, err, syscall.EINVAL)
	case !known && !(r.ghost[fd] && err == nil):
		wantIs(r.t, err, syscall.ENOENT)
	default:
		must(r.t, err)
		delete(r.regs, old)
		r.regs[r.next] = &model{fd, interest, mode, true}
		r.byFD[fd] = r.next
	}
}

func (r *registry) deregister(fd int) {
	err := r.w.Deregister(FD(fd))
	token, known := r.byFD[fd]
	if !known {
		if !r.ghost[fd] || err != nil {
			wantIs(r.t, err, syscall.ENOENT)
		}
		return
	}
	must(r.t, err)
	delete(r.regs, token)
	delete(r.byFD, fd)
}

func (r *registry) close(fd int, deregister bool) {
	if token, known := r.byFD[fd]; known {
		if deregister {
			r.deregister(fd)
		} else {
			r.gone[token], r.ghost[fd] = true, true
			delete(r.regs, token)
			delete(r.byFD, fd)
		}
	}
	must(r.t, syscall.Close(fd))
	r.fds = slices.DeleteFunc(r.fds, func(x int) bool { return x == fd })
}

// compare checks one Wait against poll(2).
func (r *registry) compare() {
	r.t.Helper()
	events := make([]Event, 256)
	n, err := r.w.Wait(events, 0)
	must(r.t, err)
	got := map[Token]Ready{}
	for _, ev := range events[:n] {
		if _, twice := got[ev.Token()]; twice {
			r.t.Fatalf("token %d twice", ev.Token())
		}
		got[ev.Token()] = ev.Ready()
	}
	for token, m := range r.regs {
		bits := r.poll(m)
		want := epollReady(bits)
		switch {
		case m.mode == OneShot && !m.armed:
			want = 0
		case m.mode == Edge && got[token] == 0:
			want = 0 // nothing has changed
		}
		if got[token] != want {
			r.t.Fatalf("token %d, fd %d, %v, %v: got %v, poll(2) says %v", token, m.fd, m.interest, m.mode, got[token], want)
		}
		if got[token] != 0 {
			m.armed = false
		}
		delete(got, token)
	}
	for token := range got {
		if !r.gone[token] {
			r.t.Fatalf("event for token %d, which is not registered", token)
		}
	}
}

func (r *registry) poll(m *model) uint32 {
	r.t.Helper()
	fds := []metalio.Pollfd{{Fd: int32(m.fd), Events: int16(epollBits(m.interest, Level))}}
	errno := syscall.EINTR
	for errno == syscall.EINTR {
		_, errno = metalio.RawPpoll(fds, &metalio.Timespec{}, nil)
	}
	if errno != 0 {
		r.t.Fatal(os.NewSyscallError("ppoll", errno))
	}
	return uint32(uint16(fds[0].Revents))
}
