package sockets

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// winsockError is a Winsock error that errors.Is finds under its own number
// and under the portable syscall constant that the other systems return.
type winsockError struct {
	errno    syscall.Errno
	portable syscall.Errno
}

func (e *winsockError) Error() string { return e.errno.Error() }
func (e *winsockError) Unwrap() error { return e.errno }

func (e *winsockError) Is(target error) bool {
	return target == e.portable || e.portable.Is(target)
}

// winsockErrors are boxed beforehand, so that a failing read does not
// allocate: numbers this large would.
var winsockErrors = [...]winsockError{
	{windows.WSAECONNRESET, syscall.ECONNRESET},
	{windows.WSAECONNABORTED, syscall.ECONNABORTED},
	{windows.WSAESHUTDOWN, syscall.EPIPE},
	{windows.WSAECONNREFUSED, syscall.ECONNREFUSED},
	{windows.WSAENOTCONN, syscall.ENOTCONN},
	{windows.WSAEMSGSIZE, syscall.EMSGSIZE},
	{windows.WSAENOTSOCK, syscall.EBADF},
	{windows.WSAEBADF, syscall.EBADF},
	{windows.WSAEINVAL, syscall.EINVAL},
	{windows.WSAEACCES, syscall.EACCES},
	{windows.WSAEMFILE, syscall.EMFILE},
	{windows.WSAENOBUFS, syscall.ENOBUFS},
	{windows.WSAEADDRINUSE, syscall.EADDRINUSE},
	{windows.WSAEADDRNOTAVAIL, syscall.EADDRNOTAVAIL},
	{windows.WSAEAFNOSUPPORT, syscall.EAFNOSUPPORT},
	{windows.WSAEDESTADDRREQ, syscall.EDESTADDRREQ},
	{windows.WSAENETUNREACH, syscall.ENETUNREACH},
	{windows.WSAEHOSTUNREACH, syscall.EHOSTUNREACH},
	{windows.WSAETIMEDOUT, syscall.ETIMEDOUT},
	{windows.WSAEISCONN, syscall.EISCONN},
	{windows.WSAENOPROTOOPT, syscall.ENOPROTOOPT},
	{windows.WSAEOPNOTSUPP, syscall.EOPNOTSUPP},
}

// boxed makes an error of errno.
func boxed(errno syscall.Errno) error {
	for i := range winsockErrors {
		if e := &winsockErrors[i]; e.errno == errno {
			return e
		}
	}
	return errno
}
