//go:build unix && !linux

package sockets_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/metalio/metalio"
)

// ready waits up to timeout until fd is ready in direction d. An error or a
// hang-up counts as ready, as it does for a reactor.
func ready(t testing.TB, fd metalio.FD, d metalio.Interest, timeout time.Duration) bool {
	t.Helper()
	fds := []metalio.Pollfd{{Fd: int32(fd), Events: pollEvents(d)}}
	for deadline := time.Now().Add(timeout); ; {
		left := max(time.Until(deadline), 0)
		n, errno := metalio.Poll(fds, int((left+time.Millisecond-1)/time.Millisecond))
		if errno == syscall.EINTR {
			continue
		}
		if errno != 0 {
			t.Fatalf("poll: %v", errno)
		}
		return n > 0
	}
}
