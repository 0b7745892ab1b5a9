package sockets_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"github.com/metalio/metalio"
	"github.com/metalio/metalio/sockets"
)

func listenUDP(t testing.TB) *sockets.UDPConn {
	t.Helper()
	c := must[*sockets.UDPConn](t)(sockets.ListenUDP(loopback, sockets.ListenConfig{}))
	closing(t, c)
	return c
}

func dialUDP(t testing.TB, to netip.AddrPort) *sockets.UDPConn {
	t.Helper()
	c := must[*sockets.UDPConn](t)(sockets.DialUDP(to))
	closing(t, c)
	return c
}

const noNetUDP = "package net opens no UDP socket on Wine 8, which lacks SIO_UDP_NETRESET"

func TestUDPWithNet(t *testing.T) {
	skipUnderWine(t, noNetUDP)
	c := listenUDP(t)
	peer := must[*net.UDPConn](t)(net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(c.LocalAddr())))
	closing(t, peer)
	buf := make([]byte, 64)
	if n, _, err := c.ReadFrom(buf); n != 0 || err != sockets.ErrWouldBlock {
		t.Fatalf("ReadFrom of nothing = %d, %v", n, err)
	}
	must[int](t)(peer.Write([]byte("ping")))
	await(t, c.FD(), metalio.Readable)
	n, from, err := c.ReadFrom(buf)
	check(t, err)
	want := peer.LocalAddr().(*net.UDPAddr).AddrPort()
	if string(buf[:n]) != "ping" || from != want {
		t.Fatalf("got %q from %v, want ping from %v", buf[:n], from, want)
	}
	if n, err := c.WriteTo([]byte("pong"), from); n != 4 || err != nil {
		t.Fatalf("WriteTo = %d, %v", n, err)
	}
	n = must[int](t)(peer.Read(buf))
	if string(buf[:n]) != "pong" {
		t.Fatalf("peer got %q", buf[:n])
	}
}

func emptyDatagram(t *testing.T) {
	c := listenUDP(t)
	peer := dialUDP(t, c.LocalAddr())
	if n, err := peer.Write(nil); n != 0 || err != nil {
		t.Fatalf("Write(nil) = %d, %v", n, err)
	}
	await(t, c.FD(), metalio.Readable)
	n, from, err := c.ReadFrom(make([]byte, 8))
	if n != 0 || err != nil || from != peer.LocalAddr() {
		t.Fatalf("ReadFrom = %d, %v, %v, want an empty datagram from %v", n, from, err, peer.LocalAddr())
	}
}

func udpMessageTooLong(t *testing.T) {
	c := listenUDP(t)
	peer := dialUDP(t, c.LocalAddr())
	must[int](t)(peer.Write([]byte("much too long")))
	must[int](t)(peer.Write([]byte("next")))
	buf := make([]byte, 4)
	await(t, c.FD(), metalio.Readable)
	n, from, err := c.ReadFrom(buf)
	if n != 4 || string(buf) != "much" || from != peer.LocalAddr() || err != sockets.ErrTruncated {
		t.Fatalf("ReadFrom = %d %q, %v, %v, want much and ErrTruncated", n, buf, from, err)
	}
	wantIs(t, err, syscall.EMSGSIZE)
	await(t, c.FD(), metalio.Readable)
	if n, _, err := c.ReadFrom(buf); n != 4 || string(buf) != "next" || err != nil {
		t.Fatalf("ReadFrom = %d %q, %v", n, buf, err)
	}
	_, err = peer.Write(make([]byte, 70_000))
	wantIs(t, err, syscall.EMSGSIZE)
}

func udpPortUnreachable(t *testing.T) {
	gone := listenUDP(t)
	to := gone.LocalAddr()
	check(t, gone.Close())
	c := dialUDP(t, to)
	must[int](t)(c.Write([]byte("anyone?")))
	await(t, c.FD(), metalio.Readable)
	_, err := c.Read(make([]byte, 8))
	wantIs(t, err, syscall.ECONNREFUSED)
}

func connectedUDPIgnoresThirdParties(t *testing.T) {
	server, stranger := listenUDP(t), listenUDP(t)
	c := dialUDP(t, server.LocalAddr())
	if c.RemoteAddr() != server.LocalAddr() {
		t.Fatalf("RemoteAddr = %v, want %v", c.RemoteAddr(), server.LocalAddr())
	}
	must[int](t)(stranger.WriteTo([]byte("stranger"), c.LocalAddr()))
	must[int](t)(server.WriteTo([]byte("server"), c.LocalAddr()))
	await(t, c.FD(), metalio.Readable)
	buf := make([]byte, 16)
	n := must[int](t)(c.Read(buf))
	if string(buf[:n]) != "server" {
		t.Fatalf("got %q, want only what the peer sent", buf[:n])
	}
	if _, err := c.Read(buf); err != sockets.ErrWouldBlock {
		t.Fatalf("a second datagram came: %v", err)
	}
}

func TestUDPDualStack(t *testing.T) {
	c, err := sockets.ListenUDP(netip.MustParseAddrPort("[::]:0"), sockets.ListenConfig{})
	if err != nil {
		t.Skip("this machine has no IPv6:", err)
	}
	closing(t, c)
	peer := listenUDP(t)
	to := netip.AddrPortFrom(loopback.Addr(), c.LocalAddr().Port())
	must[int](t)(peer.WriteTo([]byte("4"), to))
	await(t, c.FD(), metalio.Readable)
	buf := make([]byte, 4)
	_, from, err := c.ReadFrom(buf)
	check(t, err)
	if from != peer.LocalAddr() {
		t.Fatalf("from %v, want the unmapped %v", from, peer.LocalAddr())
	}
	must[int](t)(c.WriteTo([]byte("back"), from))
	await(t, peer.FD(), metalio.Readable)
	_, from, err = peer.ReadFrom(buf)
	check(t, err)
	if from != to {
		t.Fatalf("answered from %v, want %v", from, to)
	}
}

func TestUDPErrors(t *testing.T) {
	c := listenUDP(t)
	_, err := sockets.ListenUDP(c.LocalAddr(), sockets.ListenConfig{})
	wantIs(t, err, syscall.EADDRINUSE)
	_, err = sockets.DialUDP(netip.AddrPort{})
	wantIs(t, err, os.ErrInvalid)
	_, err = c.WriteTo(nil, netip.AddrPort{})
	wantIs(t, err, os.ErrInvalid)
	_, err = c.WriteTo(nil, netip.MustParseAddrPort("[::1]:9"))
	wantIs(t, err, syscall.EAFNOSUPPORT)
	check(t, c.SetBroadcast(true))
	wantOption(t, c.FD(), syscall.SOL_SOCKET, syscall.SO_BROADCAST, 1)
	check(t, c.Close())
	b := sockets.NewBatch(1)
	for name, op := range map[string]func() error{
		"read from":   func() error { _, _, err := c.ReadFrom(nil); return err },
		"write to":    func() error { _, err := c.WriteTo(nil, loopback); return err },
		"write":       func() error { _, err := c.Write(nil); return err },
		"read batch":  func() error { _, err := c.ReadBatch(b, nil); return err },
		"write batch": func() error { _, err := c.WriteBatch(b, nil); return err },
		"broadcast":   func() error { return c.SetBroadcast(false) },
	} {
		t.Run(name, func(t *testing.T) { wantIs(t, op(), os.ErrClosed) })
	}
}

func messages(n, size int) []sockets.Message {
	ms := make([]sockets.Message, n)
	for i := range ms {
		ms[i].Buf = make([]byte, size)
	}
	return ms
}

func TestBatch(t *testing.T) {
	const total, batch = 10, 4 // several calls to send, several to receive
	server := listenUDP(t)
	client := dialUDP(t, server.LocalAddr())
	b := sockets.NewBatch(batch)
	if b.Cap() != batch {
		t.Fatalf("Cap = %d, want %d", b.Cap(), batch)
	}
	out := messages(total, 16)
	for i := range out {
		out[i].N = copy(out[i].Buf, fmt.Sprintf("message %d", i))
	}
	out[3].N = 0
	if n, err := client.WriteBatch(b, out); n != total || err != nil {
		t.Fatalf("WriteBatch = %d, %v, want %d", n, err, total)
	}
	in := messages(total, 9)
	in[5].Buf = in[5].Buf[:3]
	got := 0
	for got < total {
		n, err := server.ReadBatch(b, in[got:])
		if err == sockets.ErrWouldBlock {
			await(t, server.FD(), metalio.Readable)
			continue
		}
		check(t, err)
		if n < 1 || n > batch {
			t.Fatalf("ReadBatch = %d, want 1 to %d", n, batch)
		}
		got += n
	}
	for i, m := range in {
		want := out[i].Buf[:out[i].N]
		if i == 5 {
			want = want[:3]
		}
		if !bytes.Equal(m.Buf[:m.N], want) || m.Addr != client.LocalAddr() || m.Truncated != (i == 5) {
			t.Errorf("message %d: %q from %v, truncated %v", i, m.Buf[:m.N], m.Addr, m.Truncated)
		}
	}
	// The received messages are the answers as they are: N and Addr are set.
	if n, err := server.WriteBatch(b, in); n != total || err != nil {
		t.Fatalf("WriteBatch of the answers = %d, %v", n, err)
	}
	await(t, client.FD(), metalio.Readable)
	buf := make([]byte, 16)
	n := must[int](t)(client.Read(buf))
	if string(buf[:n]) != "message 0" {
		t.Fatalf("answer %q", buf[:n])
	}
}

func TestBatchStopsAtABadAddress(t *testing.T) {
	c, server := listenUDP(t), listenUDP(t)
	b := sockets.NewBatch(8)
	ms := messages(3, 1)
	for i := range ms {
		ms[i].N = 1
		ms[i].Addr = server.LocalAddr()
	}
	ms[1].Addr = netip.MustParseAddrPort("[::1]:9")
	n, err := c.WriteBatch(b, ms)
	if n != 1 {
		t.Fatalf("WriteBatch = %d, %v, want 1 and the error of the second", n, err)
	}
	wantIs(t, err, syscall.EAFNOSUPPORT)
}

func TestBatchStopsAtALengthOutsideItsBuffer(t *testing.T) {
	server := listenUDP(t)
	b := sockets.NewBatch(8)
	for _, length := range []int{-1, 2} {
		ms := messages(3, 1)
		for i := range ms {
			ms[i].N, ms[i].Addr = 1, server.LocalAddr()
		}
		ms[1].N = length
		n, err := server.WriteBatch(b, ms)
		if n != 1 {
			t.Fatalf("WriteBatch = %d, %v, want 1", n, err)
		}
		wantIs(t, err, syscall.EINVAL)
	}
}

func TestBatchNothingThere(t *testing.T) {
	c := listenUDP(t)
	rec := &recorder{}
	c.SetRearmer(rec)
	b := sockets.NewBatch(0)
	if b.Cap() != 1 {
		t.Fatalf("Cap = %d, want 1", b.Cap())
	}
	if n, err := c.ReadBatch(b, messages(2, 1)); n != 0 || err != sockets.ErrWouldBlock {
		t.Fatalf("ReadBatch = %d, %v", n, err)
	}
	if len(rec.blocked) != 1 || rec.blocked[0] != metalio.Readable {
		t.Fatalf("rearmed %v, want readable once", rec.blocked)
	}
	if n, err := c.ReadBatch(b, nil); n != 0 || err != nil {
		t.Fatalf("ReadBatch(nil) = %d, %v", n, err)
	}
}

func TestZeroAllocsUDP(t *testing.T) {
	a, b := listenUDP(t), listenUDP(t)
	to := b.LocalAddr()
	wantNoAllocs(t, "one datagram", func() {
		var buf [64]byte
		if _, err := a.WriteTo(buf[:], to); err != nil {
			t.Fatal(err)
		}
		if n, from, err := b.ReadFrom(buf[:]); n != len(buf) || from.Port() == 0 || err != nil {
			t.Fatal(n, from, err)
		}
		if _, _, err := b.ReadFrom(buf[:]); err != sockets.ErrWouldBlock {
			t.Fatal(err)
		}
	})
	const count = 4
	batch := sockets.NewBatch(count)
	out, in := messages(count, 32), messages(count, 32)
	for i := range out {
		out[i].N, out[i].Addr = 32, to
	}
	wantNoAllocs(t, "a batch", func() {
		if n, err := a.WriteBatch(batch, out); n != count || err != nil {
			t.Fatal(n, err)
		}
		for got := 0; got < count; {
			n, err := b.ReadBatch(batch, in)
			if err != nil {
				t.Fatal(err)
			}
			got += n
		}
	})
}
