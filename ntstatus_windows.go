package metalio

import "syscall"

// NTStatus is what the native calls return. The two highest bits are the
// severity: success, information, warning, error ([MS-ERREF] 2.3).
type NTStatus uint32

// Failed reports whether s is an error or a warning, as NT_ERROR and
// NT_WARNING of ntdef.h do together. STATUS_PENDING is no failure.
func (s NTStatus) Failed() bool { return int32(s) < 0 }

// Errno returns the Win32 error that stands for s, and 0 for success.
func (s NTStatus) Errno() syscall.Errno {
	if s == 0 {
		return 0
	}
	return syscall.Errno(RtlNtStatusToDosError(s))
}

// Error describes s as its Win32 error does.
func (s NTStatus) Error() string { return s.Errno().Error() }

// Is makes errors.Is see the Win32 error behind s.
func (s NTStatus) Is(target error) bool {
	errno, ok := target.(syscall.Errno)
	return ok && s.Errno() == errno
}
