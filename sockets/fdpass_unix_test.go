//go:build unix

package sockets_test

import (
	"bytes"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/metalio/metalio"
	"github.com/metalio/metalio/sockets"
)

func TestPassFDs(t *testing.T) {
	a, b := unixPair(t)
	r, w := newPipe(t)
	before := openDescriptors(t)
	if n, err := a.WriteFDs([]byte("take these"), []metalio.FD{r.FD(), w.FD()}); n != 10 || err != nil {
		t.Fatalf("WriteFDs = %d, %v", n, err)
	}
	await(t, b.FD(), metalio.Readable)
	buf := make([]byte, 16)
	fds := make([]metalio.FD, 4)
	n, nfds, err := b.ReadFDs(buf, fds)
	check(t, err)
	if string(buf[:n]) != "take these" || nfds != 2 {
		t.Fatalf("ReadFDs = %q, %d descriptors", buf[:n], nfds)
	}
	if flags, _ := metalio.RawFcntl(int(fds[0]), metalio.F_GETFD, 0); flags&metalio.FD_CLOEXEC == 0 {
		t.Error("a received descriptor is not close-on-exec")
	}
	if n, errno := metalio.RawWrite(int(fds[1]), []byte("through")); n != 7 || errno != 0 {
		t.Fatalf("write to the received end = %d, %v", n, errno)
	}
	readFull(t, r, buf[:7])
	if !bytes.Equal(buf[:7], []byte("through")) {
		t.Fatalf("read %q", buf[:7])
	}
	for _, fd := range fds[:nfds] {
		metalio.RawClose(int(fd))
	}
	if after := openDescriptors(t); after > before {
		t.Fatalf("%d descriptors too many", after-before)
	}
}

func TestPassFDsWithoutRoom(t *testing.T) {
	for room := range 3 {
		a, b := unixPair(t)
		r, w := newPipe(t)
		before := openDescriptors(t)
		must[int](t)(a.WriteFDs([]byte("x"), []metalio.FD{r.FD(), w.FD(), r.FD()}))
		await(t, b.FD(), metalio.Readable)
		fds := make([]metalio.FD, room)
		n, nfds, err := b.ReadFDs(make([]byte, 4), fds)
		if n != 1 || nfds != room || err != sockets.ErrTruncated {
			t.Fatalf("ReadFDs with room for %d = %d, %d, %v", room, n, nfds, err)
		}
		for _, fd := range fds {
			metalio.RawClose(int(fd))
		}
		if after := openDescriptors(t); after > before {
			t.Fatalf("%d descriptors too many", after-before)
		}
	}
}

func TestPassFDsErrors(t *testing.T) {
	a, b := unixPair(t)
	buf := make([]byte, 1)
	_, err := a.WriteFDs(nil, nil)
	wantIs(t, err, os.ErrInvalid)
	_, err = a.WriteFDs(buf, make([]metalio.FD, sockets.MaxFDs+1))
	wantIs(t, err, os.ErrInvalid)
	_, err = a.WriteFDs(buf, []metalio.FD{^metalio.FD(0)})
	wantIs(t, err, syscall.EBADF)
	_, _, err = b.ReadFDs(buf, nil)
	wantIs(t, err, sockets.ErrWouldBlock)
	full := make([]metalio.FD, sockets.MaxFDs)
	for i := range full {
		full[i] = a.FD()
	}
	must[int](t)(a.WriteFDs(buf, full))
	n, nfds, err := b.ReadFDs(buf, full)
	if n != 1 || nfds != len(full) || err != nil {
		t.Fatalf("ReadFDs = %d, %d, %v, want all %d", n, nfds, err, len(full))
	}
	for _, fd := range full {
		metalio.RawClose(int(fd))
	}
	check(t, a.Close())
	_, _, err = b.ReadFDs(buf, full)
	wantIs(t, err, io.EOF)
	_, err = a.WriteFDs(buf, nil)
	wantIs(t, err, os.ErrClosed)
}

func TestZeroAllocsUnix(t *testing.T) {
	a, b := unixPair(t)
	wantNoAllocs(t, "passing a descriptor", func() {
		var buf [8]byte
		fds := [1]metalio.FD{a.FD()}
		if n, err := a.WriteFDs(buf[:], fds[:]); n != len(buf) || err != nil {
			t.Fatal(n, err)
		}
		if n, nfds, err := b.ReadFDs(buf[:], fds[:]); n != len(buf) || nfds != 1 || err != nil {
			t.Fatal(n, nfds, err)
		}
		metalio.RawClose(int(fds[0]))
	})
}
