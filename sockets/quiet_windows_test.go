package sockets

import (
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/windows"

	"github.com/metalio/metalio"
)

// TestQuietUDP asks systems that refuse one request or the other. Whether the
// reports stop shows only on Windows, and that of used up hops needs a router.
func TestQuietUDP(t *testing.T) {
	both := []uint32{metalio.SIO_UDP_CONNRESET, metalio.SIO_UDP_NETRESET}
	for _, c := range []struct {
		name    string
		answers []syscall.Errno
		want    syscall.Errno
	}{
		{"windows", []syscall.Errno{0, 0}, 0},
		{"wine", []syscall.Errno{0, windows.WSAEOPNOTSUPP}, 0},
		{"refused", []syscall.Errno{windows.WSAENOTSOCK}, windows.WSAENOTSOCK},
		{"second refused", []syscall.Errno{0, windows.WSAENETDOWN}, windows.WSAENETDOWN},
	} {
		var asked []uint32
		got := quietUDP(func(request uint32) syscall.Errno {
			asked = append(asked, request)
			return c.answers[len(asked)-1]
		})
		if got != c.want || !slices.Equal(asked, both[:len(c.answers)]) {
			t.Errorf("%s: %v after %x, want %v", c.name, got, asked, c.want)
		}
	}
}
