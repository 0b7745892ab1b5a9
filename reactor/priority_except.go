//go:build unix && (!linux || kqueue_sim)

package reactor

import "github.com/metalio/metalio"

// Out-of-band data has a filter of its own. Where a system lacks it, Priority is
// refused.
const (
	hasPriority    = metalio.HasUrgentEvents
	priorityFilter = metalio.EVFILT_EXCEPT
	priorityNote   = metalio.NOTE_OOB
)

// isPriority reports whether rec is of the filter for out-of-band data, and
// isUrgent that there is such data. macOS reports ordinary data through the same
// filter: it is the read filter by another name (soexcept_filtops in
// bsd/kern/uipc_socket.c of xnu).
func isPriority(rec *metalio.KeventT) bool { return hasPriority && rec.Filter == priorityFilter }

func isUrgent(rec *metalio.KeventT) bool { return isPriority(rec) && rec.Fflags&priorityNote != 0 }

// flagsFor is the flags for the knote of a direction, when it is added. For
// Priority it is always one that reports news only, since what it reports on
// macOS may be unread data that nobody asked about, for as long as it is there.
// What settle makes of that has the registration's mode.
func flagsFor(d Interest, flags int) int {
	if d == Priority && flags&metalio.EV_ADD != 0 {
		return flags&^metalio.EV_ONESHOT | metalio.EV_CLEAR
	}
	return flags
}
