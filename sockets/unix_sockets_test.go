package sockets_test

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/metalio/metalio"
	"github.com/metalio/metalio/sockets"
)

// socketName is a short path: the temporary folder of a test may be longer
// than a Unix socket's name can be.
func socketName(t testing.TB) string {
	t.Helper()
	dir := must[string](t)(os.MkdirTemp("", "sock"))
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// skipUnsupported skips a test of what this system has not.
func skipUnsupported(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EAFNOSUPPORT) {
		t.Skip("this system has no such socket:", err)
	}
	check(t, err)
}

func listenUnix(t testing.TB, name string) *sockets.UnixListener {
	t.Helper()
	l, err := sockets.ListenUnix(name, sockets.ListenConfig{})
	skipUnsupported(t, err)
	closing(t, l)
	return l
}

func unixPair(t testing.TB) (a, b *sockets.UnixConn) {
	t.Helper()
	a, b, err := sockets.UnixPair()
	skipUnsupported(t, err)
	closing(t, a)
	closing(t, b)
	return a, b
}

func TestUnixStreamWithNet(t *testing.T) {
	name := socketName(t)
	l := listenUnix(t, name)
	if l.Name() != name {
		t.Fatalf("Name = %q, want %q", l.Name(), name)
	}
	_, err := l.Accept()
	wantIs(t, err, sockets.ErrWouldBlock)
	peer := must[net.Conn](t)(net.Dial("unix", name))
	closing(t, peer)
	await(t, l.FD(), metalio.Readable)
	c := must[*sockets.UnixConn](t)(l.Accept())
	closing(t, c)
	wantIs(t, l.AcceptInto(c), os.ErrExist)
	must[int](t)(peer.Write([]byte("ping")))
	buf := make([]byte, 4)
	readFull(t, c, buf)
	if n, err := c.Writev([][]byte{[]byte("po"), []byte("ng")}); n != 4 || err != nil {
		t.Fatalf("Writev = %d, %v", n, err)
	}
	must[int](t)(io.ReadFull(peer, buf))
	if string(buf) != "pong" {
		t.Fatalf("peer read %q", buf)
	}
	check(t, peer.Close())
	rest, err := readUntilError(t, c)
	if len(rest) != 0 || err != io.EOF {
		t.Fatalf("read %q, %v", rest, err)
	}
	check(t, l.Close())
	if _, err := os.Lstat(name); !os.IsNotExist(err) {
		t.Fatalf("Close left the socket's file: %v", err)
	}
	wantIs(t, l.Close(), os.ErrClosed)
}

func TestUnixDial(t *testing.T) {
	name := socketName(t)
	l := listenUnix(t, name)
	c := must[*sockets.UnixConn](t)(sockets.DialUnix(name))
	closing(t, c)
	await(t, c.FD(), metalio.Writable)
	check(t, c.ConnectError())
	wantIs(t, c.Dial(name), os.ErrExist)
	await(t, l.FD(), metalio.Readable)
	closing(t, must[*sockets.UnixConn](t)(l.Accept()))
}

func TestUnixErrors(t *testing.T) {
	name := socketName(t)
	listenUnix(t, name)
	_, err := sockets.ListenUnix(name, sockets.ListenConfig{})
	wantIs(t, err, syscall.EADDRINUSE)
	if _, err := os.Lstat(name); err != nil {
		t.Fatalf("a failed listen removed another's file: %v", err)
	}
	before := openDescriptors(t)
	_, err = sockets.DialUnix(name + ".not-there")
	wantIs(t, err, noSuchSocket)
	for _, bad := range []string{"", "a\x00b", strings.Repeat("x", 200)} {
		_, err := sockets.ListenUnix(bad, sockets.ListenConfig{})
		wantIs(t, err, os.ErrInvalid)
		_, err = sockets.DialUnix(bad)
		wantIs(t, err, os.ErrInvalid)
	}
	if after := openDescriptors(t); after > before {
		t.Fatalf("failures left %d descriptors", after-before)
	}
}

// TestUnixSuccessorKeepsItsFile has somebody wait for a listener's end, to take
// its name over: the listener must remove its own file and not the successor's.
func TestUnixSuccessorKeepsItsFile(t *testing.T) {
	name := socketName(t)
	for range 500 {
		l := listenUnix(t, name)
		next := make(chan *sockets.UnixListener)
		go func() { next <- succeed(t, name) }()
		check(t, l.Close())
		l = <-next
		if l == nil {
			return
		}
		if _, err := os.Lstat(name); err != nil {
			t.Fatal("the successor's file:", err)
		}
		check(t, l.Close())
	}
}

// succeed listens on name when nobody does any more, and removes what a dead
// listener has left. It returns nil if it fails.
func succeed(t *testing.T, name string) *sockets.UnixListener {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		l, err := sockets.ListenUnix(name, sockets.ListenConfig{})
		if err == nil {
			return l
		}
		c, err := sockets.DialUnix(name)
		switch {
		case err == nil:
			c.Close()
		case errors.Is(err, syscall.ECONNREFUSED):
			os.Remove(name)
		}
	}
	t.Error("nobody has given the name up")
	return nil
}

func TestUnixPair(t *testing.T) {
	a, b := unixPair(t)
	check(t, a.ConnectError())
	must[int](t)(a.Write([]byte("x")))
	readFull(t, b, make([]byte, 1))
	check(t, a.CloseWrite())
	if n, err := b.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("Read = %d, %v, want 0, io.EOF", n, err)
	}
}

func TestUnixDatagram(t *testing.T) {
	name := socketName(t)
	server, err := sockets.ListenUnixDatagram(name, sockets.ListenConfig{})
	skipUnsupported(t, err)
	closing(t, server)
	client := must[*sockets.UnixDatagram](t)(sockets.DialUnixDatagram(name))
	closing(t, client)
	if server.Name() != name || client.Name() != "" {
		t.Fatalf("names %q and %q", server.Name(), client.Name())
	}
	buf := make([]byte, 4)
	if _, err := server.Read(buf); err != sockets.ErrWouldBlock {
		t.Fatal(err)
	}
	must[int](t)(client.Write([]byte("one")))
	must[int](t)(client.Write(nil))
	must[int](t)(client.Write([]byte("much too long")))
	other := must[*sockets.UnixDatagram](t)(sockets.ListenUnixDatagram(name+"2", sockets.ListenConfig{}))
	closing(t, other)
	must[int](t)(other.WriteTo([]byte("last"), name))
	_, err = other.WriteTo(nil, "")
	wantIs(t, err, os.ErrInvalid)
	for _, want := range []struct {
		data string
		err  error
	}{{"one", nil}, {"", nil}, {"much", sockets.ErrTruncated}, {"last", nil}} {
		await(t, server.FD(), metalio.Readable)
		n, err := server.Read(buf)
		if string(buf[:n]) != want.data || err != want.err {
			t.Fatalf("Read = %q, %v, want %q, %v", buf[:n], err, want.data, want.err)
		}
	}
	check(t, server.Close())
	_, err = server.Read(buf)
	wantIs(t, err, os.ErrClosed)
	_, err = client.Write(buf)
	if err == nil {
		t.Fatal("wrote to a closed receiver")
	}
}
