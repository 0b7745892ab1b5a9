//go:build windows

package reactor

// fineClock says that Go's monotonic clock can measure microseconds. Here it
// advances with the system's tick, every 15.6 ms unless some program asks for
// more: whoever looked on for 20 µs by it would keep a processor busy for as long.
const fineClock = false
