//go:build unix

package sockets

import (
	"math"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/metalio/metalio"
)

// The functions below are the seam to the system: every system has them under
// these names. They repeat interrupted calls and know nothing of readiness.
// Nearly all use the raw forms, which is right because every descriptor of
// this package is non-blocking.

const maxBacklog = metalio.SOMAXCONN

func wouldBlock(errno syscall.Errno) bool {
	return errno == syscall.EAGAIN || errno == syscall.EWOULDBLOCK
}

// boxed makes an error of errno. Every Unix errno is below 256, and Go does
// not allocate for so small an integer in an interface.
func boxed(errno syscall.Errno) error { return errno }

// inProgress reports that a connect goes on by itself. An interrupted one does
// so too: repeating it would only give EALREADY.
func inProgress(errno syscall.Errno) bool {
	return errno == syscall.EINPROGRESS || errno == syscall.EINTR
}

// validFD reports whether a descriptor that is not ours fits in the int of a C
// program. Cut to that, it could be another's.
func validFD(fd FD) bool { return fd <= math.MaxInt32 }

func notConnected(errno syscall.Errno) bool { return errno == syscall.ENOTCONN }

// sysClose never repeats: the descriptor is gone even when the call was
// interrupted. It alone takes the scheduler-aware form, since with SO_LINGER
// a close waits on a non-blocking socket too.
func sysClose(fd FD) syscall.Errno {
	errno := metalio.Close(int(fd))
	if errno == syscall.EINTR {
		return 0
	}
	return errno
}

func sysBind(fd FD, addr unsafe.Pointer, size uint32) syscall.Errno {
	return metalio.RawBind(int(fd), addr, size)
}

func sysConnect(fd FD, addr unsafe.Pointer, size uint32) syscall.Errno {
	return metalio.RawConnect(int(fd), addr, size)
}

func sysListen(fd FD, backlog int) syscall.Errno {
	return metalio.RawListen(int(fd), backlog)
}

func sysShutdown(fd FD, how int) syscall.Errno {
	return metalio.RawShutdown(int(fd), how)
}

func sysSockname(fd FD, addr unsafe.Pointer, size *uint32) syscall.Errno {
	return metalio.RawGetsockname(int(fd), addr, size)
}

func sysPeername(fd FD, sa *sockaddr) syscall.Errno {
	sa.room()
	return metalio.RawGetpeername(int(fd), sa.pointer(), &sa.len)
}

func sysRead(fd FD, p []byte) (int, syscall.Errno) {
	for {
		n, errno := metalio.RawRead(int(fd), p[:min(len(p), maxTransfer)])
		if errno != syscall.EINTR {
			return n, errno
		}
	}
}

func sysWrite(fd FD, p []byte) (int, syscall.Errno) {
	for {
		n, errno := metalio.RawWrite(int(fd), p[:min(len(p), maxTransfer)])
		if errno != syscall.EINTR {
			return n, errno
		}
	}
}

func sysRecv(fd FD, p []byte) (int, syscall.Errno) {
	for {
		n, errno := metalio.RawRecvfrom(int(fd), p[:min(len(p), maxTransfer)], 0, nil, nil)
		if errno != syscall.EINTR {
			return n, errno
		}
	}
}

func sysSend(fd FD, p []byte) (int, syscall.Errno) {
	for {
		n, errno := metalio.RawSendto(int(fd), p[:min(len(p), maxTransfer)], sendFlags, nil, 0)
		if errno != syscall.EINTR {
			return n, errno
		}
	}
}

// sysRecvFrom receives one datagram. EMSGSIZE says that it was longer than p,
// whose length is then n.
func sysRecvFrom(fd FD, p []byte, from *sockaddr) (int, syscall.Errno) {
	iov := iovecOf(p)
	for {
		from.room()
		msg := metalio.Msghdr{Name: from.pointer(), Namelen: from.len, Iov: &iov, Iovlen: 1}
		n, errno := metalio.RawRecvmsg(int(fd), &msg, 0)
		if errno == syscall.EINTR {
			continue
		}
		runtime.KeepAlive(p)
		from.len = msg.Namelen
		if errno == 0 && msg.Flags&metalio.MSG_TRUNC != 0 {
			errno = syscall.EMSGSIZE
		}
		return n, errno
	}
}

// sysSendTo sends one datagram, to the socket's peer when addr is nil.
func sysSendTo(fd FD, p []byte, addr unsafe.Pointer, size uint32) (int, syscall.Errno) {
	for {
		n, errno := metalio.RawSendto(int(fd), p, sendFlags, addr, size)
		if errno != syscall.EINTR {
			return n, errno
		}
	}
}

// sysRecvv and sysSendv use recvmsg and sendmsg rather than readv and writev
// because only these take flags: no SIGPIPE.
func sysRecvv(fd FD, bufs [][]byte) (int, syscall.Errno) {
	vec, count := vector(bufs, 0)
	msg := metalio.Msghdr{Iov: &vec[0]}
	store(&msg.Iovlen, count)
	for {
		n, errno := metalio.RawRecvmsg(int(fd), &msg, 0)
		if errno != syscall.EINTR {
			runtime.KeepAlive(bufs)
			return n, errno
		}
	}
}

func sysSendv(fd FD, bufs [][]byte, skip int) (int, syscall.Errno) {
	vec, count := vector(bufs, skip)
	msg := metalio.Msghdr{Iov: &vec[0]}
	store(&msg.Iovlen, count)
	for {
		n, errno := metalio.RawSendmsg(int(fd), &msg, sendFlags)
		if errno != syscall.EINTR {
			runtime.KeepAlive(bufs)
			return n, errno
		}
	}
}

// store fills a length whose C type, size_t or int or socklen_t, differs from
// system to system.
func store[T int32 | uint32 | uint64 | uintptr](field *T, n int) { *field = T(n) }

type iovec = metalio.Iovec

func iovecOf(b []byte) iovec {
	return iovec{Base: unsafe.Pointer(unsafe.SliceData(b)), Len: uintptr(len(b))}
}

func sysSetOption(fd FD, level, option, value int) syscall.Errno {
	v := int32(value)
	return metalio.RawSetsockopt(int(fd), level, option, unsafe.Pointer(&v), uint32(unsafe.Sizeof(v)))
}

func sysGetOption(fd FD, level, option int) (int, syscall.Errno) {
	var v int32
	size := uint32(unsafe.Sizeof(v))
	errno := metalio.RawGetsockopt(int(fd), level, option, unsafe.Pointer(&v), &size)
	return int(v), errno
}

func sysPendingError(fd FD) (syscall.Errno, syscall.Errno) {
	v, errno := sysGetOption(fd, metalio.SOL_SOCKET, metalio.SO_ERROR)
	return syscall.Errno(v), errno
}

func sysReuseAddr(fd FD) syscall.Errno {
	return sysSetOption(fd, metalio.SOL_SOCKET, metalio.SO_REUSEADDR, 1)
}

func sysReusePort(fd FD) syscall.Errno {
	return sysSetOption(fd, metalio.SOL_SOCKET, metalio.SO_REUSEPORT, 1)
}

// sysQuietUDP has nothing to do: only Windows reports an unreachable port to an
// unconnected socket.
func sysQuietUDP(FD) syscall.Errno { return 0 }

func sysSetLinger(fd FD, sec int) syscall.Errno {
	l := syscall.Linger{Onoff: 1, Linger: int32(sec)}
	if sec < 0 {
		l = syscall.Linger{}
	}
	return metalio.RawSetsockopt(int(fd), metalio.SOL_SOCKET, optLinger, unsafe.Pointer(&l), uint32(unsafe.Sizeof(l)))
}

// sysDup gives a close-on-exec duplicate; O_NONBLOCK belongs to what both share.
func sysDup(fd FD) (FD, syscall.Errno) {
	n, errno := metalio.RawFcntl(int(fd), metalio.F_DUPFD_CLOEXEC, 0)
	return FD(n), errno
}
