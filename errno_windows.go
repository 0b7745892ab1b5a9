package metalio

import "syscall"

// lastError is e, or EINVAL for the calls that fail without setting a reason:
// a failure must never look like success.
func lastError(e syscall.Errno) syscall.Errno {
	if e == 0 {
		return syscall.EINVAL
	}
	return e
}
