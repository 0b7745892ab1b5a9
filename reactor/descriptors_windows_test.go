package reactor

import (
	"fmt"
	"os"
	"os/exec"
	"runtime/pprof"
	"syscall"
	"testing"

	"golang.org/x/sys/windows"

	"github.com/metalio/metalio"
	"github.com/metalio/metalio/internal/handles"
	"github.com/metalio/metalio/sockets"
)

// descriptor is the type that package syscall uses.
type descriptor = syscall.Handle

const (
	errWouldBlock = syscall.Errno(metalio.WSAEWOULDBLOCK)
	errConnecting = syscall.Errno(metalio.WSAEWOULDBLOCK)
	errRefused    = syscall.Errno(metalio.WSAECONNREFUSED)
	errReset      = syscall.Errno(metalio.WSAECONNRESET)

	// messagesForEachEvent is how many messages a test of both mixes with each
	// event of a socket, which costs a multiple of that, under Wine above all.
	messagesForEachEvent = 60
)

func closeDescriptor(fd FD) error { return failure(metalio.Closesocket(fd)) }

func readFD(fd FD, p []byte) (int, error) {
	n, errno := metalio.Recv(fd, p, 0)
	return n, failure(errno)
}

func writeFD(fd FD, p []byte) (int, error) {
	n, errno := metalio.Send(fd, p, 0)
	return n, failure(errno)
}

func accept(l FD) (FD, error) {
	fd, errno := metalio.Accept(l, nil, nil)
	return fd, failure(errno)
}

func failure(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

func mustErrno(t testing.TB, errno syscall.Errno) {
	t.Helper()
	must(t, failure(errno))
}

// pair is two connected stream sockets.
func pair(t testing.TB) (a, b FD) { return tcpPair(t) }

// unixSockets has streams only: Windows has no others.
func unixSockets(t *testing.T, w *watcher) {
	a, b, err := sockets.UnixPair()
	must(t, err)
	defer a.Close()
	defer b.Close()
	w.register(a.FD(), 1, Readable, Edge)
	_, err = b.Write([]byte("x"))
	must(t, err)
	w.want(1, readyReadable)
	if got := drain(t, a.FD()); got != "x" {
		t.Fatal(got)
	}
	w.deregister(a.FD())
}

// pipe is what package sockets takes for one.
func pipe(t testing.TB) (r, w FD) {
	t.Helper()
	reader, writer, err := sockets.NewPipe()
	must(t, err)
	r, w = reader.FD(), writer.FD() // which nothing but Close would close
	owned(t, r, w)
	return r, w
}

// duplicate is another descriptor of the same socket, which is open until the
// test ends. It is closed as a handle, because Wine's closesocket knows only
// sockets that Winsock has opened.
func duplicate(t testing.TB, fd FD) FD {
	t.Helper()
	var dup windows.Handle
	self := windows.CurrentProcess()
	must(t, windows.DuplicateHandle(self, windows.Handle(fd), self, &dup, 0, false, windows.DUPLICATE_SAME_ACCESS))
	t.Cleanup(func() { windows.CloseHandle(dup) })
	return FD(dup)
}

func sendTo(t testing.TB, fd FD, port int, s string) {
	t.Helper()
	to := &windows.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
	must(t, windows.Sendto(windows.Handle(fd), []byte(s), 0, to))
}

func sendUrgent(t testing.TB, fd FD, b byte) {
	t.Helper()
	_, errno := metalio.Send(fd, []byte{b}, metalio.MSG_OOB)
	mustErrno(t, errno)
}

// descriptors counts what is open.
type descriptors struct {
	handles int
	threads int // that Go has started so far
	claimed int // sockets that a Poll watches
}

func (d descriptors) String() string {
	return fmt.Sprintf("%d handles, %d threads, %d claimed sockets", d.handles, d.threads, d.claimed)
}

func openDescriptors(t testing.TB) descriptors {
	t.Helper()
	n, err := handles.Count(os.Getpid())
	must(t, err)
	claims.Lock()
	defer claims.Unlock()
	return descriptors{n, pprof.Lookup("threadcreate").Count(), claims.bySocket.count}
}

// covers reports whether no more are open now than the threads that Go has
// started meanwhile account for: each keeps up to six handles (itself, two
// semaphores, three for its timers). A few are the system's own.
func (d descriptors) covers(now descriptors) bool {
	const own, forEachThread = 10, 6
	allowed := d.handles + own + forEachThread*(now.threads-d.threads)
	return now.handles <= allowed && now.claimed <= d.claimed
}

func init() { roles["until input ends"] = untilEOF }

// untilInputEnds is a process that ends when its standard input does.
func untilInputEnds() *exec.Cmd { return child("until input ends") }
