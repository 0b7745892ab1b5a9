//go:build linux && kqueue_sim

package metalio

import (
	"syscall"
	"unsafe"
)

// fileID tells whether a descriptor is still the one it was. Both ends of a
// pipe have the same inode, and differ in how they are open.
type fileID struct {
	dev, ino uint64
	format   uint32
	access   int
}

func (f fileID) isPipe() bool   { return f.format == syscall.S_IFIFO }
func (f fileID) isSocket() bool { return f.format == syscall.S_IFSOCK }

func identify(fd int) (fileID, bool) {
	var st syscall.Stat_t
	// Raw, unlike syscall.Fstat: a word to the scheduler for each event would
	// make it start threads, which allocate.
	if _, _, e := syscall.RawSyscall(syscall.SYS_FSTAT, uintptr(fd), uintptr(unsafe.Pointer(&st)), 0); e != 0 {
		return fileID{}, false
	}
	flags, errno := RawFcntl(fd, F_GETFL, 0)
	return fileID{uint64(st.Dev), st.Ino, st.Mode & syscall.S_IFMT, flags & syscall.O_ACCMODE}, errno == 0
}

// pollNow returns all that poll(2) can say of fd.
func pollNow(fd int) int {
	p := [1]Pollfd{{Fd: int32(fd), Events: POLLIN | POLLOUT | POLLPRI | POLLRDHUP}}
	if _, errno := RawPpoll(p[:], &Timespec{}, nil); errno != 0 {
		return 0
	}
	return int(uint16(p[0].Revents))
}

// run runs the filter: it reports whether there is something to report, and
// puts what in k.ev.
func (k *knote) run() bool {
	switch k.ev.Filter {
	case EVFILT_USER:
		return k.triggered
	case EVFILT_PROC:
		k.ev.Flags |= EV_EOF | EV_ONESHOT
		k.ev.Fflags = NOTE_EXIT
		return pollNow(k.pidfd)&POLLIN != 0
	}
	fd := int(k.ev.Ident)
	file, ok := identify(fd)
	if !ok {
		return false
	}
	k.ev.Flags &^= EV_EOF
	k.ev.Fflags, k.ev.Data = 0, 0
	bits := pollNow(fd)
	switch {
	case k.ev.Filter == EVFILT_EXCEPT:
		return k.runExcept(fd, bits)
	case file.isSocket() && isStream(fd):
		return k.runStream(fd, bits)
	case file.isPipe():
		return k.runPipe(fd, file, bits)
	case k.ev.Filter == EVFILT_READ:
		k.ev.Data = unread(fd)
		return bits&(POLLIN|POLLERR) != 0
	}
	return bits&(POLLOUT|POLLERR) != 0
}

// runStream is for connections and listeners.
func (k *knote) runStream(fd, bits int) bool {
	if option(fd, SO_ACCEPTCONN) != 0 {
		k.ev.Data = 1 // at least: Linux does not tell how many are waiting
		return k.ev.Filter == EVFILT_READ && bits&POLLIN != 0
	}
	// Linux reports a hang-up before a connection was ever tried; then nothing
	// has been shut down.
	if bits&POLLHUP != 0 && bits&POLLRDHUP == 0 {
		return false
	}
	var ended bool
	if k.ev.Filter == EVFILT_READ {
		k.ev.Data = unread(fd)
		ended = bits&(POLLRDHUP|POLLHUP) != 0
		bits &= POLLIN | POLLERR
	} else {
		k.ev.Data = unsent(fd)
		ended = bits&POLLHUP != 0 || bits&(POLLOUT|POLLERR) == POLLOUT && isShut(fd)
		if bits&POLLERR != 0 {
			ended = true
		}
		bits &= POLLOUT | POLLERR
	}
	if ended {
		k.ev.Flags |= EV_EOF
		if bits&POLLERR != 0 {
			k.ev.Fflags = uint32(syscall.ECONNRESET)
		}
	}
	return ended || bits != 0
}

// runExcept is for out-of-band data. The filter is the read filter's, which looks
// for such data first if it is told to (soexcept_filtops and filt_soread_common in
// bsd/kern/uipc_socket.c of xnu), so that ordinary data and the end are reported
// too, without NOTE_OOB.
func (k *knote) runExcept(fd, bits int) bool {
	k.ev.Data = unread(fd)
	if bits&POLLPRI != 0 {
		k.ev.Fflags = NOTE_OOB
		return true
	}
	if bits&(POLLRDHUP|POLLHUP) != 0 {
		k.ev.Flags |= EV_EOF
		if bits&POLLERR != 0 {
			k.ev.Fflags = uint32(syscall.ECONNRESET)
		}
	}
	return bits&(POLLIN|POLLERR|POLLRDHUP|POLLHUP) != 0
}

// runPipe is for pipes and FIFOs. The filter that does not belong to the end
// can be added and never fires.
func (k *knote) runPipe(fd int, file fileID, bits int) bool {
	if k.ev.Filter == EVFILT_READ {
		if file.access == syscall.O_WRONLY {
			return false
		}
		k.ev.Data = unread(fd)
		if bits&POLLHUP != 0 {
			k.ev.Flags |= EV_EOF
		}
		return bits&(POLLIN|POLLHUP) != 0
	}
	if file.access == syscall.O_RDONLY {
		return false
	}
	size, _ := RawFcntl(fd, F_GETPIPE_SZ, 0)
	k.ev.Data = max(int64(size)-unread(fd), 0)
	if bits&POLLERR != 0 {
		k.ev.Flags |= EV_EOF
		k.ev.Data = 0
		if endsWithReader {
			k.ev.Flags |= EV_ONESHOT
		}
	}
	return bits&(POLLOUT|POLLERR) != 0
}

func isStream(fd int) bool { return option(fd, SO_TYPE) == SOCK_STREAM }

func option(fd, name int) int {
	var value int32
	size := uint32(unsafe.Sizeof(value))
	RawGetsockopt(fd, SOL_SOCKET, name, unsafe.Pointer(&value), &size)
	return int(value)
}

// isShut reports whether the writing direction of a stream was shut down, here
// or by the end of the connection. Sending nothing fails then, and does nothing
// otherwise.
func isShut(fd int) bool {
	_, errno := RawSendto(fd, nil, MSG_DONTWAIT|MSG_NOSIGNAL, nil, 0)
	return errno == syscall.EPIPE
}

// unread is how many bytes can be read.
func unread(fd int) int64 { return queued(fd, TIOCINQ) }

// unsent is how much of a socket's send buffer is free.
func unsent(fd int) int64 {
	return max(int64(option(fd, SO_SNDBUF))-queued(fd, TIOCOUTQ), 0)
}

func queued(fd int, request uint64) int64 {
	var n int32
	RawIoctl(fd, request, unsafe.Pointer(&n))
	return int64(n)
}
