//go:build unix

package sockets

import (
	"runtime"
	"syscall"
	"unsafe"

	"github.com/metalio/metalio"
)

func sysUnixSocket(typ int) (FD, syscall.Errno) { return sysSocket(metalio.AF_UNIX, typ, 0) }

// unixInProgress reports that a connect goes on by itself. EAGAIN is not such
// a case: the listener's queue is full and nothing was begun.
func unixInProgress(errno syscall.Errno) bool { return inProgress(errno) }

// control has room for one control message with MaxFDs descriptors, aligned as
// its header wants.
type control struct {
	_     [0]uint64
	bytes [controlSize]byte
}

// The header is at most 16 bytes on every system, and a descriptor takes 4.
const controlSize = 16 + 4*MaxFDs

func (c *control) header(at int) *metalio.Cmsghdr {
	return (*metalio.Cmsghdr)(unsafe.Pointer(&c.bytes[at]))
}

// fd points at descriptor i of the message at the given offset.
func (c *control) fd(at, i int) *int32 {
	return (*int32)(unsafe.Pointer(&c.bytes[at+syscall.CmsgLen(4*i)]))
}

func sysSendFDs(fd FD, p []byte, fds []FD) (int, syscall.Errno) {
	if len(fds) == 0 {
		return sysSend(fd, p)
	}
	var ctl control
	size := syscall.CmsgLen(4 * len(fds))
	h := ctl.header(0)
	h.Level, h.Type = metalio.SOL_SOCKET, metalio.SCM_RIGHTS
	store(&h.Len, size)
	for i, passed := range fds {
		if !validFD(passed) {
			return 0, syscall.EBADF
		}
		*ctl.fd(0, i) = int32(passed)
	}
	iov := iovecOf(p)
	msg := metalio.Msghdr{Iov: &iov, Iovlen: 1, Control: unsafe.Pointer(&ctl)}
	store(&msg.Controllen, size)
	for {
		n, errno := metalio.RawSendmsg(int(fd), &msg, sendFlags)
		if errno != syscall.EINTR {
			runtime.KeepAlive(p)
			return n, errno
		}
	}
}

// sysRecvFDs gives EMSGSIZE with valid counts when descriptors were dropped.
func sysRecvFDs(fd FD, p []byte, fds []FD) (n, nfds int, errno syscall.Errno) {
	beginReceivingFDs()
	defer endReceivingFDs()
	var ctl control
	iov := iovecOf(p)
	for {
		// There is always room for MaxFDs, whatever fds holds: not every
		// kernel closes descriptors that do not fit.
		msg := metalio.Msghdr{Iov: &iov, Iovlen: 1, Control: unsafe.Pointer(&ctl)}
		store(&msg.Controllen, syscall.CmsgLen(4*MaxFDs))
		n, errno = metalio.RawRecvmsg(int(fd), &msg, recvFDFlags)
		if errno == syscall.EINTR {
			continue
		}
		runtime.KeepAlive(p)
		if errno != 0 {
			return 0, 0, errno
		}
		came := ctl.take(int(msg.Controllen), fds)
		nfds = min(came, len(fds))
		errno = adoptFDs(fds[:nfds])
		if errno == 0 && (came > nfds || msg.Flags&metalio.MSG_CTRUNC != 0) {
			errno = syscall.EMSGSIZE
		}
		return n, nfds, errno
	}
}

// take copies the descriptors of the first size bytes to fds, closes those for
// which fds has no room, and returns how many came.
func (c *control) take(size int, fds []FD) (count int) {
	for at := 0; at+syscall.CmsgLen(0) <= size; {
		h := c.header(at)
		data := int(h.Len) - syscall.CmsgLen(0)
		if data < 0 || at+int(h.Len) > size {
			break
		}
		if h.Level == metalio.SOL_SOCKET && h.Type == metalio.SCM_RIGHTS {
			for i := range data / 4 {
				if count < len(fds) {
					fds[count] = FD(*c.fd(at, i))
				} else {
					metalio.Close(int(*c.fd(at, i)))
				}
				count++
			}
		}
		at += syscall.CmsgSpace(data)
	}
	return count
}
