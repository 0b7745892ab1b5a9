package reactor

import (
	"strconv"

	"github.com/metalio/metalio"
)

// Token is the caller's word for a registration: all 64 bits are the caller's,
// and come back unchanged with each event.
type Token uint64

// FD is a descriptor: what [syscall.RawConn.Control] hands out.
type FD = metalio.FD

// Interest is the readiness that a registration asks for. Combine with |.
type Interest = metalio.Interest

// The directions of readiness. Priority is out-of-band data; it is never part
// of Readable.
const (
	Readable = metalio.Readable
	Writable = metalio.Writable
	Priority = metalio.Priority
)

// Mode says when readiness is reported again.
type Mode uint8

const (
	// Level reports readiness at each Wait for as long as it lasts.
	Level Mode = iota

	// Edge reports readiness once, and again when more of it arrives. After
	// an event the descriptor must be read or written until it would block.
	Edge

	// OneShot reports once, whatever the number of directions, and then is
	// silent until Reregister, errors and hang-ups included.
	OneShot
)

// String names the mode, for messages.
func (m Mode) String() string {
	switch m {
	case Level:
		return "level"
	case Edge:
		return "edge"
	case OneShot:
		return "one-shot"
	}
	return "Mode(" + strconv.Itoa(int(m)) + ")"
}
