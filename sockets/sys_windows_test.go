package sockets_test

import (
	"errors"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/metalio/metalio"
	"github.com/metalio/metalio/internal/behaviours"
)

var (
	procWSAPoll    = syscall.NewLazyDLL("ws2_32.dll").NewProc("WSAPoll")
	procGetsockopt = syscall.NewLazyDLL("ws2_32.dll").NewProc("getsockopt")
)

// ready waits up to timeout until fd is ready in direction d. An error or a
// hang-up counts as ready, as it does for a reactor.
func ready(t testing.TB, fd metalio.FD, d metalio.Interest, timeout time.Duration) bool {
	t.Helper()
	// WSAPOLLFD, POLLRDNORM and POLLWRNORM of winsock2.h
	pollfd := struct {
		socket          uintptr
		events, revents int16
	}{socket: fd}
	if d&metalio.Readable != 0 {
		pollfd.events |= 0x100
	}
	if d&metalio.Writable != 0 {
		pollfd.events |= 0x10
	}
	ms := (timeout + time.Millisecond - 1) / time.Millisecond
	// Proc.Call would allocate, within what TestZeroAllocs measures.
	n, _, err := syscall.SyscallN(procWSAPoll.Addr(), uintptr(unsafe.Pointer(&pollfd)), 1, uintptr(ms))
	if int32(n) < 0 {
		t.Fatalf("WSAPoll: %v", err)
	}
	return n > 0
}

// openDescriptors counts this process's sockets, far beyond what a test opens.
// Of other handles Go's runtime opens some for each thread that it starts.
func openDescriptors(testing.TB) (open int) {
	for fd := metalio.FD(4); fd < 4*2048; fd += 4 { // handles are multiples of 4
		var kind, size int32 = 0, 4
		if metalio.Getsockopt(fd, metalio.SOL_SOCKET, metalio.SO_TYPE, unsafe.Pointer(&kind), &size) == 0 {
			open++
		}
	}
	return open
}

func wantOption(t *testing.T, fd metalio.FD, level, option, want int) {
	t.Helper()
	var got int32
	size := int32(unsafe.Sizeof(got))
	r, _, err := procGetsockopt.Call(fd, uintptr(level), uintptr(option), uintptr(unsafe.Pointer(&got)), uintptr(unsafe.Pointer(&size)))
	if r != 0 {
		t.Fatalf("getsockopt: %v", err)
	}
	if int(got) != want {
		t.Fatalf("option %d of level %d is %d, want %d", option, level, got, want)
	}
}

// brokenPipe reports what writing to a pipe gives once its reader is closed: the
// pipe is a pair of sockets here.
func brokenPipe(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNABORTED)
}

// noSuchSocket is what connecting to a name without a file gives.
const noSuchSocket = syscall.ECONNREFUSED

// skipUnderWine skips a test of what Windows does and Wine does not.
func skipUnderWine(t testing.TB, reason string) {
	t.Helper()
	if behaviours.Here() == behaviours.Wine {
		t.Skip("under Wine:", reason)
	}
}
