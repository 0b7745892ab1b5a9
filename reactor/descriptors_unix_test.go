//go:build unix

package reactor

import (
	"os/exec"
	"slices"
	"syscall"
	"testing"
)

// descriptor is the type that package syscall uses.
type descriptor = int

const (
	errWouldBlock = syscall.EAGAIN
	errConnecting = syscall.EINPROGRESS
	errRefused    = syscall.ECONNREFUSED
	errReset      = syscall.ECONNRESET

	// messagesForEachEvent is how many messages a test of both mixes with each
	// event of a socket, which costs more.
	messagesForEachEvent = 6
)

func closeDescriptor(fd FD) error { return syscall.Close(int(fd)) }

func readFD(fd FD, p []byte) (int, error)  { return syscall.Read(int(fd), p) }
func writeFD(fd FD, p []byte) (int, error) { return syscall.Write(int(fd), p) }

func accept(l FD) (FD, error) {
	fd, _, err := syscall.Accept(int(l))
	return FD(fd), err
}

// pair is two connected stream sockets, of the cheapest kind.
func pair(t testing.TB) (a, b FD) { return unixPair(t, syscall.SOCK_STREAM) }

func unixPair(t testing.TB, kind int) (a, b FD) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, kind, 0)
	must(t, err)
	a, b = FD(fds[0]), FD(fds[1])
	owned(t, a, b)
	return a, b
}

func unixSockets(t *testing.T, w *watcher) {
	for _, kind := range []int{syscall.SOCK_STREAM, syscall.SOCK_DGRAM} {
		a, b := unixPair(t, kind)
		w.register(a, 1, Readable|Writable, Edge)
		w.want(1, readyWritable)
		write(t, b, "x")
		if r := w.all(1); !r.IsReadable() {
			t.Fatal(r)
		}
		if got := drain(t, a); got != "x" {
			t.Fatal(got)
		}
		w.none()
		w.deregister(a)
	}
}

func pipe(t testing.TB) (r, w FD) {
	t.Helper()
	var fds [2]int
	must(t, syscall.Pipe(fds[:]))
	r, w = FD(fds[0]), FD(fds[1])
	owned(t, r, w)
	return r, w
}

// duplicate is another descriptor of the same file.
func duplicate(t testing.TB, fd FD) FD {
	t.Helper()
	dup, err := syscall.Dup(int(fd))
	must(t, err)
	owned(t, FD(dup))
	return FD(dup)
}

func sendTo(t testing.TB, fd FD, port int, s string) {
	t.Helper()
	must(t, syscall.Sendto(int(fd), []byte(s), 0, loopback(port)))
}

func sendUrgent(t testing.TB, fd FD, b byte) {
	t.Helper()
	must(t, syscall.Sendto(int(fd), []byte{b}, syscall.MSG_OOB, nil))
}

// descriptors are those that are open.
type descriptors []int

func openDescriptors(t testing.TB) (open descriptors) {
	for fd := range 4096 {
		var st syscall.Stat_t
		if syscall.Fstat(fd, &st) == nil {
			open = append(open, fd)
		}
	}
	return open
}

// covers reports whether no others are open now.
func (d descriptors) covers(now descriptors) bool { return slices.Equal(d, now) }

// untilInputEnds is a process that ends when its standard input does.
func untilInputEnds() *exec.Cmd { return exec.Command("cat") }
