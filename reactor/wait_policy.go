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
	// Auto looks on for up to 20 µs, about what falling asleep and being woken
	// costs, and then sleeps in the way that is best here: where Park
	// exists, parked, but in the call for the last milliseconds before a
	// deadline, because Go's own timers are coarser than the kernel's, while
	// sleeps are shorter than 1 ms and end by descriptors, and while other
	// goroutines keep all processors busy and a parked one has to queue behind
	// them. Elsewhere always in the call.
	//
	// A Loop that a message has woken lets other goroutines run once before it
	// sleeps again: who waits for its answer may send the next one, which then
	// costs neither a sleep nor a wake. Descriptors are looked at after each
	// fourth such message.
	//
	// Looking on, and letting others run, is given up while it takes too long or
	// is in vain, and tried again now and then, so that an idle Poll costs next
	// to nothing. Windows does not look
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
	// messages, signals and Stop without a system call. While messages come in
	// numbers, it takes them every 3 µs.
	Spin

	// Park sleeps as a goroutine of Go's netpoller and holds no thread. A Loop
	// is woken by other goroutines without a system call, and lets them run
	// before it sleeps, as with Auto. Timeouts end up to
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
	// To sleep is to look once more, so that one who is likely to sleep does
	// not look twice.
	if timeout == 0 || !p.slept || other.pending() {
		n, errno := p.sel.look(events)
		if n > 0 || errno != 0 || timeout == 0 || other.pending() {
			p.keepPace(n)
			return n, errno
		}
	}
	if p.yields.due() {
		runtime.Gosched()
		if other.pending() {
			return p.lookNowAndThen(events)
		}
		p.yields.wasted()
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
	if p.policy == Auto && fineClock && p.spins.due() {
		start := now
		n, errno, found := p.lookUntil(events, min(until, start+spinTime), other)
		now = p.clock.read()
		// A parked Loop is woken by a message sooner than one that looks on
		// hears of it, so that only descriptors make looking on worth it.
		if found && n == 0 && p.parker.usable() {
			p.spins.record(spinTime)
		} else {
			p.spins.record(now - start)
		}
		if found || now >= until {
			return n, errno
		}
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
		awake, message := p.clock.read(), other.pending()
		p.naps.record(awake-now, message)
		p.yields.start(awake, message && p.policy != Block && awake >= p.pace.crowded)
	}
	other.disarm()
	return n, errno
}

// yielding lets other goroutines run before a sleep, when it was a message that
// ended the last one. A goroutine that sends one, waits for the answer and sends
// the next is then heard of without any of what a sleep costs: it was runnable,
// and its message is there when the scheduler comes back. Descriptors are looked
// at now and then meanwhile.
type yielding struct {
	attempts
	heard bool  // the last sleep was ended by a message, and no yield was in vain since
	count int   // yields since descriptors were looked at
	since int64 // when that was
}

const (
	// yieldsPerLook is how many messages heard of by a yield share the price of
	// a look at the descriptors.
	yieldsPerLook = 4

	// longYields is for how long descriptors may not be looked at. If it is
	// exceeded, the others do more than to answer.
	longYields = int64(80 * time.Microsecond)
)

// start takes note of how a sleep has ended, which has looked at descriptors.
func (y *yielding) start(now int64, heard bool) { y.heard, y.count, y.since = heard, 0, now }

// due reports whether to yield instead of sleeping.
func (y *yielding) due() bool { return y.heard && y.attempts.due() }

// wasted takes note of a yield in vain.
func (y *yielding) wasted() {
	y.heard = false
	y.attempts.wasted()
}

// lookNowAndThen is after a yield that a message has come by.
func (p *Poll) lookNowAndThen(events []Event) (int, syscall.Errno) {
	y := &p.yields
	y.count++
	if y.count < yieldsPerLook {
		return 0, 0
	}
	now := p.clock.read()
	if now-y.since > longYields {
		y.wasted()
	} else {
		y.attempts.paid()
	}
	y.count, y.since = 0, now
	n, errno := p.sel.look(events)
	p.keepPace(n)
	return n, errno
}

// naps is the average of the last eight sleeps or so.
type naps struct{ average int64 }

const (
	// shortNap is a sleep too short to be worth a park: what the scheduler
	// does to let a goroutine go and take it back costs more than the call,
	// which soon returns, mostly before its processor is given to others.
	shortNap = int64(time.Millisecond)

	// longNap is what longer ones count as, and those that a message has
	// ended, because it ends a park much sooner than a call.
	longNap = 4 * shortNap
)

func (s *naps) record(took int64, message bool) {
	if message || took > longNap {
		took = longNap
	}
	s.average += (took - s.average) / 8
}

// short reports whether the next sleep will probably be a short one. With a
// single P, Go's monitor thread takes it away in any call that is not over in
// 20 µs, so that none counts as short.
func (s *naps) short() bool { return s.average < shortNap && runtime.GOMAXPROCS(0) > 1 }

// sleepArmed chooses between the two ways of sleeping.
func (p *Poll) sleepArmed(events []Event, now, until int64) (int, syscall.Errno) {
	switch {
	case p.policy == Park:
		return p.park(events, until)
	case p.policy == Auto && !p.naps.short() && p.parkable(now, until):
		p.passScheduler(now)
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
	p.passScheduler(p.clock.read())
	now := p.clock.read() // others may have run for long
	if now >= until {
		return p.sel.look(events)
	}
	timeout := time.Duration(-1)
	if until != never {
		timeout = time.Duration(until - now)
	}
	n, errno := p.sel.sleep(events, timeout)
	p.slept = p.clock.read()-now > shortestSleep
	return n, errno
}

// shortestSleep is longer than a call that does not sleep.
const shortestSleep = int64(5 * time.Microsecond)

const (
	// spinTime is how long Auto looks on: long enough for the stragglers among
	// what usually comes soon.
	spinTime = int64(20 * time.Microsecond)

	// worthSpin is how long looking on may take, on average, to be worth it:
	// more than what a sleep and a wake-up cost in processor time, for the
	// latency that it saves, and less than would make a loop that has
	// something to do every 20 µs a busy one.
	worthSpin = int64(6 * time.Microsecond)
)

// spinning remembers whether looking on has been worth it.
type spinning struct {
	attempts
	average int64 // of the time that it took, over the last sixteen or so
}

// record takes note of a try, which has ended with a find or after spinTime.
func (s *spinning) record(took int64) {
	s.average += (took - s.average) / 16
	switch {
	case s.average <= worthSpin:
		s.paid()
	case took > worthSpin:
		s.wasted()
	default: // perhaps the first of many
	}
}

// attempts spaces tries of what may be in vain. The first one in vain is followed
// by one sleep without a try, the next by 3, then 7, and so on up to mostSkipped.
type attempts struct {
	skip  uint8 // sleeps until the next try
	pause uint8 // sleeps between the last two tries
}

const mostSkipped = 255

func (a *attempts) due() bool {
	if a.skip > 0 {
		a.skip--
		return false
	}
	return true
}

func (a *attempts) paid() { a.pause = 0 }

func (a *attempts) wasted() {
	a.pause = uint8(min(2*int(a.pause)+1, mostSkipped))
	a.skip = a.pause
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

	// probed is when a Poll that parks last passed to see who else runs.
	probed int64

	// crowded is the moment until which other goroutines are taken to compute
	// on all processors. Then passing through the scheduler means to queue
	// behind them, for 10 ms each, and is left to Go's own preemption.
	crowded int64
}

const (
	// longPass is a pass through the scheduler during which another goroutine
	// must have run.
	longPass = int64(time.Millisecond)

	// crowdedFor is how long a finding of crowdedness counts, and probeEvery
	// how long it takes a Poll that parks to look for one.
	crowdedFor = int64(time.Second)
	probeEvery = int64(100 * time.Millisecond)
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
	if now < p.pace.crowded || p.pace.parked && now-p.pace.probed < probeEvery {
		p.pace.parked = false
		p.pace.passed = now
		return
	}
	p.pace.parked, p.pace.probed = false, now
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
