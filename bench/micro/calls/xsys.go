package main

import "golang.org/x/sys/unix"

// xsys is what a loop on x/sys does.
type xsys struct{ *fixture }

func (f xsys) wait(n, want int) {
	var events [16]unix.EpollEvent
	for range n {
		got, err := unix.EpollWait(f.epfd, events[:], 0)
		check(got, want, err)
	}
}

func (f xsys) modify(n int) {
	ev := unix.EpollEvent{Events: unix.EPOLLIN}
	for range n {
		check(0, 0, unix.EpollCtl(f.epfd, unix.EPOLL_CTL_MOD, f.unix[0], &ev))
	}
}

func (f xsys) sendReceive(n, from, to int) {
	buf := make([]byte, size)
	for range n {
		sent, err := unix.Write(from, buf)
		check(sent, size, err)
		got, err := unix.Read(to, buf)
		check(got, size, err)
	}
}

func (f xsys) receiveNothing(n int) {
	buf := make([]byte, size)
	for range n {
		if _, err := unix.Read(f.tcp[0], buf); err != unix.EAGAIN {
			fail(0, 0, err)
		}
	}
}

// xsysSend is xsys with the calls for sockets.
type xsysSend struct{ xsys }

func (f xsysSend) sendReceive(n, from, to int) {
	buf := make([]byte, size)
	for range n {
		check(0, 0, unix.Send(from, buf, unix.MSG_NOSIGNAL))
		got, _, err := unix.Recvfrom(to, buf, 0)
		check(got, size, err)
	}
}

func (f xsysSend) receiveNothing(n int) {
	buf := make([]byte, size)
	for range n {
		if _, _, err := unix.Recvfrom(f.tcp[0], buf, 0); err != unix.EAGAIN {
			fail(0, 0, err)
		}
	}
}
