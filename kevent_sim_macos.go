//go:build linux && kqueue_sim && kqueue_sim_macos

package metalio

import "syscall"

// Where FreeBSD and macOS differ, the simulation is macOS's, as far as backends
// meet it: the write filter of a pipe that nobody reads is added and answers
// EPIPE, as OS X 10.11 was seen to do, and a process that has exited is not found
// (ESRCH), bsd/kern/kern_event.c of xnu.
const (
	endsWithReader     = false
	addsInSpiteOfEPIPE = true
	refusesZombies     = true
	unreadPipe         = syscall.EPIPE
)
