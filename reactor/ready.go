package reactor

import "strings"

// Ready is what an event says about its descriptor, in bits that mean the same
// on every system. All are hints: readiness may be gone when it is acted upon,
// and only readable and writable are reported by every system.
type Ready uint8

const (
	readyReadable Ready = 1 << iota
	readyWritable
	readyPriority
	readyError
	readyReadClosed
	readyWriteClosed
	readyExited
)

// IsReadable reports that a read would not block: there is data, priority data,
// a connection to accept, the end of the stream or an error to fetch.
func (r Ready) IsReadable() bool { return r&readyReadable != 0 }

// IsWritable reports that a write would not block, or that a connection has
// been established.
func (r Ready) IsWritable() bool { return r&readyWritable != 0 }

// IsPriority reports out-of-band data, for a registration with Priority.
func (r Ready) IsPriority() bool { return r&readyPriority != 0 }

// IsError reports an error that the next operation on the descriptor fetches.
// A pipe whose reader is gone reports it too.
func (r Ready) IsError() bool { return r&readyError != 0 }

// IsReadClosed reports that the peer will send no more. Data that it sent
// before may still have to be read.
func (r Ready) IsReadClosed() bool { return r&readyReadClosed != 0 }

// IsWriteClosed reports that nothing written now would reach anybody.
func (r Ready) IsWriteClosed() bool { return r&readyWriteClosed != 0 }

// IsExited reports that a process has ended, see [Poll.RegisterProcess]. Nothing
// else is reported with it.
func (r Ready) IsExited() bool { return r&readyExited != 0 }

// String names the set bits, for messages.
func (r Ready) String() string {
	if r == 0 {
		return "none"
	}
	var set []string
	for i, name := range [...]string{"readable", "writable", "priority", "error", "read-closed", "write-closed", "exited"} {
		if r&(1<<i) != 0 {
			set = append(set, name)
		}
	}
	return strings.Join(set, "|")
}

// methods tells which of a Handler's methods an event calls, if the
// registration has asked for them, see handled: Readable, Writable, or both.
// There is at least one for each event that reports something in the
// registration's interest, an error or a hang-up, so that no level-triggered
// condition goes round unseen: systems deliver an error, and the end of both
// directions, whatever the interest.
func (r Ready) methods() (m Interest) {
	if r&(readyReadable|readyReadClosed|readyError) != 0 {
		m |= Readable
	}
	if r&(readyWritable|readyWriteClosed|readyError) != 0 {
		m |= Writable
	}
	return m
}

// handled is the set of methods that an interest can call: priority data and
// an exit are news to read.
func handled(interest Interest) Interest {
	if interest&Priority != 0 {
		interest |= Readable
	}
	return interest &^ Priority
}
