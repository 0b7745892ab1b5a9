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
