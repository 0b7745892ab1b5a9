//go:build linux && kqueue_sim && !kqueue_sim_macos

package metalio

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
