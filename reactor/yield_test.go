//go:build unix || windows

package reactor

import (
	"runtime"
	"testing"
	"time"
)

// answers is sources of which pending answers in turn.
type answers struct{ next []bool }

func (a *answers) pending() bool {
	answer := a.next[0]
	a.next = a.next[1:]
	return answer
}

func (*answers) arm()    {}
func (*answers) disarm() {}

// yielder is a Poll that has heard of a message by a sleep, and a descriptor of
// it that is ready.
func yielder(t *testing.T) *Poll {
	t.Helper()
	p, err := NewPoll(PollConfig{})
	must(t, err)
	t.Cleanup(func() { p.Close() })
	a, _ := pair(t)
	must(t, p.Register(a, 7, Writable, Level))
	p.slept = true
	p.yields.start(p.clock.read(), true)
	return p
}

// byYield is one wait that a message ends after the yield.
func byYield(t *testing.T, p *Poll) (events int) {
	t.Helper()
	n, err := p.waitBeside(&answers{[]bool{false, true}}, make([]Event, 4), -1)
	must(t, err)
	return n
}

func TestYieldingLooksAtDescriptorsNowAndThen(t *testing.T) {
	p := yielder(t)
	for round := range 3 {
		for i := 1; i <= yieldsPerLook; i++ {
			p.yields.since = p.clock.read() + int64(time.Hour) // the time that it takes here does not count
			want := 0
			if i == yieldsPerLook {
				want = 1
			}
			if n := byYield(t, p); n != want {
				t.Fatalf("round %d: %d events after %d yields, want %d", round, n, i, want)
			}
		}
	}
}

func TestYieldingEndsWhenItTakesLong(t *testing.T) {
	p := yielder(t)
	p.yields.since -= longYields + 1
	for range yieldsPerLook {
		byYield(t, p)
	}
	if p.yields.due() {
		t.Fatal("still due, though descriptors were not looked at for long")
	}
}

func TestYieldInVain(t *testing.T) {
	p := yielder(t)
	n, err := p.waitBeside(&answers{make([]bool, 100)}, make([]Event, 4), -1)
	if n != 1 || err != nil {
		t.Fatalf("the wait after a yield in vain: %d, %v", n, err)
	}
	if p.yields.due() {
		t.Fatal("due after a yield in vain")
	}
	// The next ones are further and further apart.
	yields := 0
	for range 4 * mostSkipped {
		p.yields.start(p.clock.read(), true)
		if p.yields.due() {
			yields++
			p.yields.wasted()
		}
	}
	if yields > 12 {
		t.Fatalf("%d yields in vain before %d sleeps", yields, 4*mostSkipped)
	}
}

// turner answers each message, and makes a descriptor ready with one of them.
type turner struct {
	Unhandled[int]
	t        *testing.T
	reply    chan int
	fd, peer FD
	at       int // the message with which it does
	received int
	found    int // the message after which the descriptor was reported
}

func (e *turner) Message(_ *Loop[int], msg int) {
	e.received++
	if e.received == e.at {
		write(e.t, e.peer, "x")
	}
	e.reply <- msg
}

func (e *turner) Readable(l *Loop[int], _ Token, _ Ready) {
	e.found = e.received
	must(e.t, l.Deregister(e.fd))
}

// Who sends, waits for the answer and sends the next is heard of without a wake,
// and keeps nobody else from being heard.
func TestMessagesInTurnNeedNoWake(t *testing.T) {
	checkLeaks(t)
	// With one processor the order is the scheduler's, not the machine's.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const messages, tries = 1000, 20
	fewest := int64(messages)
	for range tries {
		wakes, late := messagesInTurn(t, messages)
		if late > 64 {
			t.Errorf("the descriptor was heard of after %d messages more", late)
		}
		// While the machine does other things, all takes longer than yields may.
		if fewest = min(fewest, wakes); fewest < messages/4 {
			return
		}
	}
	t.Errorf("%d wakes or more for %d messages, each time", fewest, messages)
}

// messagesInTurn sends so many messages, and returns how many wakes that took and
// how many of them came between a descriptor's being ready and its event.
func messagesInTurn(t *testing.T, messages int) (wakes int64, late int) {
	l := newLoop(t, Config{})
	defer l.Close()
	count := countWakes(l)
	a, b := pair(t)
	must(t, l.Register(a, 1, Readable, Level))
	e := &turner{t: t, reply: make(chan int, 1), fd: a, peer: b, at: messages / 2}
	done := make(chan error, 1)
	go func() { done <- l.Run(e) }()
	s := l.Sender()
	for i := range messages {
		must(t, s.TrySend(i))
		<-e.reply
	}
	wakes = count.Load()
	l.Stop()
	must(t, <-done)
	if e.found == 0 {
		t.Fatal("the descriptor was not heard of")
	}
	return wakes, e.found - e.at
}
