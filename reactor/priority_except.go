//go:build darwin

package reactor

import "github.com/metalio/metalio"

// Out-of-band data has a filter of its own here.
const (
	hasPriority    = true
	priorityFilter = metalio.EVFILT_EXCEPT
	priorityNote   = metalio.NOTE_OOB
)
