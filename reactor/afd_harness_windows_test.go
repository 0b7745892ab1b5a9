package reactor

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/metalio/metalio"
)

func TestMain(m *testing.M) {
	if os.Getenv("REACTOR_TEST_CHILD") != "" {
		io.Copy(io.Discard, os.Stdin) // a process that ends with its input
		os.Exit(0)
	}
	// Package net's own port and threads are opened at first use and stay.
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close()
	}
	os.Exit(m.Run())
}

var (
	kernel32              = windows.NewLazySystemDLL("kernel32.dll")
	getProcessHandleCount = kernel32.NewProc("GetProcessHandleCount")
)

func openHandles(t testing.TB) int {
	t.Helper()
	var n uint32
	if ok, _, err := getProcessHandleCount.Call(uintptr(windows.CurrentProcess()), uintptr(unsafe.Pointer(&n))); ok == 0 {
		t.Fatal(err)
	}
	return int(n)
}

// checkLeaks fails the test if it leaves a socket claimed or a goroutine behind,
// or more handles than Go's own threads account for.
func checkLeaks(t *testing.T) {
	t.Helper()
	handles, goroutines := openHandles(t), runtime.NumGoroutine()
	t.Cleanup(func() {
		// Each thread that Go has started meanwhile holds a few.
		const threads = 40
		for range 200 {
			if openHandles(t) <= handles+threads && runtime.NumGoroutine() <= goroutines && claimed() == 0 {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Errorf("open handles before %d, after %d; goroutines before %d, after %d; claimed sockets %d",
			handles, openHandles(t), goroutines, runtime.NumGoroutine(), claimed())
	})
}

func claimed() int {
	claims.Lock()
	defer claims.Unlock()
	return claims.bySocket.count
}

// watcher is a Poll and what a test expects of it.
type watcher struct {
	*Poll
	t      testing.TB
	events [64]Event
}

func newWatcher(t testing.TB) *watcher {
	t.Helper()
	p, err := NewPoll(PollConfig{})
	must(t, err)
	t.Cleanup(func() { p.Close() })
	return &watcher{Poll: p, t: t}
}

func (w *watcher) register(s *peer, token Token, interest Interest, mode Mode) {
	w.t.Helper()
	must(w.t, w.Register(s.fd, token, interest, mode))
}

func (w *watcher) reregister(s *peer, token Token, interest Interest, mode Mode) {
	w.t.Helper()
	must(w.t, w.Reregister(s.fd, token, interest, mode))
}

func (w *watcher) rearm(s *peer, blocked Interest) {
	w.t.Helper()
	must(w.t, w.Rearm(s.fd, blocked))
}

// one waits for exactly one event and returns its bits.
func (w *watcher) one(token Token) Ready {
	w.t.Helper()
	n, err := w.Wait(w.events[:], 5*time.Second)
	must(w.t, err)
	if n != 1 || w.events[0].Token() != token {
		w.t.Fatalf("got %d events, first %d %v; want one of token %d", n, w.events[0].Token(), w.events[0].Ready(), token)
	}
	return w.events[0].Ready()
}

// want is one that has exactly these bits.
func (w *watcher) want(token Token, ready Ready) {
	w.t.Helper()
	if r := w.one(token); r != ready {
		w.t.Fatalf("token %d is %v, want %v", token, r, ready)
	}
}

// none fails if anything arrives within 50 ms.
func (w *watcher) none() {
	w.t.Helper()
	n, err := w.Wait(w.events[:], 50*time.Millisecond)
	must(w.t, err)
	if n != 0 {
		w.t.Fatalf("unexpected event: %d %v", w.events[0].Token(), w.events[0].Ready())
	}
}

// slot is the record of a registered socket.
func (w *watcher) slot(s *peer) (uint32, *pollRecord) {
	w.t.Helper()
	slot, ok := w.sel.bySocket.get(s.fd)
	if !ok {
		w.t.Fatal("no record")
	}
	return slot, w.sel.slab.record(slot)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustErrno(t testing.TB, errno syscall.Errno) {
	t.Helper()
	if errno != 0 {
		t.Fatal(errno)
	}
}

func wantIs(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("error %v, want %v", err, target)
	}
}

// peer is a non-blocking socket that package net has opened.
type peer struct {
	t    testing.TB
	fd   FD
	conn io.Closer // nil once closed
}

func newPeer(t testing.TB, c interface {
	syscall.Conn
	io.Closer
}) *peer {
	t.Helper()
	fd, err := FDOf(c)
	must(t, err)
	must(t, SetNonblock(fd))
	p := &peer{t, fd, c}
	t.Cleanup(p.close)
	return p
}

// close comes once: the number may be another's afterwards.
func (p *peer) close() {
	if p.conn != nil {
		p.conn.Close()
		p.conn = nil
	}
}

// pair is two ends of a TCP connection.
func pair(t testing.TB) (a, b *peer) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return connected(t, l)
}

func connected(t testing.TB, l net.Listener) (a, b *peer) {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	s, err := l.Accept()
	must(t, err)
	return newPeer(t, c.(*net.TCPConn)), newPeer(t, s.(*net.TCPConn))
}

func listen(t testing.TB) (*peer, net.Listener) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	return newPeer(t, l.(*net.TCPListener)), l
}

// socketCloser closes a socket that nothing else owns.
type socketCloser FD

func (s socketCloser) Close() error { return windows.Closesocket(windows.Handle(s)) }

// rawSocket is a socket that package net does not know of.
func rawSocket(t testing.TB, kind int) *peer {
	t.Helper()
	s, err := windows.Socket(windows.AF_INET, kind, 0)
	must(t, err)
	p := &peer{t, FD(s), socketCloser(s)}
	t.Cleanup(p.close)
	must(t, SetNonblock(p.fd))
	return p
}

// udp is a bound socket. Package net cannot open one under Wine 8, which lacks
// an ioctl that net insists on.
func udp(t testing.TB) (*peer, *windows.SockaddrInet4) {
	t.Helper()
	p := rawSocket(t, windows.SOCK_DGRAM)
	must(t, windows.Bind(p.handle(), &windows.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	addr, err := windows.Getsockname(p.handle())
	must(t, err)
	return p, addr.(*windows.SockaddrInet4)
}

func (p *peer) handle() windows.Handle { return windows.Handle(p.fd) }

func (p *peer) sendTo(addr windows.Sockaddr, s string) {
	p.t.Helper()
	must(p.t, windows.Sendto(p.handle(), []byte(s), 0, addr))
}

func (p *peer) write(s string) {
	p.t.Helper()
	n, errno := metalio.Send(p.fd, []byte(s), 0)
	if errno != 0 || n != len(s) {
		p.t.Fatalf("send: %d, %v", n, errno)
	}
}

// drain reads until the socket would block or ends, and returns what came.
func (p *peer) drain() string {
	p.t.Helper()
	var all []byte
	var buf [4096]byte
	for {
		n, errno := metalio.Recv(p.fd, buf[:], 0)
		if errno == metalio.WSAEWOULDBLOCK || n == 0 && errno == 0 {
			return string(all)
		}
		mustErrno(p.t, errno)
		all = append(all, buf[:n]...)
	}
}

// fill writes until the socket would block.
func (p *peer) fill() (sent int) {
	p.t.Helper()
	buf := slices.Repeat([]byte("metalio "), 8192)
	for {
		n, errno := metalio.Send(p.fd, buf, 0)
		if errno == metalio.WSAEWOULDBLOCK {
			return sent
		}
		mustErrno(p.t, errno)
		sent += n
	}
}

// waitForWaiter returns when a goroutine sleeps in p.Wait, or is about to.
func waitForWaiter(p *Poll) {
	for {
		p.sel.mu.Lock()
		waiting := p.sel.waiting
		p.sel.mu.Unlock()
		if waiting {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// connectTo makes a connection that l has yet to accept.
func connectTo(t testing.TB, l net.Listener) *peer {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	return newPeer(t, c.(*net.TCPConn))
}
