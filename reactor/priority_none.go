//go:build unix && !darwin && (!linux || kqueue_sim)

package reactor

// No filter reports out-of-band data here, so that Priority is refused.
const (
	hasPriority    = false
	priorityFilter = 0
	priorityNote   = 0
)
