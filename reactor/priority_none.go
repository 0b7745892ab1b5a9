//go:build unix && (!linux || kqueue_sim)

package reactor

import "syscall"

// checkInterest refuses Priority where no filter reports out-of-band data.
func checkInterest(interest Interest) syscall.Errno {
	if interest&Priority != 0 && !hasPriority {
		return syscall.ENOTSUP
	}
	return 0
}
