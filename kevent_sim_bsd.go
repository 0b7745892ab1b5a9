//go:build linux && kqueue_sim && !kqueue_sim_macos

package metalio

// Where FreeBSD and macOS differ, the simulation is FreeBSD's, sys_pipe.c and
// kern_event.c of sys/kern: a pipe that nobody reads takes no write filter, and a
// process can be watched until it is reaped.
const (
	addsInSpiteOfEPIPE = false
	refusesZombies     = false
)
