package sockets_test

import (
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
