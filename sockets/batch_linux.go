package sockets

import (
	"runtime"
	"syscall"

	"github.com/metalio/metalio"
)

// Batch is the scratch memory of ReadBatch and WriteBatch. It may serve many
// sockets, one call at a time.
type Batch struct {
	hdrs  []metalio.Mmsghdr
	iovs  []iovec
	addrs []sockaddr
}

// NewBatch makes room for batches of up to n datagrams (at least one).
func NewBatch(n int) *Batch {
	n = max(n, 1)
	return &Batch{
		hdrs:  make([]metalio.Mmsghdr, n),
		iovs:  make([]iovec, n),
		addrs: make([]sockaddr, n),
	}
}

// Cap returns how many datagrams fit into one system call.
func (b *Batch) Cap() int { return len(b.hdrs) }

func (b *Batch) read(fd FD, ms []Message) (int, syscall.Errno) {
	for i := range ms {
		b.addrs[i].room()
		b.describe(i, ms[i].Buf, &b.addrs[i])
	}
	n, errno := b.receive(fd, len(ms))
	runtime.KeepAlive(ms)
	if errno != 0 {
		return 0, errno
	}
	for i := range n {
		h, m := &b.hdrs[i], &ms[i]
		b.addrs[i].len = h.Hdr.Namelen
		m.N = int(h.Len)
		m.Addr = b.addrs[i].addrPort()
		m.Truncated = h.Hdr.Flags&metalio.MSG_TRUNC != 0
	}
	return n, 0
}

func (b *Batch) receive(fd FD, count int) (int, syscall.Errno) {
	for {
		n, errno := metalio.RawRecvmmsg(int(fd), b.hdrs[:count], 0, nil)
		switch errno {
		case syscall.EINTR:
			continue
		case syscall.ENOSYS:
			return b.receiveEach(fd, count)
		}
		return n, errno
	}
}

// receiveEach is for 32-bit kernels before 5.1: the recvmmsg that they have takes
// another time than ours.
func (b *Batch) receiveEach(fd FD, count int) (n int, errno syscall.Errno) {
	for n < count {
		h := &b.hdrs[n]
		size, errno := metalio.RawRecvmsg(int(fd), &h.Hdr, 0)
		switch {
		case errno == syscall.EINTR:
			continue
		case errno != 0 && n == 0:
			return 0, errno
		case errno != 0: // an error that lasts comes again at the next call
			return n, 0
		}
		h.Len = uint32(size)
		n++
	}
	return n, 0
}

// write sends what precedes the first message with a bad address, and reports
// that address only when it comes first.
func (b *Batch) write(fd FD, family int, ms []Message) (int, syscall.Errno, error) {
	for i := range ms {
		m := &ms[i]
		if !m.Addr.IsValid() {
			b.describe(i, m.Buf[:m.N], nil)
			continue
		}
		if err := b.addrs[i].set(m.Addr, family); err != nil {
			if i == 0 {
				return 0, 0, addrError("write udp", m.Addr, err)
			}
			ms = ms[:i]
			break
		}
		b.describe(i, m.Buf[:m.N], &b.addrs[i])
	}
	for {
		n, errno := metalio.RawSendmmsg(int(fd), b.hdrs[:len(ms)], sendFlags)
		if errno != syscall.EINTR {
			runtime.KeepAlive(ms)
			return max(n, 0), errno, nil
		}
	}
}

// describe makes header i stand for p and the address at sa.
func (b *Batch) describe(i int, p []byte, sa *sockaddr) {
	b.iovs[i] = iovecOf(p)
	b.hdrs[i] = metalio.Mmsghdr{Hdr: metalio.Msghdr{Iov: &b.iovs[i], Iovlen: 1}}
	if sa != nil {
		b.hdrs[i].Hdr.Name = sa.pointer()
		b.hdrs[i].Hdr.Namelen = sa.len
	}
}
