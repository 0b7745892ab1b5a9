package sockets

import (
	"syscall"

	"github.com/metalio/metalio"
)

// macOS has no MSG_NOSIGNAL that all its releases know: SO_NOSIGPIPE is set on
// each socket instead. SO_LINGER counts in clock ticks there, SO_LINGER_SEC in
// seconds.
const (
	sendFlags       = 0
	optLinger       = metalio.SO_LINGER_SEC
	optKeepIdle     = metalio.TCP_KEEPALIVE
	optKeepInterval = metalio.TCP_KEEPINTVL
	optKeepCount    = metalio.TCP_KEEPCNT
)

// macOS creates descriptors without flags. syscall.ForkLock keeps the children
// of this process from inheriting one before it is close-on-exec.

func sysSocket(family, typ, protocol int) (FD, syscall.Errno) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, errno := metalio.RawSocket(family, typ, protocol)
	if errno != 0 {
		return 0, errno
	}
	return prepareSocket(fd)
}

func sysAccept(fd FD, peer *sockaddr) (FD, syscall.Errno) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	for {
		peer.room()
		n, errno := metalio.RawAccept(int(fd), peer.pointer(), &peer.len)
		switch errno {
		case 0:
			return prepareSocket(n)
		case syscall.EINTR, syscall.ECONNABORTED:
			continue
		}
		return 0, errno
	}
}

func sysPipe() (r, w FD, errno syscall.Errno) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	var fds [2]int32
	if errno := metalio.RawPipe(&fds); errno != 0 {
		return 0, 0, errno
	}
	for _, fd := range fds {
		if errno = setFlags(int(fd)); errno != 0 {
			break
		}
	}
	if errno != 0 {
		metalio.RawClose(int(fds[0]))
		metalio.RawClose(int(fds[1]))
		return 0, 0, errno
	}
	return FD(fds[0]), FD(fds[1]), 0
}

// prepareSocket gives fd what Linux gives at creation, or closes it.
func prepareSocket(fd int) (FD, syscall.Errno) {
	errno := setFlags(fd)
	if errno == 0 {
		errno = sysSetOption(FD(fd), metalio.SOL_SOCKET, metalio.SO_NOSIGPIPE, 1)
	}
	// A connection that was reset while it waited takes no options any more
	// (EINVAL); it is still delivered, and the first read tells.
	if errno != 0 && errno != syscall.EINVAL {
		metalio.RawClose(fd)
		return 0, errno
	}
	return FD(fd), 0
}

func setFlags(fd int) syscall.Errno {
	if _, errno := metalio.RawFcntl(fd, metalio.F_SETFD, metalio.FD_CLOEXEC); errno != 0 {
		return errno
	}
	_, errno := metalio.RawFcntl(fd, metalio.F_SETFL, metalio.O_NONBLOCK)
	return errno
}
