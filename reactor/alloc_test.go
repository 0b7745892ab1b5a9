//go:build unix || windows

package reactor

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/metalio/metalio/internal/behaviours"
	"github.com/metalio/metalio/sockets"
)

func wantNoAllocs(t *testing.T, what string, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(200, f); n != 0 {
		t.Errorf("%s: %v allocations", what, n)
	}
}

func TestZeroAllocs(t *testing.T) {
	checkLeaks(t)
	w := newWatcher(t)
	waker, err := w.NewWaker(1)
	must(t, err)
	a, _ := pair(t)

	wantNoAllocs(t, "Wake and Wait", func() {
		must(t, waker.Wake())
		if n, _ := w.Wait(w.events[:], -1); n != 1 {
			t.Fatal(n)
		}
	})
	wantNoAllocs(t, "Wait with a timeout", func() {
		if n, _ := w.Wait(w.events[:], 10*time.Microsecond); n != 0 {
			t.Fatal(n)
		}
	})
	wantNoAllocs(t, "Register, Reregister, Deregister", func() {
		must(t, w.Register(a, 2, Readable, Edge))
		must(t, w.Reregister(a, 2, Writable, OneShot))
		must(t, w.Deregister(a))
	})
	for _, mode := range []Mode{Level, Edge, OneShot} {
		wantNoAllocs(t, mode.String()+" event", func() {
			must(t, w.Register(a, 2, Writable, mode))
			if n, _ := w.Wait(w.events[:], -1); n != 1 {
				t.Fatal(n)
			}
			must(t, w.Rearm(a, Writable))
			must(t, w.Deregister(a))
		})
	}

	l := newLoop(t, Config{})
	h := &idle{}
	s := l.Sender()
	must(t, l.Register(a, 7, Writable, Level))
	wantNoAllocs(t, "a turn with an event, a message and a timer", func() {
		must(t, s.TrySend(1))
		if _, err := l.After(0, 3); err != nil {
			t.Fatal(err)
		}
		if n, _ := l.RunOnce(h, -1); n != 3 {
			t.Fatal(n)
		}
	})
	must(t, l.Deregister(a))
	wantNoAllocs(t, "the Loop's Register, Reregister, Deregister", func() {
		must(t, l.Register(a, 7, Writable, Edge))
		must(t, l.Reregister(a, 8, Readable, Level))
		must(t, l.Deregister(a))
	})
	wantNoAllocs(t, "Stop and Run, Stats", func() {
		l.Stop()
		must(t, l.Run(h))
		if l.Stats().Registered != 0 {
			t.Fatal("registered")
		}
	})
}

type idle struct{ Unhandled[int] }

// TestStackBuffers is about the caller's buffer of events, in which the kernel
// or the backend writes tokens: all words, also those that look like pointers.
func TestStackBuffers(t *testing.T) {
	behaviours.Run(t, "stack_buffer_stays_on_stack", func(t *testing.T) {
		checkLeaks(t)
		p := newPoll(t, Auto)
		tokens := []Token{1, 0xc000000001, 0xc000000000, 1<<64 - 1}
		for _, token := range tokens {
			a, _ := pair(t)
			must(t, p.Register(a, token, Writable, Level))
		}
		wantNoAllocs(t, "Wait with events on the stack", func() {
			var events [128]Event
			if n, err := p.Wait(events[:], -1); n != len(tokens) || err != nil {
				t.Fatal(n, err)
			}
		})
		for depth := range 20 {
			done := make(chan map[Token]bool)
			go func() { done <- waitOnGrowingStack(t, p, 1<<depth%4096) }() // on a new, small stack
			got := <-done
			for _, token := range tokens {
				if !got[token] {
					t.Fatalf("token %#x has become one of %v", uint64(token), got)
				}
			}
		}
	})
}

// waitOnGrowingStack moves the stack, with events in it, between Wait and the
// look at them.
func waitOnGrowingStack(t *testing.T, p *Poll, depth int) map[Token]bool {
	var events [16]Event
	n, err := p.Wait(events[:], patience)
	if err != nil {
		t.Error(err)
	}
	grow(depth)
	runtime.GC()
	tokens := map[Token]bool{}
	for _, ev := range events[:n] {
		tokens[ev.Token()] = true
	}
	return tokens
}

//go:noinline
func grow(depth int) byte {
	var frame [256]byte
	frame[depth%len(frame)] = 1
	if depth == 0 {
		return frame[0]
	}
	return frame[1] + grow(depth-1)
}

// echoer sends back what it reads. With each it sends itself messages, and sets
// a timer.
type echoer struct {
	Unhandled[int]
	conns      []*sockets.TCPConn
	events     int // to go
	allocateAt int // with so many events to go, one allocation; never if 0
	calls      struct{ socket, message, timer, signal int }
	buf        [64]byte
}

const (
	echoConns = 32

	// timersForEachSignal is how many timers come with each signal.
	timersForEachSignal = 500
)

func (e *echoer) Readable(l *Loop[int], token Token, _ Ready) {
	conn := e.conns[token]
	for {
		n, err := conn.Read(e.buf[:])
		if err == sockets.ErrWouldBlock {
			break
		}
		if err != nil {
			panic(err) // the other process has gone
		}
		if _, err := conn.Write(e.buf[:n]); err != nil {
			panic(err)
		}
	}
	for range messagesForEachEvent {
		l.Sender().TrySend(1)
	}
	l.AfterNow(0, token)
	if id, err := l.After(time.Hour, token); err == nil {
		l.Cancel(id)
	}
	e.calls.socket++
	e.one(l)
}

func (e *echoer) Message(l *Loop[int], _ int) {
	e.calls.message++
	e.one(l)
}

func (e *echoer) Timeout(l *Loop[int], _ Token, _ uint32) {
	if e.calls.timer++; e.calls.timer%timersForEachSignal == 0 {
		sendSignal()
	}
	e.one(l)
}

func (e *echoer) Signal(l *Loop[int], _ os.Signal) {
	e.calls.signal++
	e.one(l)
}

func (e *echoer) one(l *Loop[int]) {
	if e.events--; e.events == 0 {
		l.Stop()
	}
	if e.events > 0 && e.events == e.allocateAt {
		allocated = new([64]byte)
	}
}

// allocated keeps the compiler from doing without an allocation.
var allocated *[64]byte

const portVariable = "METALIO_REACTOR_PORT"

// The client is a process of its own, because whatever it allocates would be
// counted here.
func init() { roles["bounce"] = bounce }

func bounce() int {
	// Where signals go to all processes of a console, this one lives on.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	var conns [echoConns]net.Conn
	for i := range conns {
		c, err := net.Dial("tcp", os.Getenv(portVariable))
		if err != nil {
			return 1
		}
		conns[i] = c
	}
	var buf [16]byte
	for {
		for _, c := range conns {
			if _, err := c.Write(buf[:]); err != nil {
				return 0
			}
		}
		for _, c := range conns {
			if _, err := c.Read(buf[:]); err != nil {
				return 0
			}
		}
	}
}

// TestZeroAllocsOverAMillionEvents has sockets, messages, timers and signals
// together in one loop.
func TestZeroAllocsOverAMillionEvents(t *testing.T) {
	behaviours.Run(t, "zero_mallocs_over_a_million_events", func(t *testing.T) {
		withSignals(t, func(t *testing.T) {
			checkLeaks(t)
			countMallocs(t, behaviours.Budget(t, "zero_mallocs_over_a_million_events"))
		})
	})
}

func countMallocs(t *testing.T, events int) {
	l := newLoop(t, Config{MessagesPerTurn: echoConns * messagesForEachEvent})
	h := &echoer{}
	connectBouncer(t, l, h)
	must(t, l.Notify(aSignal))
	must(t, sendSignal()) // which may allocate at first use
	run := func(events int) {
		h.events = events
		must(t, l.Run(h))
	}
	startThreads(16)
	run(events / 10) // warm up

	if n, sites := mallocsDuring(t, func() { run(events) }); n != 0 {
		t.Errorf("%d allocations in %d events:\n%s", n, events, sites)
	}
	t.Logf("calls %+v", h.calls)
	if c := h.calls; c.socket == 0 || c.message == 0 || c.timer == 0 || c.signal == 0 {
		t.Error("want some of each kind")
	}

	h.allocateAt = events / 20
	if n, sites := mallocsDuring(t, func() { run(events / 10) }); n != 1 {
		t.Errorf("%d allocations counted where one was made:\n%s", n, sites)
	}
}

// connectBouncer starts the other process, and registers the connections that
// it makes with l: half of them Level, half of them Edge.
func connectBouncer(t *testing.T, l *Loop[int], h *echoer) {
	t.Helper()
	listener, err := sockets.ListenTCP(netip.MustParseAddrPort("127.0.0.1:0"), sockets.ListenConfig{})
	must(t, err)
	defer listener.Close()
	cmd := child("bounce", portVariable+"="+listener.Addr().String())
	must(t, cmd.Start())
	t.Cleanup(func() {
		for _, c := range h.conns {
			c.Close() // which ends the child
		}
		must(t, cmd.Wait())
	})
	for deadline := time.Now().Add(6 * patience); len(h.conns) < echoConns; {
		conn, _, err := listener.Accept()
		if err == sockets.ErrWouldBlock && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
			continue
		}
		must(t, err)
		i := len(h.conns)
		h.conns = append(h.conns, conn)
		must(t, l.RegisterSource(conn, Token(i), Readable, Mode(i%2)))
	}
}

// startThreads makes the runtime start threads, which it keeps. It would start
// them later, and allocate, when many goroutines come to be in system calls at
// the same time.
func startThreads(n int) {
	started, done := make(chan struct{}), make(chan struct{})
	for range n {
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			started <- struct{}{}
			<-done
		}()
	}
	for range n {
		<-started
	}
	close(done)
}

// mallocsDuring returns how many allocations the process has made while run ran,
// and where. It runs it again while those could all be the runtime's own, a few
// times.
func mallocsDuring(t *testing.T, run func()) (n uint64, sites string) {
	t.Helper()
	defer func(rate int) { runtime.MemProfileRate = rate }(runtime.MemProfileRate)
	runtime.MemProfileRate = 1 // each allocation is in the profile
	var before, after runtime.MemStats
	for range 5 {
		known := allocationSites()
		runtime.ReadMemStats(&before)
		run()
		runtime.ReadMemStats(&after)
		all := after.Mallocs - before.Mallocs
		if all == 0 {
			return 0, ""
		}
		// Some of these may have been made just before or after run.
		own, sites := newAllocations(known)
		if all > own {
			return all - own, sites
		}
		t.Logf("%d allocations, and the runtime has made %d for itself", all, own)
	}
	t.Fatal("the runtime has allocated in each run")
	return 0, ""
}

// allocationSites are the numbers of allocations by the stacks that made them.
func allocationSites() map[[32]uintptr]int64 {
	runtime.GC() // which the profile is as of
	runtime.GC()
	count, _ := runtime.MemProfile(nil, true)
	records := make([]runtime.MemProfileRecord, count+100)
	count, _ = runtime.MemProfile(records, true)
	sites := make(map[[32]uintptr]int64)
	for _, r := range records[:count] {
		sites[r.Stack0] += r.AllocObjects
	}
	return sites
}

// newAllocations counts those that the runtime has made for itself since known,
// and describes the others but for those of allocationSites.
func newAllocations(known map[[32]uintptr]int64) (own uint64, others string) {
	for stack, n := range allocationSites() {
		if n -= known[stack]; n == 0 {
			continue
		}
		site := callers(stack)
		switch {
		case isRuntimesOwn(site):
			own += uint64(n)
		case !strings.Contains(strings.Join(site, " "), "reactor.allocationSites"):
			others += fmt.Sprintf("%d by %s\n", n, strings.Join(site, " < "))
		}
	}
	return own, others
}

func callers(stack [32]uintptr) (site []string) {
	depth := slices.Index(stack[:], 0)
	if depth < 0 {
		depth = len(stack)
	}
	frames := runtime.CallersFrames(stack[:depth])
	for more := depth > 0; more; {
		var f runtime.Frame
		f, more = frames.Next()
		site = append(site, f.Function)
	}
	return site
}

// isRuntimesOwn reports whether an allocation depends on what else the machine
// does: one by the runtime's goroutines, of a thread, or of what a processor of
// Go's keeps: room for timers, and records of goroutines that wait for a channel.
func isRuntimesOwn(site []string) bool {
	for _, own := range []string{"runtime.allocm", "runtime.(*timers).addHeap", "runtime.acquireSudog"} {
		if slices.Contains(site, own) {
			return true
		}
	}
	return !slices.ContainsFunc(site, func(function string) bool {
		return !strings.HasPrefix(function, "runtime.") && !strings.HasPrefix(function, "internal/runtime/")
	})
}
