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

func fiveKinds(g guide) error {
	// The loop does not need this. It is here so that "one thread" is a fact:
	// all handlers run on the thread that this goroutine is locked to.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	l, err := reactor.NewLoop[string](reactor.Config{})
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

// treadmill keeps itself busy: each turn of its loop can have one event of each
// kind but signals, which cost more to send than to handle.
type treadmill struct {
	reactor.Unhandled[int]
	r       *sockets.PipeReader
	w       *sockets.PipeWriter
	room    [8]byte
	handled [4]int // readable, writable, messages, timers
	until   int    // when the sum of these is this, stop
	err     error
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

// run handles that many events more.
func (t *treadmill) run(l *reactor.Loop[int], events int) error {
	t.until += events
	if err := l.Run(t); err != nil {
		return err
	}
	return t.err
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
	// at any time. A loop that allocated would do so in every stretch.
	stretches = 3
)

func hundredThousandEvents(g guide) error {
	l, err := reactor.NewLoop[int](reactor.Config{MessagesPerTurn: 1})
	if err != nil {
		return err
	}
	defer l.Close()
	t := &treadmill{}
	if t.r, t.w, err = sockets.NewPipe(); err != nil {
		return err
	}
	defer t.r.Close()
	defer t.w.Close()
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

	if err := t.run(l, stretch/10); err != nil { // set-up ends here
		return err
	}
	runtime.GC() // what the earlier stops have left is not swept meanwhile
	var before treadmill
	allocated := uint64(1)
	for try := 0; try < stretches && allocated != 0; try++ {
		before = *t
		if allocated, err = t.measure(l); err != nil {
			return err
		}
	}

	for kind, name := range []string{"readable", "writable", "messages", "timers"} {
		n := t.handled[kind] - before.handled[kind]
		g.say("%s: %d", name, n)
		if n < stretch/10 {
			return fmt.Errorf("only %d of %d events are %s", n, stretch, name)
		}
	}
	g.say("goroutines: %d", runtime.NumGoroutine())
	g.say("threads of the process, Go's own included: %d", threads())
	return expect(g, fmt.Sprintf("objects allocated during %d events", stretch), allocated, 0)
}

// threads counts the threads that Go's runtime has at present.
func threads() uint64 {
	sample := []metrics.Sample{{Name: "/sched/threads/total:threads"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
