//go:build windows

package reactor

import "github.com/metalio/metalio"

// Event is one entry of the slice that [Poll.Wait] fills: which registration,
// and what it is ready for.
type Event struct {
	token Token
	ready Ready
}

// Token returns the token given at registration.
func (e Event) Token() Token { return e.token }

// Ready returns what the descriptor is ready for.
func (e Event) Ready() Ready { return e.ready }

// hangup is the interest that every registration has beside its own: in resets
// and connections that failed.
const hangup Interest = 1 << 7

const (
	afdReadable = metalio.AFD_POLL_RECEIVE | metalio.AFD_POLL_ACCEPT | metalio.AFD_POLL_DISCONNECT
	afdHangup   = metalio.AFD_POLL_ABORT | metalio.AFD_POLL_CONNECT_FAIL
)

// afdBits translates what a registration waits for. Even one that waits for
// nothing is polled for its socket's being closed.
func afdBits(armed Interest) uint32 {
	var bits uint32 = metalio.AFD_POLL_LOCAL_CLOSE
	if armed&Readable != 0 {
		bits |= afdReadable
	}
	if armed&Writable != 0 {
		bits |= metalio.AFD_POLL_SEND
	}
	if armed&Priority != 0 {
		bits |= metalio.AFD_POLL_RECEIVE_EXPEDITED
	}
	if armed&hangup != 0 {
		bits |= afdHangup
	}
	return bits
}

// afdDirections is the part of a registration that events are news for.
func afdDirections(events uint32) Interest {
	if events&afdHangup != 0 {
		return Readable | Writable | Priority | hangup
	}
	var directions Interest
	if events&afdReadable != 0 {
		directions |= Readable
	}
	if events&metalio.AFD_POLL_SEND != 0 {
		directions |= Writable
	}
	if events&metalio.AFD_POLL_RECEIVE_EXPEDITED != 0 {
		directions |= Priority
	}
	return directions
}

// afdReady translates AFD's bits, of which there is one for each kind of end:
// DISCONNECT is the peer's half-close, ABORT a reset.
func afdReady(events uint32, interest Interest) Ready {
	var r Ready
	directions := afdDirections(events) & interest
	if directions&(Readable|Priority) != 0 {
		r |= readyReadable
	}
	if directions&Writable != 0 {
		r |= readyWritable
	}
	if events&metalio.AFD_POLL_RECEIVE_EXPEDITED != 0 {
		r |= readyPriority
	}
	if events&metalio.AFD_POLL_DISCONNECT != 0 {
		r |= readyReadClosed
	}
	if events&afdHangup != 0 {
		r |= readyError | readyReadClosed | readyWriteClosed
	}
	return r
}
