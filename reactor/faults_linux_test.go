//go:build !kqueue_sim

// The simulated kernel makes system calls of its own.

package reactor

import (
	"testing"

	"github.com/metalio/metalio/internal/strace"
)

// TestFaults runs tests of this package again while strace makes every few
// system calls fail as the kernel, or a filter of it, sometimes does: whoever
// waits or wakes must not notice.
func TestFaults(t *testing.T) {
	tracer := strace.Path(t)
	const waiting = "/^(timeout_never_early|negative_timeout_waits_for_ever|timeout_beyond_24_days_and_beyond_49_days|close_wakes_a_waiter)$"
	for _, f := range []struct{ calls, fault, tests string }{
		// Go's own netpoller waits with epoll_pwait, and takes EINTR as well.
		{"epoll_pwait", "EINTR:when=1+3", "^TestWaitingInMilliseconds$"},
		{"epoll_pwait2", "EINTR:when=1+2", "^TestWaiting$/^(auto|block)$" + waiting},
		{"epoll_pwait2", "ENOSYS", "^TestWaiting$/^(auto|block)$" + waiting},
		{"epoll_pwait2", "EPERM", "^TestWaiting$/^(auto|block)$" + waiting},
		// So does what its poller is woken with.
		{"write", "EINTR:when=1+3", "^TestWakers$/^(wake|many_wakes|two_wakers)"},
	} {
		t.Run(f.calls+" "+f.fault, func(t *testing.T) {
			strace.Inject(t, tracer, f.calls, f.fault, f.tests)
		})
	}
}
