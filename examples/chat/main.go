// Chat is a line-based chat room on one goroutine. Connect with nc.
//
//	go run ./examples/chat -listen 127.0.0.1:7778
//
// What is typed at its console goes to everybody. A client that does not read
// what is said, sends an overlong line or is silent for too long is told why and
// disconnected. SIGHUP prints statistics; Ctrl-C ends the room.
//
// Two things are left out: a room that is out of descriptors or full spins until
// somebody leaves (examples/echo pauses accepting instead), and at the end what
// the kernel does not take at once is dropped.
package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/metalio/metalio/reactor"
	"github.com/metalio/metalio/slab"
	"github.com/metalio/metalio/sockets"
)

const (
	maxLine   = 1 << 10
	maxOutput = 64 << 10 // what may wait for a client that does not read

	listenerToken reactor.Token = 0 // no key of a slab is zero
)

func main() {
	listen := flag.String("listen", "127.0.0.1:7778", "IP address and port to listen on")
	idle := flag.Duration("idle", 10*time.Minute, "how long a client may be silent")
	flag.Parse()
	r, err := newRoom(*listen, *idle)
	if err == nil {
		fmt.Println("listening on", r.listener.Addr())
		go r.console(bufio.NewScanner(os.Stdin))
		err = r.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}

type client struct {
	tcp   sockets.TCPConn
	in    []byte // an unfinished line
	out   []byte // what the kernel has not taken
	heard time.Time
}

type room struct {
	reactor.Unhandled[string]
	loop     *reactor.Loop[string]
	listener *sockets.TCPListener
	clients  *slab.Slab[client]
	idle     time.Duration
}

func newRoom(listen string, idle time.Duration) (*room, error) {
	addr, err := netip.ParseAddrPort(listen)
	if err != nil {
		return nil, err
	}
	l, err := reactor.NewLoop[string](reactor.Config{})
	if err != nil {
		return nil, err
	}
	r := &room{loop: l, clients: slab.New[client](slab.Config{Limit: 1 << 16}), idle: idle}
	if r.listener, err = sockets.ListenTCP(addr, sockets.ListenConfig{}); err != nil {
		l.Close()
		return nil, err
	}
	if err = l.RegisterSource(r.listener, listenerToken, reactor.Readable, reactor.Level); err == nil {
		err = l.Notify(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	}
	if err == nil {
		_, err = l.Every(max(idle/4, time.Millisecond), 0)
	}
	if err != nil {
		r.listener.Close()
		l.Close()
		return nil, err
	}
	return r, nil
}

func (r *room) run() error {
	err := r.loop.Run(r)
	for key := range r.clients.All() {
		r.leave(key, "the room closes")
	}
	r.loop.Deregister(r.listener.FD())
	r.listener.Close()
	r.loop.Close()
	return err
}

// console runs on a goroutine of its own, because reading a terminal blocks.
func (r *room) console(lines *bufio.Scanner) {
	to := r.loop.Sender()
	for lines.Scan() {
		if to.Send(context.Background(), "* "+lines.Text()+"\n") != nil {
			return
		}
	}
}

func (r *room) Message(_ *reactor.Loop[string], line string) { r.broadcast(0, []byte(line)) }

func (r *room) Timeout(l *reactor.Loop[string], _ reactor.Token, _ uint32) {
	for key, c := range r.clients.All() {
		if l.Now().Sub(c.heard) > r.idle {
			r.leave(key, "idle")
		}
	}
}

func (r *room) Signal(l *reactor.Loop[string], sig os.Signal) {
	if sig == syscall.SIGHUP {
		fmt.Printf("%d clients, %+v\n", r.clients.Len(), l.Stats())
		return
	}
	l.Stop()
}

func (r *room) Readable(l *reactor.Loop[string], token reactor.Token, _ reactor.Ready) {
	if token == listenerToken {
		r.accept(l)
		return
	}
	key := slab.Key(token)
	c, ok := r.clients.Get(key)
	if !ok {
		return
	}
	var buf [maxLine]byte
	n, err := c.tcp.Read(buf[:])
	if err == sockets.ErrWouldBlock {
		return
	}
	if err != nil {
		r.leave(key, "")
		return
	}
	c.heard = l.Now()
	c.in = append(c.in, buf[:n]...)
	for {
		end := bytes.IndexByte(c.in, '\n') + 1
		if end > maxLine || end == 0 && len(c.in) > maxLine {
			r.leave(key, "line too long")
			return
		}
		if end == 0 {
			return
		}
		r.broadcast(key, c.in[:end])
		c.in = append(c.in[:0], c.in[end:]...)
	}
}

func (r *room) Writable(_ *reactor.Loop[string], token reactor.Token, _ reactor.Ready) {
	r.say(slab.Key(token), nil)
}

func (r *room) accept(l *reactor.Loop[string]) {
	key, c, err := r.clients.Alloc()
	if err != nil {
		return
	}
	if _, err := r.listener.AcceptInto(&c.tcp); err != nil {
		r.clients.Remove(key)
		return
	}
	c.heard = l.Now()
	if l.RegisterSource(&c.tcp, reactor.Token(key), reactor.Readable, reactor.Level) != nil {
		r.leave(key, "")
	}
}

// broadcast says line to all but the one that it is from.
func (r *room) broadcast(from slab.Key, line []byte) {
	for key := range r.clients.All() {
		if key != from {
			r.say(key, line)
		}
	}
}

// say writes what the kernel takes and keeps the rest until it takes more.
func (r *room) say(key slab.Key, line []byte) {
	c, ok := r.clients.Get(key)
	if !ok {
		return
	}
	waited := len(c.out) > 0
	c.out = append(c.out, line...)
	n, err := c.tcp.Write(c.out)
	c.out = append(c.out[:0], c.out[n:]...)
	if err != nil && err != sockets.ErrWouldBlock {
		r.leave(key, "")
		return
	}
	if len(c.out) > maxOutput {
		r.leave(key, "too slow")
		return
	}
	interest := reactor.Readable
	if len(c.out) > 0 {
		interest |= reactor.Writable
	}
	if waited != (len(c.out) > 0) && r.loop.Reregister(c.tcp.FD(), reactor.Token(key), interest, reactor.Level) != nil {
		r.leave(key, "")
	}
}

// leave disconnects a client, and tells it why if the kernel takes that.
func (r *room) leave(key slab.Key, why string) {
	c, ok := r.clients.Get(key)
	if !ok {
		return
	}
	if why != "" {
		c.tcp.Write([]byte("* bye: " + why + "\n"))
	}
	r.loop.Deregister(c.tcp.FD())
	c.tcp.Close()
	r.clients.Remove(key)
}
