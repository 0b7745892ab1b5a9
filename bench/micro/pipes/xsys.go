package main

import (
	"golang.org/x/sys/unix"

	"github.com/metalio/metalio/bench/internal/sample"
)

// xsys is a plain epoll loop on x/sys.
type xsys struct {
	epfd   int
	events [batch]unix.EpollEvent
}

func newXsys(int) watcher {
	return &xsys{epfd: sample.Get(unix.EpollCreate1(unix.EPOLL_CLOEXEC))}
}

func (x *xsys) watch(i, fd int) {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
	sample.Must(unix.EpollCtl(x.epfd, unix.EPOLL_CTL_ADD, fd, &ev))
}

func (x *xsys) unwatch(_, fd int) { sample.Must(unix.EpollCtl(x.epfd, unix.EPOLL_CTL_DEL, fd, nil)) }

func (x *xsys) turn(b *bench) {
	n := sample.Get(unix.EpollWait(x.epfd, x.events[:], 0))
	for i := range x.events[:n] {
		b.readable(int(x.events[i].Fd))
	}
}

func readXsys(fd int) bool {
	var b [1]byte
	n, err := unix.Read(fd, b[:])
	return n == 1 && err == nil
}

func writeXsys(fd int) bool {
	b := [1]byte{'e'}
	n, err := unix.Write(fd, b[:])
	return n == 1 && err == nil
}
