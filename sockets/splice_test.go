package sockets_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/metalio/metalio"
	"github.com/metalio/metalio/sockets"
)

func newSplicer(t testing.TB, size int) *sockets.Splicer {
	t.Helper()
	s, err := sockets.NewSplicer(size)
	skipUnsupported(t, err)
	closing(t, s)
	return s
}

func randomBytes(n int) []byte {
	data := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{1})
	rng.Read(data)
	return data
}

func TestSpliceSaysWhichSideBlocked(t *testing.T) {
	s := newSplicer(t, 0)
	client, front := pair(t)
	back, server := pair(t)
	readers, writers := &recorder{}, &recorder{}
	front.SetRearmer(readers)
	back.SetRearmer(writers)

	n, blocked, err := s.Splice(back, front, 0)
	if n != 0 || blocked != metalio.Readable || err != sockets.ErrWouldBlock {
		t.Fatalf("Splice of nothing = %d, %v, %v, want readable", n, blocked, err)
	}
	must[int](t)(client.Write([]byte("hello")))
	await(t, front.FD(), metalio.Readable)
	n, blocked, err = s.Splice(back, front, 0)
	if n != 5 || blocked != metalio.Readable || err != sockets.ErrWouldBlock {
		t.Fatalf("Splice = %d, %v, %v, want 5, readable", n, blocked, err)
	}
	if len(writers.blocked) != 0 || len(readers.blocked) != 2 {
		t.Fatalf("rearmed the source %v, the destination %v", readers.blocked, writers.blocked)
	}
	readFull(t, server, make([]byte, 5))

	fill(t, back)
	writers.blocked = nil
	must[int](t)(client.Write([]byte("stuck")))
	await(t, front.FD(), metalio.Readable)
	n, blocked, err = s.Splice(back, front, 0)
	if n != 0 || blocked != metalio.Writable || err != sockets.ErrWouldBlock {
		t.Fatalf("Splice into a full socket = %d, %v, %v, want writable", n, blocked, err)
	}
	if s.Buffered() != 5 {
		t.Fatalf("Buffered = %d, want 5", s.Buffered())
	}
	if len(writers.blocked) != 1 || writers.blocked[0] != metalio.Writable || len(readers.blocked) != 2 {
		t.Fatalf("rearmed the source %v, the destination %v", readers.blocked, writers.blocked)
	}
}

func TestSpliceToTheEnd(t *testing.T) {
	s := newSplicer(t, 0)
	client, front := netPeerPair(t)
	server, back := netPeerPair(t)
	data := randomBytes(4 << 20)
	go func() {
		client.Write(data)
		client.Close()
	}()
	got := make(chan []byte, 1)
	go func() {
		all, _ := io.ReadAll(server)
		got <- all
	}()
	total := 0
	for {
		n, blocked, err := s.Splice(back, front, 100_000)
		total += n
		if err == io.EOF {
			break
		}
		if err == sockets.ErrWouldBlock {
			fd := front.FD()
			if blocked == metalio.Writable {
				fd = back.FD()
			}
			await(t, fd, blocked)
			continue
		}
		check(t, err)
		if n < 100_000 {
			t.Fatalf("Splice = %d without a reason", n)
		}
	}
	check(t, back.CloseWrite())
	if total != len(data) || s.Buffered() != 0 {
		t.Fatalf("moved %d of %d bytes, %d buffered", total, len(data), s.Buffered())
	}
	if !bytes.Equal(<-got, data) {
		t.Fatal("the data arrived changed")
	}
}

// netPeerPair gives the standard library's end first.
func netPeerPair(t testing.TB) (io.ReadWriteCloser, *sockets.TCPConn) {
	t.Helper()
	c, peer := netPeer(t, listen(t, sockets.ListenConfig{}))
	return peer, c
}

func TestSpliceErrors(t *testing.T) {
	s := newSplicer(t, 4096)
	client, front := pair(t)
	back, _ := pair(t)
	check(t, back.CloseWrite())
	must[int](t)(client.Write([]byte("x")))
	await(t, front.FD(), metalio.Readable)
	n, blocked, err := s.Splice(back, front, 0)
	if n != 0 || blocked != 0 {
		t.Fatalf("Splice = %d, %v, %v", n, blocked, err)
	}
	wantIs(t, err, syscall.EPIPE)
	check(t, front.Close())
	_, _, err = s.Splice(back, front, 0)
	wantIs(t, err, os.ErrClosed)
	check(t, s.Close())
	wantIs(t, s.Close(), os.ErrClosed)
	_, _, err = s.Splice(back, client, 0)
	wantIs(t, err, os.ErrClosed)
	_, err = sockets.NewSplicer(-1)
	wantIs(t, err, syscall.EINVAL)
}

func TestSendfile(t *testing.T) {
	newSplicer(t, 0) // skips where neither exists
	data := randomBytes(3 << 20)
	path := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(path, data, 0o600))
	f := must[*os.File](t)(os.Open(path))
	closing(t, f)
	file := metalio.FD(f.Fd())
	a, b := pair(t)
	const offset = 1000
	want := data[offset:]
	var got []byte
	buf := make([]byte, 64<<10)
	for sent := 0; len(got) < len(want); {
		n, err := a.Sendfile(file, int64(offset+sent), len(want)-sent)
		sent += n
		if err != nil && err != sockets.ErrWouldBlock {
			t.Fatal(err)
		}
		if (err == nil) != (sent == len(want)) {
			t.Fatalf("Sendfile = %d, %v with %d of %d sent", n, err, sent, len(want))
		}
		for len(got) < sent {
			await(t, b.FD(), metalio.Readable)
			n := must[int](t)(b.Read(buf))
			got = append(got, buf[:n]...)
		}
		await(t, a.FD(), metalio.Writable)
	}
	if !bytes.Equal(got, want) {
		t.Fatal("the data arrived changed")
	}
	n, err := a.Sendfile(file, int64(len(data)-3), 10)
	if n != 3 || err != io.ErrUnexpectedEOF {
		t.Fatalf("Sendfile beyond the end = %d, %v", n, err)
	}
	check(t, a.Close())
	_, err = a.Sendfile(file, 0, 1)
	wantIs(t, err, os.ErrClosed)
}

func TestZeroAllocsSplice(t *testing.T) {
	s := newSplicer(t, 0)
	client, front := pair(t)
	back, server := pair(t)
	wantNoAllocs(t, "splice", func() {
		var buf [64]byte
		if _, err := client.Write(buf[:]); err != nil {
			t.Fatal(err)
		}
		if n, _, err := s.Splice(back, front, len(buf)); n != len(buf) || err != nil {
			t.Fatal(n, err)
		}
		if n, err := server.Read(buf[:]); n != len(buf) || err != nil {
			t.Fatal(n, err)
		}
		if _, blocked, err := s.Splice(back, front, 0); blocked != metalio.Readable || err != sockets.ErrWouldBlock {
			t.Fatal(blocked, err)
		}
	})
}
