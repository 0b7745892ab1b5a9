package sockets_test

import (
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/metalio/metalio"
	"github.com/metalio/metalio/sockets"
)

func connFromNetAndBack(t *testing.T) {
	left, right := pair(t)
	std, err := right.ToNet()
	skipUnsupported(t, err)
	closing(t, std)
	check(t, std.SetDeadline(time.Now().Add(patience)))
	check(t, right.Close())
	must[int](t)(left.Write([]byte("one two")))
	buf := make([]byte, 4)
	must[int](t)(io.ReadFull(std, buf[:3]))
	back := must[*sockets.TCPConn](t)(sockets.FromNetTCP(std))
	closing(t, back)
	check(t, back.ConnectError())
	check(t, std.Close())
	readFull(t, back, buf)
	if string(buf) != " two" {
		t.Fatalf("read %q, want what was left", buf)
	}
	must[int](t)(back.Write([]byte("done")))
	readFull(t, left, buf)
	if string(buf) != "done" {
		t.Fatalf("read %q", buf)
	}
}

func ownershipAfterConversion(t *testing.T) {
	before := openDescriptors(t)
	left, right := pair(t)
	std, err := right.ToNet()
	skipUnsupported(t, err)
	again := must[*sockets.TCPConn](t)(sockets.FromNetTCP(std))
	if again.RemoteAddr() != left.LocalAddr() {
		t.Fatalf("RemoteAddr = %v, want %v", again.RemoteAddr(), left.LocalAddr())
	}
	check(t, std.Close())
	check(t, right.Close())
	// Two of three owners are gone; the connection is not.
	must[int](t)(left.Write([]byte("x")))
	readFull(t, again, make([]byte, 1))
	check(t, again.Close())
	if n, err := readUntilError(t, left); len(n) != 0 || err != io.EOF {
		t.Fatalf("read %q, %v after the last owner closed", n, err)
	}
	check(t, left.Close())
	if after := openDescriptors(t); after-before > 1 { // pair's listener
		t.Fatalf("%d descriptors too many", after-before-1)
	}
}

// Descriptors of one socket share its blocking mode, so a conversion must not
// change it: a raw read would stall the whole program.
func stdReadsAtOnce(t *testing.T) {
	left, right := pair(t)
	std, err := right.ToNet()
	skipUnsupported(t, err)
	closing(t, std)
	if _, err := right.Read(make([]byte, 1)); err != sockets.ErrWouldBlock {
		t.Fatalf("Read = %v, want ErrWouldBlock", err)
	}
	got := make(chan error, 1)
	go func() {
		std.SetDeadline(time.Now().Add(patience))
		_, err := io.ReadFull(std, make([]byte, 5))
		got <- err
	}()
	must[int](t)(left.Write([]byte("hello")))
	check(t, <-got)
	if _, err := right.Read(make([]byte, 1)); err != sockets.ErrWouldBlock {
		t.Fatalf("Read = %v, want ErrWouldBlock", err)
	}
}

func TestListenerConversions(t *testing.T) {
	l := listen(t, sockets.ListenConfig{})
	std, err := l.ToNet()
	skipUnsupported(t, err)
	closing(t, std)
	back := must[*sockets.TCPListener](t)(sockets.FromNetListener(std))
	closing(t, back)
	if back.Addr() != l.Addr() {
		t.Fatalf("Addr = %v, want %v", back.Addr(), l.Addr())
	}
	check(t, l.Close())
	check(t, std.Close())
	netPeer(t, back)
}

func TestUDPConversions(t *testing.T) {
	c := listenUDP(t)
	std, err := c.ToNet()
	skipUnsupported(t, err)
	closing(t, std)
	back := must[*sockets.UDPConn](t)(sockets.FromNetUDP(std))
	closing(t, back)
	must[int](t)(back.WriteTo([]byte("to myself"), c.LocalAddr()))
	await(t, c.FD(), metalio.Readable)
	buf := make([]byte, 16)
	n, from, err := c.ReadFrom(buf)
	check(t, err)
	if string(buf[:n]) != "to myself" || from != c.LocalAddr() {
		t.Fatalf("got %q from %v", buf[:n], from)
	}
}

// The family of a converted dual-stack socket must survive: an IPv4
// destination is mapped for it.
func TestUDPConversionKeepsFamily(t *testing.T) {
	skipUnderWine(t, noNetUDP)
	std, err := net.ListenUDP("udp", nil)
	check(t, err)
	closing(t, std)
	c, err := sockets.FromNetUDP(std)
	skipUnsupported(t, err)
	closing(t, c)
	peer := listenUDP(t)
	must[int](t)(c.WriteTo([]byte("x"), peer.LocalAddr()))
	await(t, peer.FD(), metalio.Readable)
	_, from, err := peer.ReadFrom(make([]byte, 1))
	check(t, err)
	if want := netip.AddrPortFrom(loopback.Addr(), c.LocalAddr().Port()); from != want {
		t.Fatalf("from %v, want %v", from, want)
	}
}

func TestUnixConversions(t *testing.T) {
	a, b := unixPair(t)
	std := must[*net.UnixConn](t)(a.ToNet())
	closing(t, std)
	back := must[*sockets.UnixConn](t)(sockets.FromNetUnix(std))
	closing(t, back)
	must[int](t)(back.Write([]byte("x")))
	readFull(t, b, make([]byte, 1))
	gram, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socketName(t), Net: "unixgram"})
	check(t, err)
	closing(t, gram)
	_, err = sockets.FromNetUnix(gram)
	wantIs(t, err, os.ErrInvalid)
}

func closedNetConnIsRefused(t *testing.T) {
	_, peer := netPeer(t, listen(t, sockets.ListenConfig{}))
	check(t, peer.Close())
	_, err := sockets.FromNetTCP(peer)
	wantIs(t, err, net.ErrClosed)
	wantIs(t, err, os.ErrClosed)
	var closed sockets.TCPConn
	_, err = closed.ToNet()
	wantIs(t, err, os.ErrClosed)
}
