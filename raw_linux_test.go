package metalio_test

import (
	"encoding/binary"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/metalio/metalio"
)

// ok stops the test when a call failed that must not.
func ok(t *testing.T, call string, errno syscall.Errno) {
	t.Helper()
	if errno != 0 {
		t.Fatalf("%s: %v", call, errno)
	}
}

// got stops the test when a call failed or gave another count than expected.
func got(t *testing.T, call string, n int, errno syscall.Errno, want int) {
	t.Helper()
	ok(t, call, errno)
	if n != want {
		t.Fatalf("%s = %d, want %d", call, n, want)
	}
}

// fd passes a descriptor on and closes it when the test ends.
func fd(t *testing.T, call string, n int, errno syscall.Errno) int {
	t.Helper()
	ok(t, call, errno)
	t.Cleanup(func() { metalio.RawClose(n) })
	return n
}

func pipe(t *testing.T) (r, w int) {
	t.Helper()
	var fds [2]int32
	ok(t, "RawPipe2", metalio.RawPipe2(&fds, metalio.O_NONBLOCK|metalio.O_CLOEXEC))
	return fd(t, "pipe", int(fds[0]), 0), fd(t, "pipe", int(fds[1]), 0)
}

func socketpair(t *testing.T, typ int) (a, b int) {
	t.Helper()
	var fds [2]int32
	ok(t, "RawSocketpair", metalio.RawSocketpair(metalio.AF_UNIX, typ|metalio.SOCK_NONBLOCK|metalio.SOCK_CLOEXEC, 0, &fds))
	return fd(t, "socketpair", int(fds[0]), 0), fd(t, "socketpair", int(fds[1]), 0)
}

// zeroAllocs runs f many times and fails if it allocates even once.
func zeroAllocs(t *testing.T, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(100, f); n != 0 {
		t.Errorf("%v allocations per run, want 0", n)
	}
}

// must panics inside an AllocsPerRun body, where a failing t would allocate.
func must(n int, errno syscall.Errno) {
	if errno != 0 || n < 0 {
		panic(errno)
	}
}

func TestZeroAllocsReadWrite(t *testing.T) {
	r, w := pipe(t)
	zeroAllocs(t, func() {
		var out, in [64]byte
		out[63] = 7
		must(metalio.RawWrite(w, out[:]))
		must(metalio.RawRead(r, in[:]))
		if in != out {
			panic("raw: other bytes came out")
		}
		must(metalio.Write(w, out[:32]))
		must(metalio.Read(r, in[:]))
	})
	if _, errno := metalio.RawRead(r, make([]byte, 1)); errno != syscall.EAGAIN {
		t.Fatalf("RawRead of an empty pipe: %v, want EAGAIN", errno)
	}
	if n, errno := metalio.RawWrite(-1, []byte("x")); errno != syscall.EBADF || n != -1 {
		t.Fatalf("RawWrite to -1 = %d, %v; want -1, EBADF", n, errno)
	}
	if n, errno := metalio.RawRead(r, nil); n != 0 || errno != 0 {
		t.Fatalf("RawRead of nothing = %d, %v", n, errno)
	}
}

func iovec(p []byte) metalio.Iovec {
	return metalio.Iovec{Base: unsafe.Pointer(unsafe.SliceData(p)), Len: uintptr(len(p))}
}

func TestZeroAllocsVectored(t *testing.T) {
	r, w := pipe(t)
	out, in := []byte("vectored"), make([]byte, 8)
	zeroAllocs(t, func() {
		outs := [2]metalio.Iovec{iovec(out[:3]), iovec(out[3:])}
		ins := [2]metalio.Iovec{iovec(in[:5]), iovec(in[5:])}
		must(metalio.RawWritev(w, outs[:]))
		must(metalio.RawReadv(r, ins[:]))
		must(metalio.Writev(w, outs[:]))
		must(metalio.Readv(r, ins[:]))
	})
	if string(in) != "vectored" {
		t.Fatalf("read %q", in)
	}
}

func TestZeroAllocsEpoll(t *testing.T) {
	ep, errno := metalio.RawEpollCreate1(metalio.EPOLL_CLOEXEC)
	fd(t, "RawEpollCreate1", ep, errno)
	r, w := pipe(t)
	const token = 0xc000000001 // looks like a heap pointer, and must not be taken for one
	add := metalio.EpollEvent{Events: metalio.EPOLLIN}
	add.SetData(token)
	ok(t, "RawEpollCtl", metalio.RawEpollCtl(ep, metalio.EPOLL_CTL_ADD, r, &add))
	if errno := metalio.RawEpollCtl(ep, metalio.EPOLL_CTL_ADD, r, &add); errno != syscall.EEXIST {
		t.Fatalf("second ADD: %v, want EEXIST", errno)
	}
	must(metalio.RawWrite(w, []byte("x")))

	check := func(ev *metalio.EpollEvent) {
		if ev.Data() != token || ev.Events != metalio.EPOLLIN {
			panic("another event than the one registered")
		}
	}
	zeroAllocs(t, func() {
		var evs [4]metalio.EpollEvent
		must(metalio.RawEpollPwait(ep, evs[:], 0, nil))
		check(&evs[0])
		must(metalio.EpollPwait(ep, evs[:], -1, nil))
		check(&evs[0])
		mod := metalio.EpollEvent{Events: metalio.EPOLLIN}
		mod.SetData(token)
		if errno := metalio.RawEpollCtl(ep, metalio.EPOLL_CTL_MOD, r, &mod); errno != 0 {
			panic(errno)
		}
	})
	if _, errno := metalio.EpollPwait(ep, nil, 0, nil); errno != syscall.EINVAL {
		t.Fatalf("EpollPwait into nothing: %v, want EINVAL", errno)
	}
}

func TestZeroAllocsEpollPwait2(t *testing.T) {
	ep, errno := metalio.RawEpollCreate1(metalio.EPOLL_CLOEXEC)
	fd(t, "RawEpollCreate1", ep, errno)
	var evs [1]metalio.EpollEvent
	if _, errno := metalio.RawEpollPwait2(ep, evs[:], &metalio.Timespec{}, nil); errno == syscall.ENOSYS || errno == syscall.EPERM {
		t.Skipf("this kernel or emulator has no epoll_pwait2: %v", errno)
	}
	zeroAllocs(t, func() {
		var evs [1]metalio.EpollEvent
		must(metalio.RawEpollPwait2(ep, evs[:], &metalio.Timespec{}, nil))
		// A signal, such as Go's own SIGURG, may end the sleep.
		if n, errno := metalio.EpollPwait2(ep, evs[:], &metalio.Timespec{Nsec: 1000}, nil); errno != syscall.EINTR {
			must(n, errno)
		}
	})
}

func TestEpollParams(t *testing.T) {
	ep, errno := metalio.RawEpollCreate1(metalio.EPOLL_CLOEXEC)
	fd(t, "RawEpollCreate1", ep, errno)
	want := metalio.EpollParams{BusyPollUsecs: 50, BusyPollBudget: 8}
	_, errno = metalio.RawIoctl(ep, metalio.EPIOCSPARAMS, unsafe.Pointer(&want))
	if errno == syscall.ENOTTY || errno == syscall.EINVAL || errno == syscall.EOPNOTSUPP || errno == syscall.ENOSYS {
		t.Skipf("EPIOCSPARAMS needs Linux 6.9 with CONFIG_NET_RX_BUSY_POLL, or an emulator that knows it: %v", errno)
	}
	ok(t, "EPIOCSPARAMS", errno)
	zeroAllocs(t, func() {
		var have metalio.EpollParams
		must(metalio.RawIoctl(ep, metalio.EPIOCGPARAMS, unsafe.Pointer(&have)))
		if have != want {
			panic("other parameters came back")
		}
	})
}

func TestZeroAllocsEventfd(t *testing.T) {
	efd, errno := metalio.RawEventfd2(3, metalio.EFD_NONBLOCK|metalio.EFD_CLOEXEC)
	fd(t, "RawEventfd2", efd, errno)
	want := uint64(3)
	zeroAllocs(t, func() {
		var count [8]byte
		must(metalio.RawRead(efd, count[:]))
		if binary.NativeEndian.Uint64(count[:]) != want {
			panic("another count")
		}
		want++
		binary.NativeEndian.PutUint64(count[:], want)
		must(metalio.RawWrite(efd, count[:]))
	})
}

func TestZeroAllocsTimerfd(t *testing.T) {
	tfd, errno := metalio.RawTimerfdCreate(metalio.CLOCK_MONOTONIC, metalio.TFD_CLOEXEC)
	fd(t, "RawTimerfdCreate", tfd, errno)
	zeroAllocs(t, func() {
		set := metalio.Itimerspec{Value: metalio.Timespec{Sec: 3600}, Interval: metalio.Timespec{Sec: 60}}
		var old, curr metalio.Itimerspec
		if errno := metalio.RawTimerfdSettime(tfd, 0, &set, &old); errno != 0 {
			panic(errno)
		}
		if errno := metalio.RawTimerfdGettime(tfd, &curr); errno != 0 {
			panic(errno)
		}
		if curr.Interval != set.Interval || curr.Value.Sec < 3590 {
			panic("another setting came back")
		}
	})
	soon := metalio.Itimerspec{Value: metalio.Timespec{Nsec: 1}}
	ok(t, "RawTimerfdSettime", metalio.RawTimerfdSettime(tfd, 0, &soon, nil))
	var expired [8]byte
	n, errno := metalio.Read(tfd, expired[:])
	got(t, "Read of a timerfd", n, errno, 8)
}

func TestSignalfd(t *testing.T) {
	// Go's threads do not block the signal, so the descriptor need not see it;
	// what is tested is the call, the record's size and the set's layout.
	usr1 := make(chan os.Signal, 1)
	signal.Notify(usr1, syscall.SIGUSR1)
	defer signal.Stop(usr1)
	var set metalio.Sigset
	set.Add(syscall.SIGUSR1)
	sfd, errno := metalio.RawSignalfd4(-1, &set, metalio.SFD_NONBLOCK|metalio.SFD_CLOEXEC)
	fd(t, "RawSignalfd4", sfd, errno)
	var info metalio.SignalfdSiginfo
	buf := unsafe.Slice((*byte)(unsafe.Pointer(&info)), metalio.SizeofSignalfdSiginfo)
	if _, errno := metalio.RawRead(sfd, buf[:10]); errno != syscall.EINVAL {
		t.Fatalf("read of less than a record: %v, want EINVAL", errno)
	}
	if _, errno := metalio.RawRead(sfd, buf); errno != syscall.EAGAIN {
		t.Fatalf("read with no signal pending: %v, want EAGAIN", errno)
	}
	zeroAllocs(t, func() {
		var set metalio.Sigset
		set.Add(syscall.SIGUSR1)
		must(metalio.RawSignalfd4(sfd, &set, 0))
	})
}

func TestPidfdOpen(t *testing.T) {
	pfd, errno := metalio.RawPidfdOpen(os.Getpid(), 0)
	if errno == syscall.ENOSYS {
		t.Skip("pidfd_open needs Linux 5.3 or an emulator that knows it")
	}
	fd(t, "RawPidfdOpen", pfd, errno)
	if _, errno := metalio.RawPidfdOpen(-1, 0); errno != syscall.EINVAL {
		t.Fatalf("RawPidfdOpen(-1): %v, want EINVAL", errno)
	}
}

func TestZeroAllocsFcntlDupClose(t *testing.T) {
	r, _ := pipe(t)
	zeroAllocs(t, func() {
		for i := range 2 {
			n, errno := metalio.RawFcntl(r, metalio.F_DUPFD_CLOEXEC, 0)
			must(n, errno)
			closeBoth := [...]func(int) syscall.Errno{metalio.RawClose, metalio.Close}
			if errno := closeBoth[i](n); errno != 0 {
				panic(errno)
			}
		}
	})
	flags, errno := metalio.RawFcntl(r, metalio.F_GETFL, 0)
	ok(t, "F_GETFL", errno)
	if flags&metalio.O_NONBLOCK == 0 {
		t.Fatal("RawPipe2 did not set O_NONBLOCK")
	}
	if flags, _ := metalio.RawFcntl(r, metalio.F_GETFD, 0); flags&metalio.FD_CLOEXEC == 0 {
		t.Fatal("RawPipe2 did not set FD_CLOEXEC")
	}
}

// inet4 fills a sockaddr for 127.0.0.1.
func inet4(port uint16) metalio.SockaddrInet4 {
	return metalio.SockaddrInet4{
		Family: metalio.AF_INET,
		Port:   [2]byte{byte(port >> 8), byte(port)},
		Addr:   netip.AddrFrom4([4]byte{127, 0, 0, 1}).As4(),
	}
}

func TestZeroAllocsTCP(t *testing.T) {
	typ := metalio.SOCK_STREAM | metalio.SOCK_CLOEXEC
	ln, errno := metalio.RawSocket(metalio.AF_INET, typ|metalio.SOCK_NONBLOCK, 0)
	fd(t, "RawSocket", ln, errno)
	on := int32(1)
	ok(t, "RawSetsockopt", metalio.RawSetsockopt(ln, metalio.SOL_SOCKET, metalio.SO_REUSEADDR, unsafe.Pointer(&on), 4))
	sa := inet4(0)
	ok(t, "RawBind", metalio.RawBind(ln, unsafe.Pointer(&sa), metalio.SizeofSockaddrInet4))
	ok(t, "RawListen", metalio.RawListen(ln, metalio.SOMAXCONN))
	size := uint32(metalio.SizeofSockaddrInet4)
	ok(t, "RawGetsockname", metalio.RawGetsockname(ln, unsafe.Pointer(&sa), &size))
	if _, errno := metalio.RawAccept4(ln, nil, nil, 0); errno != syscall.EAGAIN {
		t.Fatalf("RawAccept4 with nobody there: %v, want EAGAIN", errno)
	}

	round := 0
	zeroAllocs(t, func() {
		c, errno := metalio.RawSocket(metalio.AF_INET, typ, 0)
		must(c, errno)
		var peer, local metalio.SockaddrInet4
		peerSize, localSize := uint32(metalio.SizeofSockaddrInet4), uint32(metalio.SizeofSockaddrInet4)
		var s int
		if round++; round%2 == 0 {
			if errno := metalio.Connect(c, unsafe.Pointer(&sa), metalio.SizeofSockaddrInet4); errno != 0 {
				panic(errno)
			}
			s, errno = metalio.RawAccept4(ln, unsafe.Pointer(&peer), &peerSize, metalio.SOCK_CLOEXEC)
		} else {
			// Loopback finishes the handshake inside connect, so this cannot stall.
			if errno := metalio.RawConnect(c, unsafe.Pointer(&sa), metalio.SizeofSockaddrInet4); errno != 0 {
				panic(errno)
			}
			s, errno = metalio.Accept4(ln, unsafe.Pointer(&peer), &peerSize, metalio.SOCK_CLOEXEC)
		}
		must(s, errno)
		if errno := metalio.RawGetpeername(s, unsafe.Pointer(&local), &localSize); errno != 0 || local != peer {
			panic("getpeername and accept4 disagree")
		}
		var out, in [32]byte
		out[0] = byte(round)
		must(metalio.RawSendto(c, out[:], metalio.MSG_NOSIGNAL, nil, 0))
		must(metalio.Recvfrom(s, in[:], 0, nil, nil))
		must(metalio.Sendto(s, in[:], metalio.MSG_NOSIGNAL, nil, 0))
		must(metalio.Recvfrom(c, in[:1], metalio.MSG_PEEK, nil, nil))
		must(metalio.RawRecvfrom(c, in[:], 0, nil, nil))
		if in != out {
			panic("other bytes came back")
		}
		soerr, soerrSize := int32(-1), uint32(4)
		if errno := metalio.RawGetsockopt(s, metalio.SOL_SOCKET, metalio.SO_ERROR, unsafe.Pointer(&soerr), &soerrSize); errno != 0 || soerr != 0 {
			panic("SO_ERROR of a healthy socket")
		}
		if errno := metalio.RawShutdown(c, metalio.SHUT_WR); errno != 0 {
			panic(errno)
		}
		if n, errno := metalio.Recvfrom(s, in[:], 0, nil, nil); n != 0 || errno != 0 {
			panic("no end of file after shutdown")
		}
		metalio.RawClose(s)
		metalio.RawClose(c)
	})
}

func TestZeroAllocsMessages(t *testing.T) {
	a, b := socketpair(t, metalio.SOCK_DGRAM)
	out, in := []byte("message"), make([]byte, 16)
	outv, inv := iovec(out), iovec(in)
	zeroAllocs(t, func() {
		send := metalio.Msghdr{Iov: &outv, Iovlen: 1}
		recv := metalio.Msghdr{Iov: &inv, Iovlen: 1}
		must(metalio.RawSendmsg(a, &send, 0))
		must(metalio.RawRecvmsg(b, &recv, 0))
		must(metalio.Sendmsg(b, &send, 0))
		must(metalio.Recvmsg(a, &recv, 0))
	})
	if _, errno := metalio.RawRecvmmsg(-1, nil, 0, nil); errno == syscall.ENOSYS {
		t.Skip("recvmmsg with 64-bit times needs Linux 5.1 or an emulator that knows it")
	}
	zeroAllocs(t, func() {
		var send, recv [2]metalio.Mmsghdr
		for i := range send {
			send[i].Hdr = metalio.Msghdr{Iov: &outv, Iovlen: 1}
			recv[i].Hdr = metalio.Msghdr{Iov: &inv, Iovlen: 1}
		}
		must(metalio.RawSendmmsg(a, send[:], 0))
		if n, errno := metalio.RawRecvmmsg(b, recv[:], 0, nil); n != 2 || errno != 0 || recv[1].Len != 7 {
			panic("recvmmsg lost a message")
		}
		must(metalio.Sendmmsg(b, send[:], 0))
		if n, errno := metalio.Recvmmsg(a, recv[:], 0, nil); n != 2 || errno != 0 {
			panic("recvmmsg lost a message")
		}
	})
	if string(in[:7]) != "message" {
		t.Fatalf("received %q", in[:7])
	}
}

func TestZeroAllocsSpliceSendfile(t *testing.T) {
	r, w := pipe(t)
	a, b := socketpair(t, metalio.SOCK_STREAM)
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("from a file"); err != nil {
		t.Fatal(err)
	}
	in := int(f.Fd())
	zeroAllocs(t, func() {
		var buf [32]byte
		offset := int64(5)
		must(metalio.RawSendfile(a, in, &offset, 100))
		offset = 5
		must(metalio.Sendfile(a, in, &offset, 100))
		must(metalio.RawSplice(b, nil, w, nil, 6, metalio.SPLICE_F_NONBLOCK))
		must(metalio.Splice(b, nil, w, nil, 6, metalio.SPLICE_F_NONBLOCK))
		n, errno := metalio.RawRead(r, buf[:])
		must(n, errno)
		if string(buf[:n]) != "a filea file" {
			panic("splice or sendfile moved other bytes")
		}
	})
}

func TestZeroAllocsPpoll(t *testing.T) {
	r, w := pipe(t)
	zeroAllocs(t, func() {
		fds := [2]metalio.Pollfd{{Fd: int32(r), Events: metalio.POLLIN}, {Fd: int32(w), Events: metalio.POLLOUT}}
		n, errno := metalio.RawPpoll(fds[:], &metalio.Timespec{}, nil)
		must(n, errno)
		if n != 1 || fds[0].Revents != 0 || fds[1].Revents != metalio.POLLOUT {
			panic("ppoll answers for other descriptors")
		}
		must(metalio.Ppoll(fds[:], &metalio.Timespec{Sec: 10}, nil))
	})
}

func TestZeroAllocsClock(t *testing.T) {
	zeroAllocs(t, func() {
		var a, b metalio.Timespec
		if errno := metalio.RawClockGettime(metalio.CLOCK_MONOTONIC, &a); errno != 0 {
			panic(errno)
		}
		if errno := metalio.RawClockGettime(metalio.CLOCK_MONOTONIC, &b); errno != 0 {
			panic(errno)
		}
		if b.Sec < a.Sec || (b.Sec == a.Sec && b.Nsec < a.Nsec) {
			panic("the monotonic clock went back")
		}
	})
}

// A scheduler-aware wait must let the other goroutines of its processor run.
func TestScheduledWaitLetsOthersRun(t *testing.T) {
	r, w := pipe(t)
	ep, errno := metalio.RawEpollCreate1(metalio.EPOLL_CLOEXEC)
	fd(t, "RawEpollCreate1", ep, errno)
	ok(t, "RawEpollCtl", metalio.RawEpollCtl(ep, metalio.EPOLL_CTL_ADD, r, &metalio.EpollEvent{Events: metalio.EPOLLIN}))
	const rounds = 200
	go func() {
		for range rounds {
			metalio.RawWrite(w, []byte("x"))
			for {
				// Wait until the reader has taken it.
				fds := [1]metalio.Pollfd{{Fd: int32(r), Events: metalio.POLLIN}}
				if n, _ := metalio.RawPpoll(fds[:], &metalio.Timespec{}, nil); n == 0 {
					break
				}
				time.Sleep(time.Microsecond)
			}
		}
	}()
	var evs [1]metalio.EpollEvent
	var buf [8]byte
	for seen := 0; seen < rounds; {
		n, errno := metalio.EpollPwait(ep, evs[:], 10_000, nil)
		if errno == syscall.EINTR {
			continue
		}
		got(t, "EpollPwait", n, errno, 1)
		n, errno = metalio.RawRead(r, buf[:])
		ok(t, "RawRead", errno)
		seen += n
	}
}
