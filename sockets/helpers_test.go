package sockets_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/metalio/metalio"
	"github.com/metalio/metalio/sockets"
)

// patience bounds every wait: long enough for a loaded machine, short enough
// to fail a test rather than the run.
const patience = 10 * time.Second

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

func must[T any](t testing.TB) func(v T, err error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantIs(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("got error %v, want one that is %v", err, target)
	}
}

// await waits until fd is ready in direction d.
func await(t testing.TB, fd metalio.FD, d metalio.Interest) {
	t.Helper()
	if !ready(t, fd, d, patience) {
		t.Fatalf("descriptor %d not %v within %v", fd, d, patience)
	}
}

// closing closes c at the end of the test, where a test that closed it itself
// is no failure.
func closing(t testing.TB, c io.Closer) {
	t.Cleanup(func() {
		if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

func listen(t testing.TB, cfg sockets.ListenConfig) *sockets.TCPListener {
	t.Helper()
	l := must[*sockets.TCPListener](t)(sockets.ListenTCP(loopback, cfg))
	closing(t, l)
	return l
}

// netPeer connects a standard-library client to l and returns both ends.
func netPeer(t testing.TB, l *sockets.TCPListener) (*sockets.TCPConn, *net.TCPConn) {
	t.Helper()
	peer := must[*net.TCPConn](t)(net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(l.Addr())))
	closing(t, peer)
	check(t, peer.SetDeadline(time.Now().Add(patience)))
	await(t, l.FD(), metalio.Readable)
	c, _, err := l.Accept()
	check(t, err)
	closing(t, c)
	return c, peer
}

// pair connects two sockets of this package over the loopback.
func pair(t testing.TB) (a, b *sockets.TCPConn) {
	t.Helper()
	l := listen(t, sockets.ListenConfig{})
	a = must[*sockets.TCPConn](t)(sockets.DialTCP(l.Addr()))
	closing(t, a)
	await(t, l.FD(), metalio.Readable)
	b, _, err := l.Accept()
	check(t, err)
	closing(t, b)
	await(t, a.FD(), metalio.Writable)
	check(t, a.ConnectError())
	return a, b
}

type reader interface {
	io.Reader
	FD() metalio.FD
}

type writer interface {
	io.Writer
	FD() metalio.FD
}

// readFull fills p, waiting as often as needed.
func readFull(t testing.TB, r reader, p []byte) {
	t.Helper()
	for done := 0; done < len(p); {
		n, err := r.Read(p[done:])
		done += n
		if err == sockets.ErrWouldBlock {
			await(t, r.FD(), metalio.Readable)
			continue
		}
		check(t, err)
	}
}

// readUntilError returns what r gives before the error that is not a would-block.
func readUntilError(t testing.TB, r reader) ([]byte, error) {
	t.Helper()
	var all bytes.Buffer
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		all.Write(buf[:n])
		switch {
		case err == sockets.ErrWouldBlock:
			await(t, r.FD(), metalio.Readable)
		case err != nil:
			return all.Bytes(), err
		}
	}
}

// fill writes until the socket takes not even a byte and returns how much it took.
func fill(t testing.TB, w writer) int {
	t.Helper()
	total := 0
	for _, size := range []int{64 << 10, 1} {
		for block := make([]byte, size); ; {
			n, err := w.Write(block)
			total += n
			if err == sockets.ErrWouldBlock {
				break
			}
			check(t, err)
		}
	}
	return total
}

// recorder is a Rearmer that remembers.
type recorder struct {
	fds     []metalio.FD
	blocked []metalio.Interest
	err     error
}

func (r *recorder) Rearm(fd metalio.FD, blocked metalio.Interest) error {
	r.fds = append(r.fds, fd)
	r.blocked = append(r.blocked, blocked)
	return r.err
}
