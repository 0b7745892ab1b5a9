//go:build !windows

package reactor

// fineClock says that Go's monotonic clock can measure microseconds.
const fineClock = true
