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
	recvFDFlags     = 0
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
	if errno := prepareBoth(fds, setFlags); errno != 0 {
		return 0, 0, errno
	}
	return FD(fds[0]), FD(fds[1]), 0
}

func sysSocketpair(typ int) ([2]FD, syscall.Errno) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	var fds [2]int32
	if errno := metalio.RawSocketpair(metalio.AF_UNIX, typ, 0, &fds); errno != 0 {
		return [2]FD{}, errno
	}
	if errno := prepareBoth(fds, setSocketFlags); errno != 0 {
		return [2]FD{}, errno
	}
	return [2]FD{FD(fds[0]), FD(fds[1])}, 0
}

// prepareBoth closes both descriptors when one cannot be prepared.
func prepareBoth(fds [2]int32, prepare func(fd int) syscall.Errno) syscall.Errno {
	for _, fd := range fds {
		if errno := prepare(int(fd)); errno != 0 {
			metalio.RawClose(int(fds[0]))
			metalio.RawClose(int(fds[1]))
			return errno
		}
	}
	return 0
}

// beginReceivingFDs keeps children from inheriting what arrives until adoptFDs
// has made it close-on-exec.
func beginReceivingFDs() { syscall.ForkLock.RLock() }

func endReceivingFDs() { syscall.ForkLock.RUnlock() }

func adoptFDs(fds []FD) (errno syscall.Errno) {
	for _, fd := range fds {
		if _, e := metalio.RawFcntl(int(fd), metalio.F_SETFD, metalio.FD_CLOEXEC); e != 0 {
			errno = e
		}
	}
	return errno
}

// prepareSocket gives fd what Linux gives at creation, or closes it.
func prepareSocket(fd int) (FD, syscall.Errno) {
	errno := setSocketFlags(fd)
	// A connection that was reset while it waited takes no options any more
	// (EINVAL); it is still delivered, and the first read tells.
	if errno != 0 && errno != syscall.EINVAL {
		metalio.RawClose(fd)
		return 0, errno
	}
	return FD(fd), 0
}

func setSocketFlags(fd int) syscall.Errno {
	if errno := setFlags(fd); errno != 0 {
		return errno
	}
	return sysSetOption(FD(fd), metalio.SOL_SOCKET, metalio.SO_NOSIGPIPE, 1)
}

func setFlags(fd int) syscall.Errno {
	if _, errno := metalio.RawFcntl(fd, metalio.F_SETFD, metalio.FD_CLOEXEC); errno != 0 {
		return errno
	}
	_, errno := metalio.RawFcntl(fd, metalio.F_SETFL, metalio.O_NONBLOCK)
	return errno
}
