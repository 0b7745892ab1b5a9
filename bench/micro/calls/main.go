// Calls measures the calls that an event loop is made of, one at a time: it is
// c/calls.c in the forms that a Go program can choose from.
//
//	raw        metalio's raw calls, which Go's scheduler does not know of
//	aware      metalio's calls that it does know of
//	xsys       golang.org/x/sys/unix, with Write and Read, as its users have it
//	xsys-send  the same with Send and Recvfrom
package main

import (
	"flag"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/metalio/metalio/bench/internal/sample"
)

// form makes calls n times. Each loop is written out, so that nothing is
// measured but the calls, and ends the program if one does not do what it
// should: how long a call takes to fail is no figure.
type form interface {
	wait(n, want int)
	modify(n int)
	sendReceive(n int, from, to int)
	receiveNothing(n int)
}

// fixture is what the calls are made on.
type fixture struct {
	epfd      int
	unix, tcp [2]int // 0 is read from, 1 is written to
}

func main() {
	opt := sample.Flags()
	name := flag.String("form", "raw", "raw, aware, xsys or xsys-send")
	flag.Parse()

	sample.Pin(opt.Core)
	fix := newFixture()
	forms := map[string]form{"raw": raw{fix}, "aware": aware{fix}, "xsys": xsys{fix}, "xsys-send": xsysSend{xsys{fix}}}
	f, ok := forms[*name]
	if !ok {
		fmt.Fprintf(os.Stderr, "calls: unknown form %q\n", *name)
		os.Exit(2)
	}

	each := opt.Duration() / 6
	report := func(name string, work func(n int)) { sample.Report(name, sample.Of(each, work)) }
	report("epoll_wait-0", func(n int) { f.wait(n, 0) })
	report("epoll_ctl-mod", f.modify)
	report("recv-eagain", f.receiveNothing)
	report("send+recv-tcp", func(n int) { f.sendReceive(n, fix.tcp[1], fix.tcp[0]) })

	sample.Get(unix.Write(fix.unix[1], []byte{1}))
	report("epoll_wait-1", func(n int) { f.wait(n, 1) })
	sample.Get(unix.Read(fix.unix[0], make([]byte, 1)))

	// Unwatched, so that no contender pays for the epoll instance.
	sample.Must(unix.EpollCtl(fix.epfd, unix.EPOLL_CTL_DEL, fix.unix[0], nil))
	report("send+recv-unix", func(n int) { f.sendReceive(n, fix.unix[1], fix.unix[0]) })
}

func newFixture() *fixture {
	f := &fixture{epfd: sample.Get(unix.EpollCreate1(unix.EPOLL_CLOEXEC))}
	f.unix = sample.Get(unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0))
	f.tcp = tcpPair()
	ev := unix.EpollEvent{Events: unix.EPOLLIN}
	sample.Must(unix.EpollCtl(f.epfd, unix.EPOLL_CTL_ADD, f.unix[0], &ev))
	return f
}

// tcpPair makes the connection with package net and takes copies of its
// descriptors, which Go's netpoller does not watch. The writing end is blocking
// in calls.c and non-blocking here; it never has to wait.
func tcpPair() (pair [2]int) {
	listener := sample.Get(net.Listen("tcp", "127.0.0.1:0"))
	defer listener.Close()
	for i, c := range []net.Conn{
		1: sample.Get(net.Dial("tcp", listener.Addr().String())),
		0: sample.Get(listener.Accept()),
	} {
		raw := sample.Get(c.(*net.TCPConn).SyscallConn())
		sample.Must(raw.Control(func(fd uintptr) {
			pair[i] = sample.Get(unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0))
		}))
		c.Close()
	}
	return pair
}

// check ends the program unless a call that returned n, err did what it should.
func check(n, want int, err error) {
	if n != want || err != nil {
		fail(n, want, err)
	}
}

func fail(n, want int, err error) {
	fmt.Fprintf(os.Stderr, "calls: a call returned %d, %v; it should return %d\n", n, err, want)
	os.Exit(1)
}
