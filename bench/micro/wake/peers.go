package main

import (
	"context"
	"encoding/binary"
	"net"
	"os"
	"time"
	_ "unsafe" // for go:linkname

	"github.com/cloudwego/netpoll"
	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"

	"github.com/metalio/metalio/bench/internal/sample"
)

// gnetServer has one event loop and one connection, through which the loop can
// be reached.
type gnetServer struct {
	gnet.BuiltinEventEngine
	booted chan struct{}
	opened chan gnet.EventLoop
}

func (s *gnetServer) OnBoot(gnet.Engine) gnet.Action {
	close(s.booted)
	return gnet.None
}

func (s *gnetServer) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	s.opened <- c.EventLoop()
	return nil, gnet.None
}

func gnetLoop() func() {
	addr := freeAddress()
	s := &gnetServer{booted: make(chan struct{}), opened: make(chan gnet.EventLoop, 1)}
	go func() {
		sample.Must(gnet.Run(s, "tcp://"+addr, gnet.WithNumEventLoop(1), gnet.WithLogPath(os.DevNull)))
	}()
	<-s.booted
	var conn net.Conn
	for conn == nil { // OnBoot runs before gnet accepts
		conn, _ = net.DialTimeout("tcp", addr, time.Second)
	}
	l := <-s.opened

	reply := make(chan struct{}, 1)
	answer := gnet.RunnableFunc(func(context.Context) error {
		reply <- struct{}{}
		return nil
	})
	ctx := context.Background()
	return func() {
		sample.Must(l.Execute(ctx, answer))
		<-reply
	}
}

func freeAddress() string {
	l := sample.Get(net.Listen("tcp", "127.0.0.1:0"))
	defer l.Close()
	return l.Addr().String()
}

// openNetpoll is what netpoll's servers get their pollers from. It is not
// exported, and Poll.Trigger wakes a poller but gives it nothing to do, so that
// nobody can tell when it has woken. So the eventfd is one of ours: the same
// write, wake-up and call of an operator.
//
//go:linkname openNetpoll github.com/cloudwego/netpoll.openPoll
func openNetpoll() (netpoll.Poll, error)

func netpollLoop() func() {
	poll := sample.Get(openNetpoll())
	fd := sample.Get(unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK))
	var room [8]byte
	reply := make(chan struct{}, 1)
	op := poll.Alloc()
	op.FD = fd
	op.OnRead = func(netpoll.Poll) error {
		_, err := unix.Read(fd, room[:])
		reply <- struct{}{}
		return err
	}
	sample.Must(poll.Control(op, netpoll.PollReadable))
	go func() { sample.Must(poll.Wait()) }()

	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	return func() {
		sample.Get(unix.Write(fd, one[:]))
		<-reply
	}
}
