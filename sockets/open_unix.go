//go:build unix && !darwin

package sockets

import (
	"syscall"

	"github.com/metalio/metalio"
)

const (
	sendFlags   = metalio.MSG_NOSIGNAL
	recvFDFlags = metalio.MSG_CMSG_CLOEXEC
	optLinger   = metalio.SO_LINGER
)

// Here the kernel creates descriptors non-blocking and close-on-exec in one
// step, so no concurrent fork can inherit one.

func sysSocket(family, typ, protocol int) (FD, syscall.Errno) {
	fd, errno := metalio.RawSocket(family, typ|metalio.SOCK_NONBLOCK|metalio.SOCK_CLOEXEC, protocol)
	return FD(fd), errno
}

func sysAccept(fd FD, peer *sockaddr) (FD, syscall.Errno) {
	for {
		peer.room()
		n, errno := metalio.RawAccept4(int(fd), peer.pointer(), &peer.len, metalio.SOCK_NONBLOCK|metalio.SOCK_CLOEXEC)
		if errno != syscall.EINTR && errno != syscall.ECONNABORTED {
			return FD(n), errno
		}
	}
}

func sysPipe() (r, w FD, errno syscall.Errno) {
	var fds [2]int32
	errno = metalio.RawPipe2(&fds, metalio.O_NONBLOCK|metalio.O_CLOEXEC)
	return FD(fds[0]), FD(fds[1]), errno
}

func sysSocketpair(typ int) ([2]FD, syscall.Errno) {
	var fds [2]int32
	errno := metalio.RawSocketpair(metalio.AF_UNIX, typ|metalio.SOCK_NONBLOCK|metalio.SOCK_CLOEXEC, 0, &fds)
	return [2]FD{FD(fds[0]), FD(fds[1])}, errno
}

// Received descriptors come close-on-exec by recvFDFlags.

func beginReceivingFDs() {}

func endReceivingFDs() {}

func adoptFDs([]FD) syscall.Errno { return 0 }
