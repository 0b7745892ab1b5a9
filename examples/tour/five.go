package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"strings"
	"time"

	"github.com/metalio/metalio/reactor"
	"github.com/metalio/metalio/sockets"
)

// chain handles one event of each kind. Each brings about the next.
type chain struct {
	r     *sockets.PipeReader
	w     *sockets.PipeWriter
	notes []string
	err   error
	deaf  bool // this system has no way to send oneself a signal
}

func (c *chain) note(l *reactor.Loop[string], what string, err error) {
	c.notes = append(c.notes, what)
	if err != nil {
		c.err = err
		l.Stop()
	}
}

// Writable comes first: the pipe is empty.
func (c *chain) Writable(l *reactor.Loop[string], _ reactor.Token, _ reactor.Ready) {
	_, err := c.w.Write([]byte("x"))
	c.note(l, "writable", errors.Join(err, l.Deregister(c.w.FD())))
}

func (c *chain) Readable(l *reactor.Loop[string], _ reactor.Token, _ reactor.Ready) {
	var buf [8]byte
	_, err := c.r.Read(buf[:])
	c.note(l, "readable", err)
	to := l.Sender()
	go func() {
		// A loop that was just made has room, and nobody has closed it.
		if err := to.TrySend("from another goroutine"); err != nil {
			panic(err)
		}
	}()
}

func (c *chain) Message(l *reactor.Loop[string], msg string) {
	_, err := l.After(time.Millisecond, 0)
	c.note(l, "message "+msg, err)
}

func (c *chain) Timeout(l *reactor.Loop[string], _ reactor.Token, _ uint32) {
	err := interruptSelf()
	if errors.Is(err, errors.ErrUnsupported) {
		c.deaf, err = true, nil
		l.Stop()
	}
	c.note(l, "timer", err)
}

func (c *chain) Signal(l *reactor.Loop[string], sig os.Signal) {
	c.note(l, "signal "+sig.String(), nil)
	l.Stop()
}

// interruptSelf does what Ctrl-C does, with an error that satisfies errors.Is
// with errors.ErrUnsupported where only the console can (Windows).
func interruptSelf() error {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	return self.Signal(os.Interrupt)
}

// lockToThread makes "one thread" a fact: all handlers run on the thread that
// the goroutine is locked to. A loop does not need this, and when it sleeps does
// better without; if it is so, Block suits it best.
func lockToThread() (unlock func()) {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

func fiveKinds(g guide) error {
	defer lockToThread()()
	l, err := reactor.NewLoop[string](reactor.Config{Wait: reactor.Block})
	if err != nil {
		return err
	}
	defer l.Close()
	c := &chain{}
	if c.r, c.w, err = sockets.NewPipe(); err != nil {
		return err
	}
	defer c.r.Close()
	defer c.w.Close()
	if err := l.RegisterSource(c.r, 1, reactor.Readable, reactor.Level); err != nil {
		return err
	}
	if err := l.RegisterSource(c.w, 2, reactor.Writable, reactor.Level); err != nil {
		return err
	}
	if err := l.Notify(os.Interrupt); err != nil {
		return err
	}
	if err := l.Run(c); err != nil {
		return err
	}
	if c.err != nil {
		return c.err
	}
	want := "writable, readable, message from another goroutine, timer"
	if c.deaf {
		g.say("no signal: only Ctrl-C sends one on this system")
	} else {
		want += ", signal interrupt"
	}
	return expect(g, "handled", strings.Join(c.notes, ", "), want)
}

// treadmill keeps itself busy: each event of a kind brings about the next one
// of its kind. Signals are the fewest, because they take longest to arrive.
type treadmill struct {
	reactor.Unhandled[int]
	r        *sockets.PipeReader
	w        *sockets.PipeWriter
	self     *os.Process
	room     [8]byte
	handled  [5]int // readable, writable, messages, timers, signals
	inFlight bool   // a signal
	until    int    // when the sum of what was handled is this, stop
	err      error
}

func (t *treadmill) count(l *reactor.Loop[int], kind int, err error) {
	t.handled[kind]++
	sum := 0
	for _, n := range t.handled {
		sum += n
	}
	if err != nil {
		t.err = err
	}
	if sum >= t.until || t.err != nil {
		l.Stop()
	}
}

// Readable empties the pipe, and Writable fills it again.
func (t *treadmill) Readable(l *reactor.Loop[int], _ reactor.Token, _ reactor.Ready) {
	_, err := t.r.Read(t.room[:])
	t.count(l, 0, err)
}

func (t *treadmill) Writable(l *reactor.Loop[int], _ reactor.Token, _ reactor.Ready) {
	_, err := t.w.Write(t.room[:1])
	t.count(l, 1, err)
}

func (t *treadmill) Message(l *reactor.Loop[int], msg int) {
	t.count(l, 2, l.Sender().TrySend(msg+1))
}

func (t *treadmill) Timeout(l *reactor.Loop[int], token reactor.Token, _ uint32) {
	_, err := l.AfterNow(0, token)
	t.count(l, 3, err)
}

func (t *treadmill) Signal(l *reactor.Loop[int], _ os.Signal) {
	t.inFlight = false
	t.count(l, 4, t.signal())
}

// signal sends a signal, unless this is the end.
func (t *treadmill) signal() error {
	if t.until == 0 {
		return nil
	}
	t.inFlight = true
	return t.self.Signal(os.Interrupt)
}

// run handles that many events more.
func (t *treadmill) run(l *reactor.Loop[int], events int) error {
	t.until += events
	if err := l.Run(t); err != nil {
		return err
	}
	return t.err
}

// end waits for the last signal: once the loop has given signals back, it would
// end the process.
func (t *treadmill) end(l *reactor.Loop[int]) error {
	t.until = 0
	for t.inFlight {
		if _, err := l.RunOnce(t, -1); err != nil {
			return err
		}
	}
	return nil
}

// measure handles a stretch of events and returns how many objects the process
// has allocated meanwhile.
func (t *treadmill) measure(l *reactor.Loop[int]) (uint64, error) {
	var mem [2]runtime.MemStats
	runtime.ReadMemStats(&mem[0])
	err := t.run(l, stretch)
	runtime.ReadMemStats(&mem[1])
	return mem[1].Mallocs - mem[0].Mallocs, err
}

const (
	stretch = 100_000
	// Go's runtime allocates a little when it starts a thread, which it may do
	// at any time. A loop that allocated would do so in every stretch. Also, a
	// signal may take its time on a busy machine.
	stretches = 3
)

func hundredThousandEvents(g guide) error {
	defer lockToThread()()
	l, err := reactor.NewLoop[int](reactor.Config{Wait: reactor.Block, MessagesPerTurn: 1})
	if err != nil {
		return err
	}
	defer l.Close()
	t := &treadmill{until: stretch / 10}
	if t.r, t.w, err = sockets.NewPipe(); err != nil {
		return err
	}
	defer t.r.Close()
	defer t.w.Close()
	if err := t.begin(l); err != nil {
		return err
	}
	if err := t.run(l, 0); err != nil { // set-up ends here
		return err
	}
	runtime.GC() // what the earlier stops have left is not swept meanwhile
	var before [5]int
	allocated := uint64(1)
	for try := 0; try < stretches && (allocated != 0 || t.inFlight && t.handled[4] == before[4]); try++ {
		before = t.handled
		if allocated, err = t.measure(l); err != nil {
			return err
		}
	}
	goroutines, threads := runtime.NumGoroutine(), threads()
	signals := t.inFlight
	if err := t.end(l); err != nil {
		return err
	}

	for kind, want := range []struct {
		name    string
		atLeast int
	}{{"readable", stretch / 10}, {"writable", stretch / 10}, {"messages", stretch / 10}, {"timers", stretch / 10}, {"signals", 1}} {
		if want.name == "signals" && !signals {
			g.say("no signals: only Ctrl-C sends one on this system")
			break
		}
		n := t.handled[kind] - before[kind]
		g.say("%s: %d", want.name, n)
		if n < want.atLeast {
			return fmt.Errorf("only %d of %d events are %s", n, stretch, want.name)
		}
	}
	g.say("threads that handled them: 1, to which the loop's goroutine is locked")
	g.say("goroutines of the process, two of them for signals: %d", goroutines)
	g.say("threads of the process, Go's own included: %d", threads)
	return expect(g, fmt.Sprintf("objects allocated during %d events", stretch), allocated, 0)
}

// begin sees to the first event of each kind.
func (t *treadmill) begin(l *reactor.Loop[int]) error {
	if err := l.RegisterSource(t.r, 1, reactor.Readable, reactor.Level); err != nil {
		return err
	}
	if err := l.RegisterSource(t.w, 2, reactor.Writable, reactor.Level); err != nil {
		return err
	}
	if err := l.Sender().TrySend(0); err != nil {
		return err
	}
	if _, err := l.After(0, 3); err != nil {
		return err
	}
	if err := l.Notify(os.Interrupt); err != nil {
		return err
	}
	var err error
	if t.self, err = os.FindProcess(os.Getpid()); err != nil {
		return err
	}
	err = t.signal()
	if errors.Is(err, errors.ErrUnsupported) {
		t.inFlight, err = false, nil
	}
	return err
}

// threads counts the threads that Go's runtime has at present.
func threads() uint64 {
	sample := []metrics.Sample{{Name: "/sched/threads/total:threads"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
