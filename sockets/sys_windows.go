package sockets

import (
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"github.com/metalio/metalio"
	"golang.org/x/sys/windows"
)

// The seam to the system, as sys_unix.go has it. Unlike there no call is ever
// interrupted.

const (
	maxBacklog      = metalio.SOMAXCONN
	optKeepIdle     = metalio.TCP_KEEPIDLE
	optKeepInterval = metalio.TCP_KEEPINTVL
	optKeepCount    = metalio.TCP_KEEPCNT
)

// startWinsock may be called however often another package has done so.
var startWinsock = sync.OnceValue(func() syscall.Errno {
	const version2_2 = 0x202
	var data metalio.WSAData
	return syscall.Errno(metalio.WSAStartup(version2_2, &data))
})

func wouldBlock(errno syscall.Errno) bool { return errno == windows.WSAEWOULDBLOCK }

func inProgress(errno syscall.Errno) bool { return errno == windows.WSAEWOULDBLOCK }

func notConnected(errno syscall.Errno) bool { return errno == windows.WSAENOTCONN }

func openSocket(family, typ, protocol int) (FD, syscall.Errno) {
	if errno := startWinsock(); errno != 0 {
		return 0, errno
	}
	const flags = metalio.WSA_FLAG_OVERLAPPED | metalio.WSA_FLAG_NO_HANDLE_INHERIT
	return metalio.WSASocketW(family, typ, protocol, nil, 0, flags)
}

func setNonblocking(fd FD) syscall.Errno {
	on := uint32(1)
	return metalio.Ioctlsocket(fd, metalio.FIONBIO, &on)
}

func sysSocket(family, typ, protocol int) (FD, syscall.Errno) {
	fd, errno := openSocket(family, typ, protocol)
	if errno != 0 {
		return 0, errno
	}
	if errno := setNonblocking(fd); errno != 0 {
		metalio.Closesocket(fd)
		return 0, errno
	}
	return fd, 0
}

// sysAccept passes over a connection that was reset while it waited, which
// Windows reports as WSAECONNRESET.
func sysAccept(fd FD, peer *sockaddr) (FD, syscall.Errno) {
	for {
		conn, errno := acceptSocket(fd, peer)
		if errno != windows.WSAECONNRESET {
			return conn, errno
		}
	}
}

// acceptSocket makes what accept returns like what sysSocket returns. Between
// the two calls a child could inherit it, but Go's own children inherit only
// what they are told to.
func acceptSocket(fd FD, peer *sockaddr) (FD, syscall.Errno) {
	peer.room()
	conn, errno := metalio.Accept(fd, peer.pointer(), asInt(&peer.len))
	if errno != 0 {
		return 0, errno
	}
	errno = setNonblocking(conn)
	if err := syscall.SetHandleInformation(syscall.Handle(conn), syscall.HANDLE_FLAG_INHERIT, 0); errno == 0 && err != nil {
		errno = asErrno(err)
	}
	if errno != 0 {
		metalio.Closesocket(conn)
		return 0, errno
	}
	return conn, 0
}

// asInt gives an address's length as the int* that Winsock wants. It is a small
// positive number, which both types represent alike.
func asInt(size *uint32) *int32 { return (*int32)(unsafe.Pointer(size)) }

var loopbackIPv4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// sysPipe connects two sockets over the loopback. Whoever else gets hold of the
// port meanwhile is turned away by comparing addresses.
func sysPipe() (r, w FD, errno syscall.Errno) {
	l, errno := openSocket(metalio.AF_INET, metalio.SOCK_STREAM, 0)
	if errno != 0 {
		return 0, 0, errno
	}
	defer metalio.Closesocket(l)
	var sa sockaddr
	sa.set4(loopbackIPv4, 0)
	if errno := sysBind(l, sa.pointer(), sa.len); errno != 0 {
		return 0, 0, errno
	}
	if errno := sysListen(l, 1); errno != 0 {
		return 0, 0, errno
	}
	sa.room()
	if errno := sysSockname(l, sa.pointer(), &sa.len); errno != 0 {
		return 0, 0, errno
	}
	if w, errno = connectedTo(&sa); errno != 0 {
		return 0, 0, errno
	}
	if r, errno = acceptFrom(l, w); errno != 0 {
		metalio.Closesocket(w)
		return 0, 0, errno
	}
	return r, w, 0
}

// connectedTo waits for the connection: on the loopback to a listening socket
// the system answers by itself.
func connectedTo(sa *sockaddr) (FD, syscall.Errno) {
	fd, errno := openSocket(metalio.AF_INET, metalio.SOCK_STREAM, 0)
	if errno != 0 {
		return 0, errno
	}
	if errno = sysConnect(fd, sa.pointer(), sa.len); errno == 0 {
		errno = setNonblocking(fd)
	}
	if errno == 0 {
		// A pipe hands over what it is given at once.
		errno = sysSetOption(fd, metalio.IPPROTO_TCP, metalio.TCP_NODELAY, 1)
	}
	if errno != 0 {
		metalio.Closesocket(fd)
		return 0, errno
	}
	return fd, 0
}

// acceptFrom accepts until the connection is the one that peer made.
func acceptFrom(l, peer FD) (FD, syscall.Errno) {
	var want, got sockaddr
	want.room()
	if errno := sysSockname(peer, want.pointer(), &want.len); errno != 0 {
		return 0, errno
	}
	for {
		fd, errno := sysAccept(l, &got)
		if errno != 0 {
			return 0, errno
		}
		if got.addrPort() == want.addrPort() {
			return fd, 0
		}
		metalio.Closesocket(fd)
	}
}

func sysClose(fd FD) syscall.Errno { return metalio.Closesocket(fd) }

func sysBind(fd FD, addr unsafe.Pointer, size uint32) syscall.Errno {
	return metalio.Bind(fd, addr, int(size))
}

func sysConnect(fd FD, addr unsafe.Pointer, size uint32) syscall.Errno {
	return metalio.Connect(fd, addr, int(size))
}

func sysListen(fd FD, backlog int) syscall.Errno { return metalio.Listen(fd, backlog) }

func sysShutdown(fd FD, how int) syscall.Errno { return metalio.Shutdown(fd, how) }

func sysSockname(fd FD, addr unsafe.Pointer, size *uint32) syscall.Errno {
	return metalio.Getsockname(fd, addr, asInt(size))
}

func sysPeername(fd FD, sa *sockaddr) syscall.Errno {
	sa.room()
	return metalio.Getpeername(fd, sa.pointer(), asInt(&sa.len))
}

func sysRead(fd FD, p []byte) (int, syscall.Errno) { return sysRecv(fd, p) }

func sysWrite(fd FD, p []byte) (int, syscall.Errno) { return sysSend(fd, p) }

func sysRecv(fd FD, p []byte) (int, syscall.Errno) {
	n, errno := metalio.Recv(fd, p[:min(len(p), maxTransfer)], 0)
	return endAfterShutdown(n, errno)
}

// endAfterShutdown makes reading after CloseRead an end, as on the other systems.
func endAfterShutdown(n int, errno syscall.Errno) (int, syscall.Errno) {
	if errno == windows.WSAESHUTDOWN {
		return 0, 0
	}
	return n, errno
}

func sysSend(fd FD, p []byte) (int, syscall.Errno) {
	return metalio.Send(fd, p[:min(len(p), maxTransfer)], 0)
}

func sysRecvFrom(fd FD, p []byte, from *sockaddr) (int, syscall.Errno) {
	from.room()
	n, errno := metalio.Recvfrom(fd, p[:min(len(p), maxTransfer)], 0, from.pointer(), asInt(&from.len))
	switch errno {
	case windows.WSAEMSGSIZE:
		return len(p), syscall.EMSGSIZE
	case windows.WSAECONNRESET:
		// What the other systems call refused: no one has the port.
		return 0, windows.WSAECONNREFUSED
	}
	return n, errno
}

func sysSendTo(fd FD, p []byte, addr unsafe.Pointer, size uint32) (int, syscall.Errno) {
	if addr == nil {
		return metalio.Send(fd, p, 0)
	}
	return metalio.Sendto(fd, p, 0, addr, int(size))
}

// Unix sockets are streams here, and pass no descriptors.

func sysUnixSocket(typ int) (FD, syscall.Errno) {
	if typ != metalio.SOCK_STREAM {
		return 0, syscall.EWINDOWS
	}
	return sysSocket(metalio.AF_UNIX, typ, 0)
}

func unixInProgress(errno syscall.Errno) bool { return inProgress(errno) }

func sysSocketpair(int) ([2]FD, syscall.Errno) { return [2]FD{}, syscall.EWINDOWS }

func sysSendFDs(FD, []byte, []FD) (int, syscall.Errno) { return 0, syscall.EWINDOWS }

func sysRecvFDs(FD, []byte, []FD) (int, int, syscall.Errno) { return 0, 0, syscall.EWINDOWS }

func sysRecvv(fd FD, bufs [][]byte) (int, syscall.Errno) {
	vec, count := vector(bufs, 0)
	var done, flags uint32
	errno := metalio.WSARecv(fd, vec[:count], &done, &flags, nil, 0)
	runtime.KeepAlive(bufs)
	return endAfterShutdown(int(done), errno)
}

func sysSendv(fd FD, bufs [][]byte, skip int) (int, syscall.Errno) {
	vec, count := vector(bufs, skip)
	var done uint32
	errno := metalio.WSASend(fd, vec[:count], &done, 0, nil, 0)
	runtime.KeepAlive(bufs)
	return int(done), errno
}

type iovec = metalio.WSABuf

func iovecOf(b []byte) iovec {
	return iovec{Buf: unsafe.Pointer(unsafe.SliceData(b)), Len: uint32(len(b))}
}

func sysSetOption(fd FD, level, option, value int) syscall.Errno {
	v := int32(value)
	return metalio.Setsockopt(fd, level, option, unsafe.Pointer(&v), int(unsafe.Sizeof(v)))
}

func sysPendingError(fd FD) (syscall.Errno, syscall.Errno) {
	var v int32
	size := int32(unsafe.Sizeof(v))
	errno := metalio.Getsockopt(fd, metalio.SOL_SOCKET, metalio.SO_ERROR, unsafe.Pointer(&v), &size)
	return syscall.Errno(v), errno
}

// sysReuseAddr does nothing: on Windows SO_REUSEADDR would let any other socket
// take the address over, and connections that time out never hold it anyway.
func sysReuseAddr(FD) syscall.Errno { return 0 }

// sysReusePort: Windows has nothing like it. EWINDOWS is errors.ErrUnsupported.
func sysReusePort(FD) syscall.Errno { return syscall.EWINDOWS }

// sysQuietUDP keeps an unconnected socket from failing for what became of one of
// its datagrams, as it does not on the other systems.
func sysQuietUDP(fd FD) syscall.Errno {
	return quietUDP(func(request uint32) syscall.Errno {
		var off, returned uint32
		return metalio.WSAIoctl(fd, request, unsafe.Pointer(&off), uint32(unsafe.Sizeof(off)), nil, 0, &returned, nil, 0)
	})
}

// quietUDP turns off both reports: that no one had the port, and that the hops
// were used up on the way. Wine makes the first only and refuses the other
// request.
func quietUDP(turnOff func(request uint32) syscall.Errno) syscall.Errno {
	if errno := turnOff(metalio.SIO_UDP_CONNRESET); errno != 0 {
		return errno
	}
	errno := turnOff(metalio.SIO_UDP_NETRESET)
	if errno == windows.WSAEOPNOTSUPP {
		return 0
	}
	return errno
}

func sysSetLinger(fd FD, sec int) syscall.Errno {
	l := syscall.Linger{Onoff: 1, Linger: int32(sec)}
	if sec < 0 {
		l = syscall.Linger{}
	}
	return asErrno(syscall.SetsockoptLinger(syscall.Handle(fd), metalio.SOL_SOCKET, metalio.SO_LINGER, &l))
}

func asErrno(err error) syscall.Errno {
	var errno syscall.Errno
	if err != nil && !errors.As(err, &errno) {
		return syscall.EINVAL
	}
	return errno
}

// sysDup: a duplicate would still belong to the completion port of the
// original, so that neither package net nor a reactor could watch it.
func sysDup(FD) (FD, syscall.Errno) { return 0, syscall.EWINDOWS }
