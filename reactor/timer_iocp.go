//go:build windows

package reactor

import (
	"time"

	"github.com/metalio/metalio"
)

// portTimer ends a wait on a port at a moment between two ticks of the system's
// clock, where the port's own timeouts end: a high-resolution timer, which a
// wait completion packet turns into a packet of the port. The zero portTimer
// does nothing. It belongs to whoever is in wait.
type portTimer struct {
	packets waitPackets
	port    uintptr
	timer   uintptr // 0 where the system has none
	packet  uintptr
	state   timerState
	due     time.Time // of what is armed
	arming  uintptr   // how often it was armed: the packet's context
}

type timerState uint8

const (
	timerFree     timerState = iota // no packet is to come
	timerArmed                      // it comes at due, or is in the port already
	timerSignaled                   // it was due when it was armed
	timerStuck                      // it could not be cancelled: it comes any moment
)

// open leaves the zero portTimer where the system has not all that it takes:
// high-resolution timers are there since Windows 10, version 1803.
func (t *portTimer) open(packets waitPackets, port uintptr) {
	if packets == nil {
		return
	}
	timer, errno := metalio.CreateWaitableTimerExW(nil, nil,
		metalio.CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, metalio.SYNCHRONIZE|metalio.TIMER_MODIFY_STATE)
	if errno != 0 {
		return
	}
	packet, status := packets.create()
	if status.Failed() {
		metalio.CloseHandle(timer)
		return
	}
	*t = portTimer{packets: packets, port: port, timer: timer, packet: packet}
}

// limit says how long the port may sleep in a wait that ends at deadline,
// remaining from now, and arms the timer for it if that is finite.
func (t *portTimer) limit(deadline time.Time, remaining time.Duration) time.Duration {
	if t.timer == 0 || remaining <= 0 {
		return remaining
	}
	// What is due sooner stays: most waits end before it, and the turn that it
	// costs at worst arms again.
	left := t.due.Sub(deadline) + remaining
	if t.state != timerArmed || left <= 0 || left > remaining {
		t.arm(deadline, remaining)
	}
	switch t.state {
	case timerArmed:
		// The port's timeout stands in only should the packet not come: it
		// may end up to a tick too early. A sum that overflows is negative.
		const tick = 16 * time.Millisecond
		return max(remaining, remaining+tick)
	case timerSignaled:
		return 0
	}
	return remaining
}

// arm has the port get a packet at deadline, unless the system refuses: then the
// port's timeout has to do.
func (t *portTimer) arm(deadline time.Time, remaining time.Duration) {
	t.disarm()
	due := timerUnits(remaining)
	if t.state != timerFree || metalio.SetWaitableTimer(t.timer, &due, 0, 0, 0, 0) != 0 {
		return
	}
	t.arming++
	signaled, status := t.packets.associate(t.packet, t.port, t.timer, keyTimer, t.arming)
	switch {
	case status.Failed():
		return
	case signaled:
		t.state = timerSignaled
	default:
		t.state = timerArmed
	}
	t.due = deadline
}

// disarm takes the packet back, if it can.
func (t *portTimer) disarm() {
	if t.state == timerFree {
		return
	}
	switch t.packets.cancel(t.packet) {
	case metalio.STATUS_SUCCESS, metalio.STATUS_CANCELLED:
		t.state = timerFree
	default:
		t.state = timerStuck
	}
}

// arrived is called for each packet. One of an earlier arming was cancelled too
// late, and says nothing of the current one.
func (t *portTimer) arrived(arming uintptr) {
	if arming == t.arming {
		t.state = timerFree
	}
}

func (t *portTimer) close() {
	if t.timer == 0 {
		return
	}
	t.disarm()
	t.packets.destroy(t.packet)
	metalio.CloseHandle(t.timer)
	*t = portTimer{}
}

// timerUnits is d as SetWaitableTimer takes a time from now: in negative units
// of 100 ns, rounded so that it is never early.
func timerUnits(d time.Duration) int64 { return -int64(d/100) - 1 }
