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
	left := metalio.Timespec{Sec: metalio.TimeT(timeout / time.Second), Nsec: metalio.Long(timeout % time.Second)}
	for {
		// The kernel takes what has passed off left, so an interrupted
		// wait goes on with the rest.
		n, errno := metalio.Ppoll(fds, &left, nil)
		if errno == syscall.EINTR {
			continue
		}
		if errno != 0 {
			t.Fatalf("ppoll: %v", errno)
		}
		return n > 0
	}
}
