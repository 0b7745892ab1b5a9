//go:build !linux

package sockets

import (
	"syscall"
	"unsafe"
)

// Batch is the scratch memory of ReadBatch and WriteBatch. This system has no
// call for many datagrams, so they go one by one and Batch only bounds them.
type Batch struct {
	size int
}

// NewBatch makes room for batches of up to n datagrams (at least one).
func NewBatch(n int) *Batch { return &Batch{size: max(n, 1)} }

// Cap returns how many datagrams one ReadBatch takes at most.
func (b *Batch) Cap() int { return b.size }

func (b *Batch) read(fd FD, ms []Message) (int, syscall.Errno) {
	for i := range ms {
		var from sockaddr
		n, errno := sysRecvFrom(fd, ms[i].Buf, &from)
		if errno != 0 && errno != syscall.EMSGSIZE {
			// Datagrams already received must reach the caller; an
			// error that lasts comes again at the next call.
			if i > 0 {
				errno = 0
			}
			return i, errno
		}
		ms[i].N = n
		ms[i].Addr = from.addrPort()
		ms[i].Truncated = errno == syscall.EMSGSIZE
	}
	return len(ms), 0
}

func (b *Batch) write(fd FD, family int, ms []Message) (int, syscall.Errno, error) {
	for i := range ms {
		var to sockaddr
		var addr unsafe.Pointer
		if ms[i].Addr.IsValid() {
			if err := to.set(ms[i].Addr, family); err != nil {
				return i, 0, addrError("write udp", ms[i].Addr, err)
			}
			addr = to.pointer()
		}
		if _, errno := sysSendTo(fd, ms[i].Buf[:ms[i].N], addr, to.len); errno != 0 {
			return i, errno, nil
		}
	}
	return len(ms), 0, nil
}
