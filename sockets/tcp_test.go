package sockets_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/metalio/metalio"
	"github.com/metalio/metalio/internal/behaviours"
	"github.com/metalio/metalio/sockets"
)

func TestListenAddr(t *testing.T) {
	l := listen(t, sockets.ListenConfig{})
	if a := l.Addr(); a.Addr() != loopback.Addr() || a.Port() == 0 {
		t.Fatalf("Addr = %v, want 127.0.0.1 with a port", a)
	}
	check(t, l.Close())
	if a := l.Addr(); a.IsValid() {
		t.Fatalf("Addr after Close = %v, want the zero AddrPort", a)
	}
}

func TestListenErrors(t *testing.T) {
	l := listen(t, sockets.ListenConfig{})
	refused := errors.New("refused by Control")
	for _, c := range []struct {
		name string
		addr netip.AddrPort
		cfg  sockets.ListenConfig
		want error
	}{
		{"address in use", l.Addr(), sockets.ListenConfig{}, syscall.EADDRINUSE},
		{"invalid address", netip.AddrPort{}, sockets.ListenConfig{}, os.ErrInvalid},
		{"not ours", netip.MustParseAddrPort("192.0.2.1:0"), sockets.ListenConfig{}, syscall.EADDRNOTAVAIL},
		{"control", loopback, sockets.ListenConfig{Control: func(metalio.FD) error { return refused }}, refused},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := openDescriptors(t)
			_, err := sockets.ListenTCP(c.addr, c.cfg)
			wantIs(t, err, c.want)
			if after := openDescriptors(t); after > before {
				t.Fatalf("a failed listen left %d descriptors", after-before)
			}
		})
	}
}

func TestReusePort(t *testing.T) {
	shared := sockets.ListenConfig{ReusePort: true}
	first, err := sockets.ListenTCP(loopback, shared)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("this system has no SO_REUSEPORT:", err)
	}
	check(t, err)
	closing(t, first)
	second := must[*sockets.TCPListener](t)(sockets.ListenTCP(first.Addr(), shared))
	closing(t, second)
	if first.Addr() != second.Addr() {
		t.Fatalf("listening on %v and %v, want one address", first.Addr(), second.Addr())
	}
}

func TestAcceptGivesPeer(t *testing.T) {
	l := listen(t, sockets.ListenConfig{})
	_, _, err := l.Accept()
	wantIs(t, err, sockets.ErrWouldBlock)
	c, peer := netPeer(t, l)
	want := peer.LocalAddr().(*net.TCPAddr).AddrPort()
	if got := c.RemoteAddr(); got != want {
		t.Fatalf("RemoteAddr = %v, want %v", got, want)
	}
	if got := c.LocalAddr(); got != l.Addr() {
		t.Fatalf("LocalAddr = %v, want %v", got, l.Addr())
	}
	check(t, c.ConnectError())
}

func TestAcceptIntoOpenIsRefused(t *testing.T) {
	l := listen(t, sockets.ListenConfig{})
	c, _ := netPeer(t, l)
	_, err := l.AcceptInto(c)
	wantIs(t, err, os.ErrExist)
	wantIs(t, c.Dial(l.Addr()), os.ErrExist)
}

func connectSuccessIsWritable(t *testing.T) {
	l := must[*net.TCPListener](t)(net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(loopback)))
	closing(t, l)
	c := must[*sockets.TCPConn](t)(sockets.DialTCP(l.Addr().(*net.TCPAddr).AddrPort()))
	closing(t, c)
	await(t, c.FD(), metalio.Writable)
	check(t, c.ConnectError())
	check(t, c.ConnectError())
	if got, want := c.RemoteAddr(), l.Addr().(*net.TCPAddr).AddrPort(); got != want {
		t.Fatalf("RemoteAddr = %v, want %v", got, want)
	}
}

func connectRefused(t *testing.T) {
	l := listen(t, sockets.ListenConfig{})
	addr := l.Addr()
	check(t, l.Close())
	before := openDescriptors(t)
	c, err := sockets.DialTCP(addr)
	if err != nil { // the loopback may answer while connect still runs
		wantIs(t, err, syscall.ECONNREFUSED)
		if after := openDescriptors(t); after > before {
			t.Fatalf("a refused dial left %d descriptors", after-before)
		}
		return
	}
	closing(t, c)
	await(t, c.FD(), metalio.Writable)
	for range 2 {
		wantIs(t, c.ConnectError(), syscall.ECONNREFUSED)
	}
}

func TestDialErrors(t *testing.T) {
	before := openDescriptors(t)
	var c sockets.TCPConn
	wantIs(t, c.Dial(netip.AddrPort{}), os.ErrInvalid)
	wantIs(t, c.DialFrom(netip.MustParseAddrPort("[::1]:0"), loopback), syscall.EAFNOSUPPORT)
	wantIs(t, c.DialFrom(netip.MustParseAddrPort("192.0.2.1:0"), loopback), syscall.EADDRNOTAVAIL)
	err := c.Dial(netip.MustParseAddrPort("[fe80::1%no-such-interface]:1"))
	if err == nil {
		t.Fatal("an unknown zone was accepted")
	}
	if after := openDescriptors(t); after > before {
		t.Fatalf("failed dials left %d descriptors", after-before)
	}
}

func TestReadWriteWithNet(t *testing.T) {
	c, peer := netPeer(t, listen(t, sockets.ListenConfig{}))
	buf := make([]byte, 16)
	if n, err := c.Read(buf); n != 0 || err != sockets.ErrWouldBlock {
		t.Fatalf("Read of nothing = %d, %v, want 0, ErrWouldBlock", n, err)
	}
	if n, err := c.Read(nil); n != 0 || err != nil {
		t.Fatalf("Read(nil) = %d, %v, want 0, nil", n, err)
	}
	must[int](t)(peer.Write([]byte("ping")))
	readFull(t, c, buf[:4])
	if string(buf[:4]) != "ping" {
		t.Fatalf("read %q", buf[:4])
	}
	if n, err := c.Write([]byte("pong")); n != 4 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	must[int](t)(io.ReadFull(peer, buf[:4]))
	if string(buf[:4]) != "pong" {
		t.Fatalf("peer read %q", buf[:4])
	}
}

func bufferedDataBeforeEOF(t *testing.T) {
	c, peer := netPeer(t, listen(t, sockets.ListenConfig{}))
	must[int](t)(peer.Write([]byte("last words")))
	check(t, peer.Close())
	got, err := readUntilError(t, c)
	if string(got) != "last words" || err != io.EOF {
		t.Fatalf("read %q, %v, want last words, io.EOF", got, err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("Read after EOF = %d, %v, want 0, io.EOF", n, err)
	}
}

func TestHalfClose(t *testing.T) {
	c, peer := netPeer(t, listen(t, sockets.ListenConfig{}))
	check(t, c.CloseWrite())
	if rest, err := io.ReadAll(peer); len(rest) != 0 || err != nil {
		t.Fatalf("peer read %q, %v, want an end", rest, err)
	}
	_, err := c.Write([]byte("x"))
	wantIs(t, err, syscall.EPIPE)
	must[int](t)(peer.Write([]byte("still here")))
	check(t, peer.CloseWrite())
	got, err := readUntilError(t, c)
	if string(got) != "still here" || err != io.EOF {
		t.Fatalf("read %q, %v", got, err)
	}
}

func TestCloseRead(t *testing.T) {
	c, _ := netPeer(t, listen(t, sockets.ListenConfig{}))
	check(t, c.CloseRead())
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("Read = %d, %v, want 0, io.EOF", n, err)
	}
}

func resetIsReadable(t *testing.T) {
	c, peer := netPeer(t, listen(t, sockets.ListenConfig{}))
	check(t, peer.SetLinger(0))
	check(t, peer.Close())
	await(t, c.FD(), metalio.Readable)
	_, err := c.Read(make([]byte, 1))
	wantIs(t, err, syscall.ECONNRESET)
}

func TestSetLingerZeroResets(t *testing.T) {
	skipUnderWine(t, "closing with zero linger ends the connection instead of resetting it")
	c, peer := netPeer(t, listen(t, sockets.ListenConfig{}))
	check(t, c.SetLinger(5))
	check(t, c.SetLinger(-1))
	check(t, c.SetLinger(0))
	check(t, c.Close())
	_, err := peer.Read(make([]byte, 1))
	wantIs(t, err, syscall.ECONNRESET)
}

func writableAgain(t *testing.T) {
	a, b := pair(t)
	rec := &recorder{}
	a.SetRearmer(rec)
	total := fill(t, a)
	if total == 0 {
		t.Fatal("nothing was written")
	}
	if len(rec.blocked) != 2 || rec.blocked[0] != metalio.Writable {
		t.Fatalf("rearmed %v, want writable for each of the two writes that blocked", rec.blocked)
	}
	readFull(t, b, make([]byte, total))
	await(t, a.FD(), metalio.Writable)
	if n, err := a.Write([]byte("more")); n != 4 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
}

func TestRearmOnlyTheBlockedDirection(t *testing.T) {
	a, b := pair(t)
	rec := &recorder{}
	b.SetRearmer(rec)
	buf := make([]byte, 8)
	if _, err := b.Read(buf); err != sockets.ErrWouldBlock {
		t.Fatal(err)
	}
	if _, err := b.Readv([][]byte{buf}); err != sockets.ErrWouldBlock {
		t.Fatal(err)
	}
	must[int](t)(b.Write([]byte("x")))
	must[int](t)(a.Write([]byte("y")))
	await(t, b.FD(), metalio.Readable)
	must[int](t)(b.Read(buf))
	if len(rec.blocked) != 2 || rec.blocked[0] != metalio.Readable || rec.blocked[1] != metalio.Readable {
		t.Fatalf("rearmed %v, want readable for the two reads that blocked", rec.blocked)
	}
	rec.err = os.ErrClosed // as of a Poll that was closed
	if _, err := b.Read(buf); err != sockets.ErrWouldBlock || len(rec.blocked) != 3 {
		t.Fatalf("error %v after %d calls of the rearmer", err, len(rec.blocked))
	}
	b.SetRearmer(nil)
	if _, err := b.Read(buf); err != sockets.ErrWouldBlock {
		t.Fatal(err)
	}
}

func TestVectors(t *testing.T) {
	many := make([][]byte, 3*sockets.MaxBuffers+1)
	for i := range many {
		many[i] = bytes.Repeat([]byte{byte('a' + i%26)}, i%5)
	}
	for _, c := range []struct {
		name string
		bufs [][]byte
	}{
		{"none", nil},
		{"empty", [][]byte{{}, nil}},
		{"one", [][]byte{[]byte("one")}},
		{"empty between", [][]byte{nil, []byte("a"), {}, []byte("bc"), nil}},
		{"more than one call takes", many},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := pair(t)
			want := bytes.Join(c.bufs, nil)
			if n, err := a.Writev(c.bufs); n != len(want) || err != nil {
				t.Fatalf("Writev = %d, %v, want %d", n, err, len(want))
			}
			got := make([]byte, len(want))
			readFull(t, b, got)
			if !bytes.Equal(got, want) {
				t.Fatalf("got %q, want %q", got, want)
			}
		})
	}
}

func TestWritevGoesOnWithinABuffer(t *testing.T) {
	a, b := pair(t)
	check(t, a.SetWriteBuffer(8<<10))
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(i * 7 / 3)
	}
	bufs := [][]byte{data[:1000], data[1000 : 600<<10], data[600<<10:]}
	sum := sha256.New()
	buf := make([]byte, 64<<10)
	for sent, received := 0, 0; received < len(data); {
		if sent < len(data) {
			n, err := a.Writev(after(bufs, sent))
			sent += n
			if err != nil && err != sockets.ErrWouldBlock {
				t.Fatal(err)
			}
		}
		if sent == received {
			await(t, a.FD(), metalio.Writable)
			continue
		}
		await(t, b.FD(), metalio.Readable)
		n, err := b.Readv([][]byte{buf[:100], nil, buf[100:]})
		check(t, err)
		received += n
		sum.Write(buf[:n])
	}
	if want := sha256.Sum256(data); !bytes.Equal(sum.Sum(nil), want[:]) {
		t.Fatal("the data arrived changed")
	}
}

// after is bufs without their first n bytes.
func after(bufs [][]byte, n int) [][]byte {
	var rest [][]byte
	for _, b := range bufs {
		skip := min(n, len(b))
		n -= skip
		rest = append(rest, b[skip:])
	}
	return rest
}

func TestReadvTakesAtMostMaxBuffers(t *testing.T) {
	a, b := pair(t)
	must[int](t)(a.Write(make([]byte, 2*sockets.MaxBuffers)))
	await(t, b.FD(), metalio.Readable)
	bufs := make([][]byte, 2*sockets.MaxBuffers)
	for i := range bufs {
		bufs[i] = make([]byte, 1)
	}
	if n, err := b.Readv(bufs); n != sockets.MaxBuffers || err != nil {
		t.Fatalf("Readv = %d, %v, want %d", n, err, sockets.MaxBuffers)
	}
	behindEmpty := append(make([][]byte, sockets.MaxBuffers), make([]byte, 1))
	if n, err := b.Readv(behindEmpty); n != 1 || err != nil {
		t.Fatalf("Readv behind empty buffers = %d, %v, want 1", n, err)
	}
	if n, err := b.Readv(nil); n != 0 || err != nil {
		t.Fatalf("Readv(nil) = %d, %v", n, err)
	}
}

func sixteenMiBBothWays(t *testing.T) {
	c, peer := netPeer(t, listen(t, sockets.ListenConfig{}))
	data := make([]byte, 16<<20)
	for i := range data {
		data[i] = byte(i ^ i>>8 ^ i>>16)
	}
	echoed := make(chan error, 1)
	go func() {
		_, err := io.Copy(peer, peer)
		echoed <- errors.Join(err, peer.CloseWrite())
	}()
	got := make([]byte, 0, len(data))
	buf := make([]byte, 64<<10)
	sent := 0
	for {
		n, err := c.Read(buf)
		got = append(got, buf[:n]...)
		if err == io.EOF {
			break
		}
		if err != nil && err != sockets.ErrWouldBlock {
			t.Fatal(err)
		}
		progress := n > 0
		want := metalio.Readable
		if sent < len(data) {
			m, err := c.Write(data[sent:])
			sent += m
			progress = progress || m > 0
			if err == sockets.ErrWouldBlock {
				want |= metalio.Writable
			} else {
				check(t, err)
				check(t, c.CloseWrite())
			}
		}
		if !progress {
			await(t, c.FD(), want)
		}
	}
	check(t, <-echoed)
	if !bytes.Equal(got, data) {
		t.Fatalf("%d bytes came back, not the %d that went", len(got), len(data))
	}
}

func TestIPv6(t *testing.T) {
	l, err := sockets.ListenTCP(netip.MustParseAddrPort("[::]:0"), sockets.ListenConfig{})
	if errors.Is(err, syscall.EAFNOSUPPORT) {
		t.Skip("this machine has no IPv6:", err)
	}
	check(t, err)
	closing(t, l)
	for _, host := range []string{"::1", "127.0.0.1", "::ffff:127.0.0.1"} {
		t.Run(host, func(t *testing.T) {
			to := netip.AddrPortFrom(netip.MustParseAddr(host), l.Addr().Port())
			c, err := sockets.DialTCP(to)
			if errors.Is(err, syscall.EADDRNOTAVAIL) && to.Addr().Is6() && !to.Addr().Is4In6() {
				t.Skip("this machine's loopback has no IPv6 address:", err)
			}
			check(t, err)
			closing(t, c)
			await(t, l.FD(), metalio.Readable)
			_, from, err := acceptClosing(t, l)
			check(t, err)
			if want := to.Addr().Unmap(); from.Addr() != want || c.RemoteAddr().Addr() != want {
				t.Fatalf("from %v, remote %v, want %v", from, c.RemoteAddr(), want)
			}
			if from != c.LocalAddr() {
				t.Fatalf("from %v, want %v", from, c.LocalAddr())
			}
		})
	}
}

func acceptClosing(t *testing.T, l *sockets.TCPListener) (*sockets.TCPConn, netip.AddrPort, error) {
	c, from, err := l.Accept()
	if err == nil {
		closing(t, c)
	}
	return c, from, err
}

func TestV6OnlyRefusesIPv4(t *testing.T) {
	l, err := sockets.ListenTCP(netip.MustParseAddrPort("[::]:0"), sockets.ListenConfig{V6Only: true})
	if errors.Is(err, syscall.EAFNOSUPPORT) {
		t.Skip("this machine has no IPv6:", err)
	}
	check(t, err)
	closing(t, l)
	c, err := sockets.DialTCP(netip.AddrPortFrom(loopback.Addr(), l.Addr().Port()))
	if err == nil {
		closing(t, c)
		await(t, c.FD(), metalio.Writable)
		err = c.ConnectError()
	}
	wantIs(t, err, syscall.ECONNREFUSED)
}

func TestClosed(t *testing.T) {
	l := listen(t, sockets.ListenConfig{})
	c, _ := netPeer(t, l)
	r, w, err := sockets.NewPipe()
	check(t, err)
	fd := c.FD()
	check(t, c.Close())
	check(t, l.Close())
	check(t, r.Close())
	check(t, w.Close())
	if c.FD() != ^metalio.FD(0) || c.FD() == fd {
		t.Fatalf("FD after Close = %d, want all bits set", c.FD())
	}
	var zero sockets.TCPConn
	buf := make([]byte, 1)
	for name, op := range map[string]func() error{
		"close conn":     c.Close,
		"close listener": l.Close,
		"close reader":   r.Close,
		"close writer":   w.Close,
		"close zero":     zero.Close,
		"accept":         func() error { _, _, err := l.Accept(); return err },
		"read":           func() error { _, err := c.Read(buf); return err },
		"write":          func() error { _, err := c.Write(buf); return err },
		"readv":          func() error { _, err := c.Readv([][]byte{buf}); return err },
		"writev":         func() error { _, err := c.Writev([][]byte{buf}); return err },
		"close read":     c.CloseRead,
		"close write":    c.CloseWrite,
		"connect error":  c.ConnectError,
		"no delay":       func() error { return c.SetNoDelay(true) },
		"keep alive":     func() error { return c.SetKeepAlive(net.KeepAliveConfig{Enable: true}) },
		"linger":         func() error { return c.SetLinger(0) },
		"pipe read":      func() error { _, err := r.Read(buf); return err },
		"pipe write":     func() error { _, err := w.Write(buf); return err },
		"zero read":      func() error { _, err := zero.Read(nil); return err },
	} {
		t.Run(name, func(t *testing.T) {
			err := op()
			wantIs(t, err, os.ErrClosed)
			wantIs(t, err, net.ErrClosed)
		})
	}
}

func TestConnIsReusable(t *testing.T) {
	l := listen(t, sockets.ListenConfig{})
	var dialed, accepted sockets.TCPConn
	for range 3 {
		check(t, dialed.Dial(l.Addr()))
		await(t, l.FD(), metalio.Readable)
		from := must[netip.AddrPort](t)(l.AcceptInto(&accepted))
		if from != dialed.LocalAddr() {
			t.Fatalf("accepted %v, want %v", from, dialed.LocalAddr())
		}
		await(t, dialed.FD(), metalio.Writable)
		check(t, dialed.ConnectError())
		check(t, dialed.Close())
		check(t, accepted.Close())
	}
}

func acceptStorm(t *testing.T) {
	total := behaviours.Budget(t, "accept_storm")
	l := listen(t, sockets.ListenConfig{})
	addr := l.Addr().String()
	dialed := make(chan error, 1)
	go func() {
		for range total {
			c, err := net.DialTimeout("tcp", addr, patience)
			if err != nil {
				dialed <- err
				return
			}
			c.Close()
		}
		dialed <- nil
	}()
	var c sockets.TCPConn
	for accepted := 0; accepted < total; {
		_, err := l.AcceptInto(&c)
		if err == sockets.ErrWouldBlock {
			await(t, l.FD(), metalio.Readable)
			continue
		}
		check(t, err)
		check(t, c.Close())
		accepted++
	}
	check(t, <-dialed)
}

func TestWouldBlockError(t *testing.T) {
	wantIs(t, sockets.ErrWouldBlock, syscall.EAGAIN)
	if errors.Is(sockets.ErrWouldBlock, syscall.EINTR) {
		t.Fatal("ErrWouldBlock is EINTR")
	}
	var timeout net.Error
	if !errors.As(sockets.ErrWouldBlock, &timeout) || !timeout.Timeout() {
		t.Fatal("ErrWouldBlock is no net.Error with Timeout")
	}
}

func TestOptions(t *testing.T) {
	c, _ := netPeer(t, listen(t, sockets.ListenConfig{}))
	check(t, c.SetNoDelay(true))
	wantOption(t, c.FD(), syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	check(t, c.SetNoDelay(false))
	wantOption(t, c.FD(), syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 0)
	check(t, c.SetReadBuffer(64<<10))
	check(t, c.SetWriteBuffer(64<<10))
}

// An address that comes from package net is mapped, which is no news to anybody.
func TestErrorsNameAddressesUnmapped(t *testing.T) {
	taken := listen(t, sockets.ListenConfig{}).Addr()
	mapped := netip.AddrPortFrom(netip.AddrFrom16(taken.Addr().As16()), taken.Port())
	_, err := sockets.ListenTCP(mapped, sockets.ListenConfig{})
	if want := "sockets: listen tcp " + taken.String() + ": "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Fatalf("got %v, want %q", err, want)
	}
}

// The system takes fewer bits than Go's types have: what does not fit must not
// become another value.
func TestOptionsThatDoNotFit(t *testing.T) {
	c, _ := netPeer(t, listen(t, sockets.ListenConfig{}))
	wantIs(t, c.SetLinger(1<<16), syscall.EINVAL) // as 16 bits, 0: a reset
	if tooLarge := int64(1 << 32); int64(int(tooLarge)) == tooLarge {
		wantIs(t, c.SetReadBuffer(int(tooLarge)), syscall.EINVAL)
		wantIs(t, c.SetWriteBuffer(int(tooLarge)), syscall.EINVAL)
		wantIs(t, c.SetLinger(int(tooLarge)), syscall.EINVAL)
	}
}

func TestKeepAlive(t *testing.T) {
	skipUnderWine(t, "Wine 8 has no TCP_KEEPIDLE")
	c, _ := netPeer(t, listen(t, sockets.ListenConfig{}))
	check(t, c.SetKeepAlive(net.KeepAliveConfig{Enable: true}))
	wantOption(t, c.FD(), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1)
	check(t, c.SetKeepAlive(net.KeepAliveConfig{}))
	wantOption(t, c.FD(), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 0)
}
