//go:build unix

package sockets_test

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/metalio/metalio"
	"github.com/metalio/metalio/sockets"
)

func TestDescriptorFlags(t *testing.T) {
	l := listen(t, sockets.ListenConfig{})
	accepted, _ := netPeer(t, l)
	dialed, _ := pair(t)
	r, w, err := sockets.NewPipe()
	check(t, err)
	closing(t, r)
	closing(t, w)
	for name, s := range map[string]interface{ FD() metalio.FD }{
		"listener": l, "accepted": accepted, "dialed": dialed, "reader": r, "writer": w,
	} {
		fdFlags, errno := metalio.RawFcntl(int(s.FD()), metalio.F_GETFD, 0)
		if errno != 0 || fdFlags&metalio.FD_CLOEXEC == 0 {
			t.Errorf("%s is not close-on-exec (flags %#x, %v)", name, fdFlags, errno)
		}
		status, errno := metalio.RawFcntl(int(s.FD()), metalio.F_GETFL, 0)
		if errno != 0 || status&metalio.O_NONBLOCK == 0 {
			t.Errorf("%s is not non-blocking (flags %#x, %v)", name, status, errno)
		}
	}
}

// A descriptor that was closed behind the socket's back gives an error and
// nothing worse.
func TestForeignClose(t *testing.T) {
	c, _ := netPeer(t, listen(t, sockets.ListenConfig{}))
	if errno := metalio.RawClose(int(c.FD())); errno != 0 {
		t.Fatal(errno)
	}
	_, err := c.Read(make([]byte, 1))
	wantIs(t, err, syscall.EBADF)
	wantIs(t, c.Close(), syscall.EBADF)
	wantIs(t, c.Close(), os.ErrClosed)
}

func wantOption(t *testing.T, fd metalio.FD, level, option, want int) {
	t.Helper()
	got := must[int](t)(syscall.GetsockoptInt(int(fd), level, option))
	if got != want {
		t.Fatalf("option %d of level %d is %d, want %d", option, level, got, want)
	}
}

// openDescriptors counts this process's descriptors, far beyond what a test opens.
func openDescriptors(testing.TB) int {
	count := 0
	for fd := range 1024 {
		if _, errno := metalio.RawFcntl(fd, metalio.F_GETFD, 0); errno == 0 {
			count++
		}
	}
	return count
}

func pollEvents(d metalio.Interest) (events int16) {
	if d&metalio.Readable != 0 {
		events |= metalio.POLLIN
	}
	if d&metalio.Writable != 0 {
		events |= metalio.POLLOUT
	}
	return events
}

// brokenPipe reports what writing to a pipe gives once its reader is closed.
func brokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }

// noSuchSocket is what connecting to a name without a file gives.
const noSuchSocket = syscall.ENOENT

// skipUnderWine has nothing to skip: Wine is for Windows programs.
func skipUnderWine(testing.TB, string) {}

func TestUDPWriteWithoutPeer(t *testing.T) {
	_, err := listenUDP(t).Write(nil)
	wantIs(t, err, syscall.EDESTADDRREQ)
}

func TestShortWriteReportsBoth(t *testing.T) {
	a, _ := pair(t)
	check(t, a.SetWriteBuffer(8<<10))
	big := make([]byte, 16<<20)
	n, err := a.Write(big)
	if n <= 0 || n >= len(big) || err != sockets.ErrWouldBlock {
		t.Fatalf("Write = %d, %v, want a part and ErrWouldBlock", n, err)
	}
}
