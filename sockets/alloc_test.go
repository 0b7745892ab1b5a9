package sockets_test

import (
	"testing"

	"github.com/metalio/metalio"
	"github.com/metalio/metalio/sockets"
)

// wantNoAllocs runs f often enough that a single allocation shows.
func wantNoAllocs(t *testing.T, name string, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(200, f); n != 0 {
		t.Errorf("%s allocates %v times", name, n)
	}
}

func TestZeroAllocs(t *testing.T) {
	a, b := pair(t)
	rec := &countRearms{}
	b.SetRearmer(rec)
	wantNoAllocs(t, "a read that would block", func() {
		var buf [64]byte // stays on the stack
		if _, err := b.Read(buf[:]); err != sockets.ErrWouldBlock {
			t.Fatal(err)
		}
	})
	if rec.n == 0 {
		t.Fatal("the rearmer was not called")
	}
	wantNoAllocs(t, "write and read", func() {
		var buf [64]byte
		if n, err := a.Write(buf[:]); n != len(buf) || err != nil {
			t.Fatal(n, err)
		}
		if n, err := b.Read(buf[:]); n != len(buf) || err != nil {
			t.Fatal(n, err)
		}
	})
	wantNoAllocs(t, "writev and readv", func() {
		var buf [64]byte
		bufs := [...][]byte{buf[:10], buf[10:], nil}
		if n, err := a.Writev(bufs[:]); n != len(buf) || err != nil {
			t.Fatal(n, err)
		}
		if n, err := b.Readv(bufs[:]); n != len(buf) || err != nil {
			t.Fatal(n, err)
		}
	})
	fill(t, a)
	blocked := 0
	wantNoAllocs(t, "a write that would block", func() {
		switch _, err := a.Write([]byte{1}); err {
		case sockets.ErrWouldBlock:
			blocked++
		case nil: // room may come late, when the peer's buffer has grown
		default:
			t.Fatal(err)
		}
	})
	if blocked == 0 {
		t.Error("no write to a full socket would block")
	}
	wantNoAllocs(t, "options", func() {
		if err := a.SetNoDelay(true); err != nil {
			t.Fatal(err)
		}
	})
	wantNoAllocs(t, "addresses", func() {
		if a.LocalAddr() != b.RemoteAddr() {
			t.Fatal("addresses differ")
		}
	})
}

func TestZeroAllocsAccept(t *testing.T) {
	l := listen(t, sockets.ListenConfig{})
	var dialed, accepted sockets.TCPConn
	wantNoAllocs(t, "dial, accept and close", func() {
		if _, err := l.AcceptInto(&accepted); err != sockets.ErrWouldBlock {
			t.Fatal(err)
		}
		if err := dialed.Dial(l.Addr()); err != nil {
			t.Fatal(err)
		}
		for !ready(t, l.FD(), metalio.Readable, patience) {
			t.Fatal("no connection")
		}
		if _, err := l.AcceptInto(&accepted); err != nil {
			t.Fatal(err)
		}
		for dialed.ConnectError() != nil {
			ready(t, dialed.FD(), metalio.Writable, patience)
		}
		dialed.Close()
		accepted.Close()
	})
}

func TestZeroAllocsPipe(t *testing.T) {
	r, w := newPipe(t)
	wantNoAllocs(t, "pipe", func() {
		var buf [64]byte
		if n, err := w.Write(buf[:]); n != len(buf) || err != nil {
			t.Fatal(n, err)
		}
		if n, err := r.Read(buf[:]); n != len(buf) || err != nil {
			t.Fatal(n, err)
		}
		if _, err := r.Read(buf[:]); err != sockets.ErrWouldBlock {
			t.Fatal(err)
		}
	})
}

// A failing read may be part of an attack, so it must not cost an allocation either.
func TestZeroAllocsErrors(t *testing.T) {
	c, _ := pair(t)
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	wantNoAllocs(t, "EPIPE", func() {
		if _, err := c.Write([]byte{1}); err == nil {
			t.Fatal("write after CloseWrite succeeded")
		}
	})
	c.Close()
	wantNoAllocs(t, "closed", func() {
		if _, err := c.Read([]byte{1}); err == nil {
			t.Fatal("read after Close succeeded")
		}
	})
}

type countRearms struct{ n int }

func (c *countRearms) Rearm(metalio.FD, metalio.Interest) error {
	c.n++
	return nil
}
