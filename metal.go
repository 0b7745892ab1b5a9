package metalio

import "strings"

// FD is a descriptor: a file descriptor on Unix, a SOCKET on Windows. It is
// what syscall.RawConn.Control hands out. An *os.File's own Fd method may set
// the file blocking, so prefer Control.
type FD = uintptr

// Interest says which readiness a registration asks for. Combine with |.
type Interest uint8

// The directions of readiness. Priority is out-of-band data; it is never part
// of Readable.
const (
	Readable Interest = 1 << iota
	Writable
	Priority
)

// AllInterests is every bit that Interest defines.
const AllInterests = Readable | Writable | Priority

// String names the set bits, for messages.
func (i Interest) String() string {
	if i == 0 {
		return "none"
	}
	var names []string
	for _, n := range [...]struct {
		bit  Interest
		name string
	}{{Readable, "readable"}, {Writable, "writable"}, {Priority, "priority"}} {
		if i&n.bit != 0 {
			names = append(names, n.name)
		}
	}
	if i&^AllInterests != 0 {
		names = append(names, "unknown")
	}
	return strings.Join(names, "|")
}

// Rearmer is told by a socket that an operation would have blocked, so that a
// mechanism which must emulate edge triggering (AFD on Windows) can watch the
// blocked direction again. On epoll and kqueue nobody needs to be told. A socket
// returns would-block whatever the Rearmer answers.
type Rearmer interface {
	Rearm(fd FD, blocked Interest) error
}
