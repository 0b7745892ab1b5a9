//go:build linux && kqueue_sim && !kqueue_sim_macos

package metalio

import "syscall"

// Where FreeBSD and macOS differ, the simulation is FreeBSD's, sys_pipe.c and
// kern_event.c of sys/kern: a pipe that nobody reads takes no write filter, one
// that it has becomes EV_ONESHOT when the last reader closes (pipeclose,
// knlist_cleardel), and a process can be watched until it is reaped. A kernel
// without EVFILT_USER is NetBSD's, whose pipeclose leaves the filter.
const (
	endsWithReader     = HasUserEvents
	addsInSpiteOfEPIPE = false
	refusesZombies     = false
)

// unreadPipe is the answer to a write filter for a pipe that nobody reads. It is
// EBADF in pipe_kqfilter of NetBSD's sys_pipe.c.
var unreadPipe = map[bool]syscall.Errno{true: syscall.EPIPE, false: syscall.EBADF}[HasUserEvents]
