package sockets_test

import (
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/metalio/metalio"
	"github.com/metalio/metalio/sockets"
)

func newPipe(t testing.TB) (*sockets.PipeReader, *sockets.PipeWriter) {
	t.Helper()
	r, w, err := sockets.NewPipe()
	check(t, err)
	closing(t, r)
	closing(t, w)
	return r, w
}

func TestPipe(t *testing.T) {
	r, w := newPipe(t)
	buf := make([]byte, 8)
	if n, err := r.Read(buf); n != 0 || err != sockets.ErrWouldBlock {
		t.Fatalf("Read of nothing = %d, %v", n, err)
	}
	if n, err := r.Read(nil); n != 0 || err != nil {
		t.Fatalf("Read(nil) = %d, %v", n, err)
	}
	if n, err := w.Write([]byte("hello")); n != 5 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	check(t, w.Close())
	got, err := readUntilError(t, r)
	if string(got) != "hello" || err != io.EOF {
		t.Fatalf("read %q, %v", got, err)
	}
}

func TestPipeFullAndWritableAgain(t *testing.T) {
	r, w := newPipe(t)
	reads, writes := &recorder{}, &recorder{}
	r.SetRearmer(reads)
	w.SetRearmer(writes)
	total := fill(t, w)
	if len(writes.blocked) != 2 || writes.blocked[0] != metalio.Writable {
		t.Fatalf("rearmed %v, want writable for each of the two writes that blocked", writes.blocked)
	}
	readFull(t, r, make([]byte, total))
	await(t, w.FD(), metalio.Writable)
	if n, err := w.Write([]byte("x")); n != 1 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
}

func TestPipeReaderClosedBreaksIt(t *testing.T) {
	r, w := newPipe(t)
	check(t, r.Close())
	var err error
	for err == nil { // on Windows the first write may go through
		await(t, w.FD(), metalio.Writable)
		_, err = w.Write([]byte("x"))
	}
	if !brokenPipe(err) {
		t.Fatalf("Write = %v", err)
	}
}

// A child must not inherit the writer: the reader would never see the end.
func TestPipeIsNotInherited(t *testing.T) {
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Skip("needs cat:", err)
	}
	r, w := newPipe(t)
	child := exec.Command(cat)
	stdin := must[io.WriteCloser](t)(child.StdinPipe())
	check(t, child.Start())
	check(t, w.Close())
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("Read = %d, %v, want 0, io.EOF while the child lives", n, err)
	}
	check(t, stdin.Close())
	check(t, child.Wait())
}

func TestPipeValue(t *testing.T) {
	before := openDescriptors(t)
	var p sockets.Pipe
	wantIs(t, p.Close(), os.ErrClosed)
	for range 2 {
		check(t, p.Open())
		wantIs(t, p.Open(), os.ErrExist)
		must[int](t)(p.W.Write([]byte("x")))
		readFull(t, &p.R, make([]byte, 1))
		check(t, p.W.Close())
		if n, err := readUntilError(t, &p.R); len(n) != 0 || err != io.EOF {
			t.Fatalf("read %q, %v", n, err)
		}
		check(t, p.Close())
	}
	wantIs(t, p.Close(), os.ErrClosed)
	if after := openDescriptors(t); after > before {
		t.Fatalf("%d descriptors too many", after-before)
	}
}
