package sockets_test

import (
	"math"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/metalio/metalio"
	"github.com/metalio/metalio/sockets"
)

// A full accept queue keeps a connect in progress on Linux: the last step of
// the handshake is dropped, and the client stays in SYN-SENT.
func TestConnectErrorWhileInProgress(t *testing.T) {
	l := listen(t, sockets.ListenConfig{Backlog: 1})
	rec := &recorder{}
	for range 16 {
		c := must[*sockets.TCPConn](t)(sockets.DialTCP(l.Addr()))
		closing(t, c)
		c.SetRearmer(rec)
		if err := c.ConnectError(); err == nil {
			continue
		} else if err != sockets.ErrWouldBlock {
			t.Fatal(err)
		}
		if len(rec.blocked) != 1 || rec.blocked[0] != metalio.Writable || rec.fds[0] != c.FD() {
			t.Fatalf("rearmed %v %v, want descriptor %d writable once", rec.fds, rec.blocked, c.FD())
		}
		if c.RemoteAddr().IsValid() {
			t.Fatal("an unconnected socket has a remote address")
		}
		return
	}
	t.Fatal("every connect finished at once in spite of the full queue")
}

func TestDialFrom(t *testing.T) {
	l := listen(t, sockets.ListenConfig{})
	local := netip.MustParseAddrPort("127.0.0.2:0")
	var c sockets.TCPConn
	check(t, c.DialFrom(local, l.Addr()))
	closing(t, &c)
	await(t, l.FD(), metalio.Readable)
	var accepted sockets.TCPConn
	from := must[netip.AddrPort](t)(l.AcceptInto(&accepted))
	closing(t, &accepted)
	if from.Addr() != local.Addr() || from != c.LocalAddr() {
		t.Fatalf("accepted from %v, want %v", from, c.LocalAddr())
	}
}

func TestKeepAlivePeriods(t *testing.T) {
	c, _ := netPeer(t, listen(t, sockets.ListenConfig{}))
	interval := must[int](t)(syscall.GetsockoptInt(int(c.FD()), syscall.IPPROTO_TCP, metalio.TCP_KEEPINTVL))
	check(t, c.SetKeepAlive(net.KeepAliveConfig{Enable: true, Idle: 2500 * time.Millisecond, Interval: -1, Count: 4}))
	wantOption(t, c.FD(), syscall.IPPROTO_TCP, metalio.TCP_KEEPIDLE, 3)
	wantOption(t, c.FD(), syscall.IPPROTO_TCP, metalio.TCP_KEEPINTVL, interval)
	wantOption(t, c.FD(), syscall.IPPROTO_TCP, metalio.TCP_KEEPCNT, 4)
	check(t, c.SetKeepAlive(net.KeepAliveConfig{Enable: true}))
	wantOption(t, c.FD(), syscall.IPPROTO_TCP, metalio.TCP_KEEPIDLE, 15)
	wantOption(t, c.FD(), syscall.IPPROTO_TCP, metalio.TCP_KEEPCNT, 9)
}

// Linux takes 32 bits of each of these. The others must not be dropped.
func TestValuesBeyond32Bits(t *testing.T) {
	if strconv.IntSize == 32 {
		t.Skip("no such values")
	}
	beyond := func(low uintptr) int { return int(uint64(1)<<32 | uint64(low)) }

	a, b := unixPair(t)
	f := must[*os.File](t)(os.CreateTemp(t.TempDir(), ""))
	closing(t, f)
	must[int](t)(f.WriteString("x"))
	_, err := a.WriteFDs([]byte("x"), []metalio.FD{metalio.FD(beyond(b.FD()))})
	wantIs(t, err, syscall.EBADF)
	_, err = a.Sendfile(metalio.FD(beyond(f.Fd())), 0, 1)
	wantIs(t, err, syscall.EBADF)
	_, err = b.Read(make([]byte, 1))
	wantIs(t, err, sockets.ErrWouldBlock)

	l := listen(t, sockets.ListenConfig{Backlog: beyond(0)})
	// A backlog of 0 has room for one; the SYN of a second is dropped, listen(2).
	for range 3 {
		c := must[*sockets.TCPConn](t)(sockets.DialTCP(l.Addr()))
		closing(t, c)
		await(t, c.FD(), metalio.Writable)
		check(t, c.ConnectError())
	}
	_, err = sockets.NewSplicer(beyond(4096))
	wantIs(t, err, syscall.EINVAL)
}

func TestUnixAbstractName(t *testing.T) {
	name := "@metalio-test-" + strconv.Itoa(os.Getpid())
	l := listenUnix(t, name)
	peer := must[net.Conn](t)(net.Dial("unix", name))
	closing(t, peer)
	await(t, l.FD(), metalio.Readable)
	closing(t, must[*sockets.UnixConn](t)(l.Accept()))
	c := must[*sockets.UnixConn](t)(sockets.DialUnix(name))
	closing(t, c)
	check(t, l.Close())
	_, err := sockets.DialUnix(name)
	wantIs(t, err, syscall.ECONNREFUSED)
}

func TestUnixDialFullQueueWouldBlock(t *testing.T) {
	name := socketName(t)
	l := must[*sockets.UnixListener](t)(sockets.ListenUnix(name, sockets.ListenConfig{Backlog: 1}))
	closing(t, l)
	for range 8 {
		c, err := sockets.DialUnix(name)
		if err == sockets.ErrWouldBlock {
			return
		}
		check(t, err)
		closing(t, c)
	}
	t.Fatal("a queue of 1 took 8 connections")
}

// withoutDescriptors runs f while the process cannot open any more.
func withoutDescriptors(t *testing.T, f func()) {
	t.Helper()
	var was syscall.Rlimit
	check(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was))
	none := was
	none.Cur = 1 // number 0 is taken; a limit of 0 would make F_DUPFD's argument invalid
	check(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none))
	defer func() { check(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was)) }()
	f()
}

func TestExhaustion(t *testing.T) {
	l := listen(t, sockets.ListenConfig{})
	dialed := must[*sockets.TCPConn](t)(sockets.DialTCP(l.Addr()))
	closing(t, dialed)
	await(t, l.FD(), metalio.Readable)
	name := socketName(t)
	withoutDescriptors(t, func() {
		_, _, err := l.Accept()
		wantIs(t, err, syscall.EMFILE)
		_, err = sockets.DialTCP(l.Addr())
		wantIs(t, err, syscall.EMFILE)
		_, err = sockets.ListenTCP(loopback, sockets.ListenConfig{})
		wantIs(t, err, syscall.EMFILE)
		_, err = sockets.ListenUDP(loopback, sockets.ListenConfig{})
		wantIs(t, err, syscall.EMFILE)
		_, err = sockets.ListenUnix(name, sockets.ListenConfig{})
		wantIs(t, err, syscall.EMFILE)
		_, _, err = sockets.UnixPair()
		wantIs(t, err, syscall.EMFILE)
		_, _, err = sockets.NewPipe()
		wantIs(t, err, syscall.EMFILE)
		_, err = sockets.NewSplicer(0)
		wantIs(t, err, syscall.EMFILE)
		_, err = dialed.ToNet()
		wantIs(t, err, syscall.EMFILE)
	})
	// The connection was left in the queue.
	_, _, err := acceptClosing(t, l)
	check(t, err)
}

func TestConnectToItselfIsRefused(t *testing.T) {
	l := listen(t, sockets.ListenConfig{})
	addr := l.Addr()
	check(t, l.Close())
	var c sockets.TCPConn
	check(t, c.DialFrom(addr, addr))
	closing(t, &c)
	await(t, c.FD(), metalio.Writable)
	for range 2 {
		wantIs(t, c.ConnectError(), syscall.ECONNREFUSED)
	}
}

func TestFullIsNotWritable(t *testing.T) {
	a, _ := pair(t)
	fill(t, a)
	if ready(t, a.FD(), metalio.Writable, 0) {
		t.Fatal("still writable after ErrWouldBlock")
	}
}

// Linux takes periods of up to 32767 s.
func TestKeepAliveForever(t *testing.T) {
	c, _ := netPeer(t, listen(t, sockets.ListenConfig{}))
	wantIs(t, c.SetKeepAlive(net.KeepAliveConfig{Enable: true, Idle: math.MaxInt64}), syscall.EINVAL)
}
