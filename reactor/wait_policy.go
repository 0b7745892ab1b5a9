package reactor

import (
	"math"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// WaitPolicy says how [Poll.Wait] and a [Loop] sleep. All policies look at the
// descriptors first, with a call that cannot sleep, and differ in what they do
// when nothing is ready.
type WaitPolicy uint8

const (
	// Auto looks on for some 20 µs, which is what falling asleep and being
	// woken costs, and then sleeps in the way that is best here: where Park
	// exists, parked, in the call for the last milliseconds before a deadline,
	// because Go's own timers are coarser than the kernel's, and in the call
	// also while other goroutines keep all processors busy and a parked one
	// has to queue behind them. Elsewhere always in the call.
	//
	// Looking on is given up while it is in vain, and tried again now and
	// then, so that an idle Poll costs next to nothing. Windows does not look
	// on, as its clock is too coarse to tell when 20 µs are over. On a goroutine
	// that is locked to its thread, take Block or Spin.
	Auto WaitPolicy = iota

	// Block sleeps in a call that Go's scheduler knows of, so that other
	// goroutines go on meanwhile. It holds a thread while it sleeps.
	Block

	// Spin looks again and again and never sleeps. It answers soonest and
	// costs a whole processor, so it is for machines that have one to spare,
	// with GOMAXPROCS at 2 or more: on a single one, other goroutines would
	// wait for Go's preemption, 10 ms each time. A Loop that spins is woken by
	// messages, signals and Stop without a system call.
	Spin

	// Park sleeps as a goroutine of Go's netpoller and holds no thread. A Loop
	// is woken by other goroutines without a system call. Timeouts end up to
	// 1 ms late, more while other goroutines keep all processors busy. With
	// runtime.LockOSThread parking costs two thread switches: take Block.
	// Linux only; elsewhere NewPoll refuses it with [errors.ErrUnsupported].
	Park

	policyCount = iota
)

// String names the policy, for messages.
func (w WaitPolicy) String() string {
	if w < policyCount {
		return [...]string{"auto", "block", "spin", "park"}[w]
	}
	return "WaitPolicy(" + strconv.Itoa(int(w)) + ")"
}

// sources is what may end a wait besides descriptors and time: the messages,
// signals and the stop of a Loop.
type sources interface {
	// pending reports whether there is something to do.
	pending() bool

	// arm announces a sleep. What becomes pending afterwards wakes the Poll.
	arm()

	// disarm announces that the sleep is over.
	disarm()
}

// descriptorsOnly is the sources of a Poll without a Loop.
type descriptorsOnly struct{}

func (descriptorsOnly) pending() bool { return false }
func (descriptorsOnly) arm()          {}
func (descriptorsOnly) disarm()       {}

// never is the moment until which a wait without a timeout goes on.
const never = math.MaxInt64

// await waits as the policy says, until descriptors are ready, other is pending
// or timeout has passed.
func (p *Poll) await(events []Event, timeout time.Duration, other sources) (int, syscall.Errno) {
	// To park is to look once more, so that one who is likely to park does not
	// look twice.
	if timeout == 0 || !p.slept || other.pending() {
		n, errno := p.sel.look(events)
		if n > 0 || errno != 0 || timeout == 0 || other.pending() {
			p.keepPace(n)
			return n, errno
		}
	}
	now := p.clock.read()
	until := int64(never)
	if timeout > 0 {
		until = later(now, timeout)
	}
	if p.policy == Spin {
		n, errno, _ := p.lookUntil(events, until, other)
		return n, errno
	}
	if p.policy == Auto && fineClock && p.spins.worthwhile() {
		n, errno, found := p.lookUntil(events, min(until, now+spinTime), other)
		// A parked Loop is woken by a message sooner than one that looks on
		// hears of it, so that only descriptors make looking on worth it.
		p.spins.record(found && (n > 0 || !p.parker.usable()))
		if found || until <= now+spinTime {
			return n, errno
		}
		now += spinTime
	}
	return p.sleep(events, now, until, other)
}

// lookUntil looks again and again. Whether an interruption shows in a look is
// the backend's affair, so that the gate is asked whether the Poll is closed.
func (p *Poll) lookUntil(events []Event, until int64, other sources) (n int, errno syscall.Errno, found bool) {
	for {
		n, errno := p.sel.look(events)
		if n > 0 || errno != 0 || other.pending() || p.gate.isShut() {
			p.keepPace(n)
			return n, errno, true
		}
		now := p.clock.read()
		if now >= until {
			return 0, 0, false
		}
		p.passScheduler(now)
	}
}

// sleep goes in the order of [msgq.WakeWord]: armed first and then looked at, so
// that what comes in between ends the sleep. It is about now.
func (p *Poll) sleep(events []Event, now, until int64, other sources) (n int, errno syscall.Errno) {
	other.arm()
	if !other.pending() {
		n, errno = p.sleepArmed(events, now, until)
	}
	other.disarm()
	return n, errno
}

// sleepArmed chooses between the two ways of sleeping.
func (p *Poll) sleepArmed(events []Event, now, until int64) (int, syscall.Errno) {
	switch {
	case p.policy == Park:
		return p.park(events, until)
	case p.policy == Auto && p.parkable(now, until):
		n, errno := p.park(events, beforeDeadline(until))
		if n > 0 || errno != 0 || until == never {
			return n, errno
		}
		now := p.clock.read()
		if now < beforeDeadline(until) { // after unpark
			return 0, 0
		}
		if now > until {
			p.crowd(now)
			return 0, 0
		}
	}
	return p.block(events, until)
}

const (
	// parkMargin is how long before a deadline Auto gets up from a park, to
	// sleep the rest in the call: Go's netpoller counts in milliseconds.
	parkMargin = int64(2 * time.Millisecond)

	// shortestPark is the shortest sleep of which Auto spends a part parked.
	shortestPark = int64(10 * time.Millisecond)
)

func beforeDeadline(until int64) int64 {
	if until == never {
		return never
	}
	return until - parkMargin
}

// block sleeps in the call.
func (p *Poll) block(events []Event, until int64) (int, syscall.Errno) {
	p.slept = false
	now := p.clock.read()
	p.passScheduler(now)
	if until == never {
		return p.sel.sleep(events, -1)
	}
	if now >= until {
		return p.sel.look(events)
	}
	return p.sel.sleep(events, time.Duration(until-now))
}

const (
	// spinTime is how long Auto looks on: about what a sleep and a wake-up
	// cost, so that it never does worse than twice the best choice.
	spinTime = int64(20 * time.Microsecond)

	// vainSpins in a row make Auto stop looking on. It tries again after 15
	// sleeps, and if that is in vain too after 31, and so on up to mostSkipped.
	vainSpins   = 4
	mostSkipped = 255
)

// spinning remembers whether looking on has been worth it.
type spinning struct {
	vain  uint8 // tries in a row that were not
	skip  uint8 // sleeps until the next try
	pause uint8 // sleeps between the last two tries
}

func (s *spinning) worthwhile() bool {
	if s.skip > 0 {
		s.skip--
		return false
	}
	return true
}

func (s *spinning) record(worth bool) {
	if worth {
		*s = spinning{}
		return
	}
	if s.vain++; s.vain < vainSpins {
		return
	}
	s.vain = vainSpins - 1 // from now on one vain try is enough
	s.pause = uint8(min(2*max(int(s.pause), 7)+1, mostSkipped))
	s.skip = s.pause
}

// A goroutine that is never off its processor is overdue after 10 ms in the eyes
// of Go's monitor thread, which from then on takes the processor away at each
// scheduler-aware call, every 20 µs if need be, and costs up to a fifth of a
// core. So a Poll that does not park passes through the scheduler by itself.
const (
	passEvery = int64(5 * time.Millisecond)

	// readClockEvery is how many events, or looks without any, go by between
	// two readings of the clock for this purpose.
	readClockEvery = 64
)

// pace is when a Poll has passed through the scheduler.
type pace struct {
	passed  int64
	parked  bool // has passed by parking, since the clock was read
	untimed int  // events since the clock was read

	// crowded is the moment until which other goroutines are taken to compute
	// on all processors. Then passing through the scheduler means to queue
	// behind them, for 10 ms each, and is left to Go's own preemption.
	crowded int64
}

const (
	// longPass is a pass through the scheduler during which another goroutine
	// must have run.
	longPass = int64(time.Millisecond)

	// crowdedFor is how long a finding of crowdedness counts.
	crowdedFor = int64(time.Second)
)

// keepPace is called when a look has found n events, or something else to do.
func (p *Poll) keepPace(n int) {
	p.parker.busy(n)
	p.pace.untimed += n + 1
	if p.pace.untimed >= readClockEvery {
		p.pace.untimed = 0
		p.passScheduler(p.clock.read())
	}
}

// passScheduler lets other goroutines run if it is time to.
func (p *Poll) passScheduler(now int64) {
	if now-p.pace.passed < passEvery {
		return
	}
	if p.pace.parked || now < p.pace.crowded {
		p.pace.parked = false
		p.pace.passed = now
		return
	}
	runtime.Gosched()
	p.pace.passed = p.clock.read()
	if p.pace.passed-now > longPass {
		p.crowd(p.pace.passed)
	}
}

// crowd notes that other goroutines keep the processors busy.
func (p *Poll) crowd(now int64) { p.pace.crowded = now + crowdedFor }

// stopwatch counts nanoseconds on the monotonic clock.
type stopwatch struct{ start time.Time }

func (s *stopwatch) read() int64 { return int64(time.Since(s.start)) }
