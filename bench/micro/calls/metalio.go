package main

import (
	"syscall"

	"github.com/metalio/metalio"
)

const size = 64 // bytes of a message

// raw uses metalio's raw calls.
type raw struct{ *fixture }

func (f raw) wait(n, want int) {
	var events [16]metalio.EpollEvent
	for range n {
		got, errno := metalio.RawEpollPwait(f.epfd, events[:], 0, nil)
		checkErrno(got, want, errno)
	}
}

func (f raw) modify(n int) {
	ev := metalio.EpollEvent{Events: metalio.EPOLLIN}
	ev.SetData(1)
	for range n {
		checkErrno(0, 0, metalio.RawEpollCtl(f.epfd, metalio.EPOLL_CTL_MOD, f.unix[0], &ev))
	}
}

func (f raw) sendReceive(n, from, to int) {
	var buf [size]byte
	for range n {
		sent, errno := metalio.RawSendto(from, buf[:], metalio.MSG_NOSIGNAL, nil, 0)
		checkErrno(sent, size, errno)
		got, errno := metalio.RawRecvfrom(to, buf[:], 0, nil, nil)
		checkErrno(got, size, errno)
	}
}

func (f raw) receiveNothing(n int) {
	var buf [size]byte
	for range n {
		if _, errno := metalio.RawRecvfrom(f.tcp[0], buf[:], 0, nil, nil); errno != syscall.EAGAIN {
			fail(0, 0, errno)
		}
	}
}

// aware uses those that Go's scheduler is told of, where there is such a form:
// epoll_ctl never blocks, so it has none.
type aware struct{ *fixture }

func (f aware) wait(n, want int) {
	var events [16]metalio.EpollEvent
	for range n {
		got, errno := metalio.EpollPwait(f.epfd, events[:], 0, nil)
		checkErrno(got, want, errno)
	}
}

func (f aware) modify(n int) { raw(f).modify(n) }

func (f aware) sendReceive(n, from, to int) {
	var buf [size]byte
	for range n {
		sent, errno := metalio.Sendto(from, buf[:], metalio.MSG_NOSIGNAL, nil, 0)
		checkErrno(sent, size, errno)
		got, errno := metalio.Recvfrom(to, buf[:], 0, nil, nil)
		checkErrno(got, size, errno)
	}
}

func (f aware) receiveNothing(n int) {
	var buf [size]byte
	for range n {
		if _, errno := metalio.Recvfrom(f.tcp[0], buf[:], 0, nil, nil); errno != syscall.EAGAIN {
			fail(0, 0, errno)
		}
	}
}

func checkErrno(n, want int, errno syscall.Errno) {
	if n != want || errno != 0 {
		fail(n, want, errno)
	}
}
