// An echo server as it is usually written on golang.org/x/sys/unix: one
// goroutine, level-triggered, blocking in unix.EpollWait.
package main

import (
	"net"

	"golang.org/x/sys/unix"

	"github.com/metalio/metalio/bench/peers/go/peer"
)

// server has the connections that could not send all, and the rest of each.
type server struct {
	epfd    int
	buf     []byte
	pending map[int][]byte
}

func main() {
	peer.Parse()
	listener := listen()
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	peer.Check(err)
	s := &server{epfd: epfd, buf: make([]byte, *peer.Buffer), pending: map[int][]byte{}}
	peer.Check(s.watch(unix.EPOLL_CTL_ADD, listener, unix.EPOLLIN))
	peer.Ready()
	events := make([]unix.EpollEvent, 256)
	for {
		n, err := unix.EpollWait(epfd, events, -1)
		if err == unix.EINTR {
			continue
		}
		peer.Check(err)
		for _, ev := range events[:n] {
			switch fd := int(ev.Fd); {
			case fd == listener:
				s.accept(listener)
			case ev.Events&unix.EPOLLOUT != 0:
				s.flush(fd)
			default:
				s.echo(fd)
			}
		}
	}
}

func listen() int {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	peer.Check(err)
	peer.Check(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
	at := unix.SockaddrInet4{Port: *peer.Port, Addr: [4]byte(net.IPv4(127, 0, 0, 1).To4())}
	peer.Check(unix.Bind(fd, &at))
	peer.Check(unix.Listen(fd, unix.SOMAXCONN))
	return fd
}

func (s *server) watch(op, fd int, events uint32) error {
	return unix.EpollCtl(s.epfd, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

func (s *server) accept(listener int) {
	for {
		fd, _, err := unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		if s.watch(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN) != nil {
			unix.Close(fd)
		}
	}
}

func (s *server) drop(fd int) {
	delete(s.pending, fd)
	unix.Close(fd)
}

func (s *server) echo(fd int) {
	n, err := unix.Read(fd, s.buf)
	if err == unix.EAGAIN || err == unix.EINTR {
		return
	}
	if n <= 0 {
		s.drop(fd)
		return
	}
	sent, err := unix.Write(fd, s.buf[:n])
	if err != nil && err != unix.EAGAIN {
		s.drop(fd)
		return
	}
	if sent = max(sent, 0); sent < n {
		s.pending[fd] = append([]byte(nil), s.buf[sent:n]...)
		s.watch(unix.EPOLL_CTL_MOD, fd, unix.EPOLLOUT)
	}
}

func (s *server) flush(fd int) {
	n, err := unix.Write(fd, s.pending[fd])
	if err == unix.EAGAIN {
		return
	}
	if err != nil {
		s.drop(fd)
		return
	}
	if s.pending[fd] = s.pending[fd][n:]; len(s.pending[fd]) == 0 {
		delete(s.pending, fd)
		s.watch(unix.EPOLL_CTL_MOD, fd, unix.EPOLLIN)
	}
}
