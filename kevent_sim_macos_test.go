//go:build linux && kqueue_sim && kqueue_sim_macos

package metalio_test

import (
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/metalio/metalio"
)

// add adds a knote to a new queue and returns the queue and what it answered.
func add(t *testing.T, ident int, filter int16, notes uint32) (kq int, errno syscall.Errno) {
	t.Helper()
	kq, errno = metalio.RawKqueue()
	if errno != 0 {
		t.Fatal(errno)
	}
	t.Cleanup(func() { metalio.RawClose(kq) })
	c := [1]metalio.KeventT{{Ident: uintptr(ident), Filter: filter, Flags: metalio.EV_ADD, Fflags: notes, Udata: 7}}
	_, errno = metalio.RawKevent(kq, c[:], nil, &metalio.Timespec{})
	return kq, errno
}

// next waits for the only event of kq.
func next(t *testing.T, kq int) metalio.KeventT {
	t.Helper()
	var got [2]metalio.KeventT
	n, errno := metalio.Kevent(kq, nil, got[:], &metalio.Timespec{Sec: 10})
	if n != 1 || errno != 0 || got[0].Udata != 7 {
		t.Fatalf("%d events, %v: %+v; want one", n, errno, got)
	}
	return got[0]
}

// none finds no event in kq.
func none(t *testing.T, kq int) {
	t.Helper()
	var got [2]metalio.KeventT
	if n, errno := metalio.Kevent(kq, nil, got[:], &metalio.Timespec{}); n != 0 || errno != 0 {
		t.Fatalf("%d events, %v: %+v; want none", n, errno, got)
	}
}

// EVFILT_EXCEPT: "can be used to monitor the arrival of out-of-band data on a
// socket descriptor using the filter flag NOTE_OOB. If the read direction of the
// socket has shutdown, then the filter also sets EV_EOF in flags", kqueue(2). That
// it reports ordinary data as well is what bsd/kern/uipc_socket.c of xnu does.
func TestMacOSExceptFilter(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	served, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer served.Close()
	in, err := served.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := client.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()

	kq, errno := add(t, int(in.Fd()), metalio.EVFILT_EXCEPT, metalio.NOTE_OOB)
	if errno != 0 {
		t.Fatal(errno)
	}
	none(t, kq)
	if _, err := client.Write([]byte("ordinary")); err != nil {
		t.Fatal(err)
	}
	if ev := next(t, kq); ev.Fflags&metalio.NOTE_OOB != 0 {
		t.Errorf("%+v, want no NOTE_OOB", ev)
	}
	if err := syscall.Sendto(int(out.Fd()), []byte("!"), syscall.MSG_OOB, nil); err != nil {
		t.Fatal(err)
	}
	if ev := next(t, kq); ev.Filter != metalio.EVFILT_EXCEPT || ev.Flags&metalio.EV_EOF != 0 || ev.Fflags != metalio.NOTE_OOB {
		t.Errorf("%+v, want EVFILT_EXCEPT with NOTE_OOB and without EV_EOF", ev)
	}
	if _, _, err := syscall.Recvfrom(int(in.Fd()), make([]byte, 1), syscall.MSG_OOB); err != nil {
		t.Fatal(err)
	}
	if err := client.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	for range 1000 { // until the end has arrived
		if ev := next(t, kq); ev.Flags&metalio.EV_EOF != 0 {
			return
		}
	}
	t.Error("no EV_EOF after the peer's shutdown")
}

// A process that has exited is not found, though nobody has reaped it: filt_procattach
// in bsd/kern/kern_event.c of xnu.
func TestMacOSRefusesZombies(t *testing.T) {
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kq, errno := add(t, cmd.Process.Pid, metalio.EVFILT_PROC, metalio.NOTE_EXIT)
	if errno != 0 {
		t.Fatal(errno)
	}
	in.Close()
	next(t, kq)
	if _, errno := add(t, cmd.Process.Pid, metalio.EVFILT_PROC, metalio.NOTE_EXIT); errno != syscall.ESRCH {
		t.Errorf("%v for a process that has exited, want ESRCH", errno)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

// The write filter of a pipe that nobody reads answers EPIPE, and its event comes.
func TestMacOSAddsInSpiteOfEPIPE(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	kq, errno := add(t, int(w.Fd()), metalio.EVFILT_WRITE, 0)
	if errno != syscall.EPIPE {
		t.Errorf("%v, want EPIPE", errno)
	}
	if ev := next(t, kq); ev.Flags&metalio.EV_EOF == 0 {
		t.Errorf("%+v, want EV_EOF", ev)
	}
}
