//go:build unix || windows

package reactor

import (
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/metalio/metalio"
)

// Descriptors as package syscall makes them, on Windows sockets. The files for
// Unix and Windows have the type descriptor and what is called otherwise there.

// owned makes descriptors non-blocking, and closes them at the end of the test
// unless closeFD has done so.
func owned(t testing.TB, fds ...FD) {
	t.Helper()
	for _, fd := range fds {
		must(t, SetNonblock(fd))
		syscall.CloseOnExec(descriptor(fd))
		mine[fd] = true
		t.Cleanup(func() { closeFD(t, fd) })
	}
}

// mine are the descriptors that tests have to close. Tests run one by one.
var mine = map[FD]bool{}

func closeFD(t testing.TB, fd FD) {
	t.Helper()
	if mine[fd] {
		delete(mine, fd)
		must(t, closeDescriptor(fd))
	}
}

// pairWith opens pairs until an end has the number, which was closed before, and
// returns that pair. Unix gives out the lowest number that is free, so that it
// is the first; other systems need not give it out again.
func pairWith(t testing.TB, number FD) (a, b FD, found bool) {
	t.Helper()
	for range 50 {
		a, b = pair(t)
		if a == number {
			return a, b, true
		}
		if b == number {
			return b, a, true
		}
	}
	t.Logf("this system has not used number %d again", number)
	return a, b, false
}

func socket(t testing.TB, kind int) FD {
	t.Helper()
	s, err := syscall.Socket(syscall.AF_INET, kind, 0)
	must(t, err)
	return FD(s)
}

func loopback(port int) *syscall.SockaddrInet4 {
	return &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
}

func portOf(t testing.TB, fd FD) int {
	t.Helper()
	addr, err := syscall.Getsockname(descriptor(fd))
	must(t, err)
	return addr.(*syscall.SockaddrInet4).Port
}

// listener listens for TCP connections.
func listener(t testing.TB) FD {
	t.Helper()
	l := socket(t, syscall.SOCK_STREAM)
	owned(t, l)
	must(t, syscall.Bind(descriptor(l), loopback(0)))
	must(t, syscall.Listen(descriptor(l), 4096))
	return l
}

func listenerWithPending(t testing.TB) (l, client FD) {
	t.Helper()
	l = listener(t)
	return l, connect(t, portOf(t, l))
}

// connect makes a connection, which may be under way still.
func connect(t testing.TB, port int) FD {
	t.Helper()
	c, err := connecting(t, port)
	must(t, err)
	return c
}

// connecting is connect that may fail, as some systems know at once.
func connecting(t testing.TB, port int) (FD, error) {
	t.Helper()
	c := socket(t, syscall.SOCK_STREAM)
	owned(t, c)
	err := syscall.Connect(descriptor(c), loopback(port))
	if err == errConnecting {
		err = nil
	}
	return c, err
}

// tcpPair is two ends of a connection over loopback.
func tcpPair(t testing.TB) (a, b FD) {
	t.Helper()
	l := listener(t)
	defer closeFD(t, l)
	a = connect(t, portOf(t, l))
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); runtime.Gosched() {
		b, err := accept(l)
		if err == errWouldBlock {
			continue
		}
		must(t, err)
		owned(t, b)
		return a, b
	}
	t.Fatal("no connection has come")
	return
}

// udp is a datagram socket with a port of its own.
func udp(t testing.TB) (fd FD, port int) {
	t.Helper()
	fd = socket(t, syscall.SOCK_DGRAM)
	owned(t, fd)
	must(t, syscall.Bind(descriptor(fd), loopback(0)))
	return fd, portOf(t, fd)
}

// connectUDP makes fd receive from one port only.
func connectUDP(t testing.TB, fd FD, port int) {
	t.Helper()
	must(t, syscall.Connect(descriptor(fd), loopback(port)))
}

func shutdownWrite(t testing.TB, fd FD) {
	t.Helper()
	must(t, syscall.Shutdown(descriptor(fd), syscall.SHUT_WR))
}

// reset closes a connection so that its peer gets an error.
func reset(t testing.TB, fd FD) {
	t.Helper()
	must(t, syscall.SetsockoptLinger(descriptor(fd), syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1}))
	closeFD(t, fd)
}

// takeError fetches the outcome of a connection attempt.
func takeError(t testing.TB, fd FD) error {
	t.Helper()
	errno, err := syscall.GetsockoptInt(descriptor(fd), metalio.SOL_SOCKET, metalio.SO_ERROR)
	must(t, err)
	if errno == 0 {
		return nil
	}
	return syscall.Errno(errno)
}

func write(t testing.TB, fd FD, s string) {
	t.Helper()
	n, err := writeFD(fd, []byte(s))
	if err != nil || n != len(s) {
		t.Fatalf("write: %d, %v", n, err)
	}
}

// drain reads until the descriptor would block or ends, and returns what came.
func drain(t testing.TB, fd FD) string {
	t.Helper()
	var all []byte
	var buf [4096]byte
	for {
		n, err := readFD(fd, buf[:])
		if err == errWouldBlock || n == 0 && err == nil {
			return string(all)
		}
		must(t, err)
		all = append(all, buf[:n]...)
	}
}

// await reads until n bytes have come.
func await(t testing.TB, fd FD, n int) string {
	t.Helper()
	var got string
	for deadline := time.Now().Add(patience); len(got) < n; runtime.Gosched() {
		got += drain(t, fd)
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d bytes", len(got), n)
		}
	}
	return got
}

// fill writes until the descriptor would block, and returns how much it took.
func fill(t testing.TB, fd FD) (sent int) {
	t.Helper()
	var buf [65536]byte
	for {
		n, err := writeFD(fd, buf[:])
		if err == errWouldBlock {
			return sent
		}
		must(t, err)
		sent += n
	}
}

// netPair is a connection as package net knows it.
func netPair(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	client, err = net.Dial("tcp", l.Addr().String())
	must(t, err)
	server, err = l.Accept()
	must(t, err)
	t.Cleanup(func() {
		client.Close()
		server.Close()
	})
	return client, server
}

// fdOf is FDOf for what is a syscall.Conn, though its type does not say so.
func fdOf(t testing.TB, c any) FD {
	t.Helper()
	fd, err := FDOf(c.(syscall.Conn))
	must(t, err)
	return fd
}

// filePipe is a pipe as package os knows it.
func filePipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	must(t, err)
	t.Cleanup(func() {
		r.Close()
		w.Close()
	})
	return r, w
}

// untilEOF is a role: a process that ends when its standard input does.
func untilEOF() int {
	io.Copy(io.Discard, os.Stdin)
	return 0
}
