// Chat is a line-based chat room on one goroutine. Connect with nc.
//
//	go run ./examples/chat -listen 127.0.0.1:7778
//
// What is typed at its console goes to everybody. A client that does not read
// what is said, sends an overlong line or is silent for too long is told why and
// disconnected. SIGHUP prints statistics. Ctrl-C, or /quit at the console, ends
// the room: everybody is told, and gets what was said before; who has not taken
// it and gone after -drain is cut off.
//
// A room that is full, or out of descriptors, leaves further clients in the
// kernel's queue until somebody leaves.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
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

	idleTimer   reactor.Token = 0
	acceptTimer reactor.Token = 1
	drainTimer  reactor.Token = 2

	acceptPause = 100 * time.Millisecond

	quit = "/quit" // the message that ends the room
)

type config struct {
	listen      string
	idle, drain time.Duration
	clients     int // at most
}

func main() {
	var cfg config
	flag.StringVar(&cfg.listen, "listen", "127.0.0.1:7778", "IP address and port to listen on")
	flag.DurationVar(&cfg.idle, "idle", 10*time.Minute, "how long a client may be silent; 0 is for ever")
	flag.DurationVar(&cfg.drain, "drain", 2*time.Second, "how long clients have to leave when the room closes")
	flag.IntVar(&cfg.clients, "clients", 1<<16, "how many clients there may be")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "chat: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	r, err := newRoom(cfg)
	if err == nil {
		fmt.Println("listening on", r.listener.Addr())
		go r.console(bufio.NewReader(os.Stdin))
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

	watched reactor.Interest // as registered
	told    bool             // that the room closes: out ends with it, and nothing follows
}

type room struct {
	reactor.Unhandled[string]
	cfg       config
	loop      *reactor.Loop[string]
	listener  *sockets.TCPListener
	accepting bool
	clients   *slab.Slab[client]
	closing   bool
}

func newRoom(cfg config) (*room, error) {
	addr, err := netip.ParseAddrPort(cfg.listen)
	if err != nil {
		return nil, fmt.Errorf("-listen %q: %w", cfg.listen, err)
	}
	if cfg.clients < 1 {
		return nil, fmt.Errorf("-clients %d: there is no room for anybody", cfg.clients)
	}
	l, err := reactor.NewLoop[string](reactor.Config{})
	if err != nil {
		return nil, err
	}
	r := &room{cfg: cfg, loop: l}
	r.clients = slab.New[client](slab.Config{Capacity: min(cfg.clients, slab.DefaultCapacity), Limit: cfg.clients})
	if r.listener, err = sockets.ListenTCP(addr, sockets.ListenConfig{}); err != nil {
		l.Close()
		return nil, err
	}
	if err = r.resumeAccepting(); err == nil {
		err = l.Notify(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	}
	if err == nil && cfg.idle > 0 {
		_, err = l.Every(max(cfg.idle/4, time.Millisecond), idleTimer)
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
		r.leave(key, "")
	}
	r.pauseAccepting()
	r.listener.Close()
	r.loop.Close()
	return err
}

// console runs on a goroutine of its own, because reading a terminal blocks.
// A line that is longer than the reader's buffer is said in pieces.
func (r *room) console(lines *bufio.Reader) {
	to := r.loop.Sender()
	for inside := false; ; {
		line, more, err := lines.ReadLine()
		if err != nil {
			return
		}
		said := "* " + string(line) + "\n"
		if string(line) == quit && !inside {
			said = quit
		}
		if to.Send(context.Background(), said) != nil {
			return
		}
		inside = more
	}
}

func (r *room) Message(_ *reactor.Loop[string], line string) {
	if line == quit {
		r.close()
		return
	}
	r.broadcast(0, []byte(line))
}

func (r *room) Timeout(l *reactor.Loop[string], token reactor.Token, _ uint32) {
	switch token {
	case idleTimer:
		for key, c := range r.clients.All() {
			if l.Now().Sub(c.heard) > r.cfg.idle {
				r.leave(key, "idle")
			}
		}
	case acceptTimer:
		if !r.closing && r.resumeAccepting() != nil {
			l.AfterNow(acceptPause, acceptTimer)
		}
	case drainTimer:
		l.Stop()
	}
}

func (r *room) Signal(l *reactor.Loop[string], sig os.Signal) {
	if sig == syscall.SIGHUP {
		fmt.Printf("%d clients, %+v\n", r.clients.Len(), l.Stats())
		return
	}
	r.close()
}

// close tells everybody that the room closes and waits for them to leave. The
// second time it does not wait.
func (r *room) close() {
	if r.closing {
		r.loop.Stop()
		return
	}
	r.closing = true
	r.pauseAccepting()
	for key, c := range r.clients.All() {
		c.told = true
		c.out = append(c.out, "* bye: the room closes\n"...)
		r.flush(key, c)
	}
	if _, err := r.loop.After(r.cfg.drain, drainTimer); err != nil {
		r.loop.Stop()
	}
	r.stopIfEmpty()
}

func (r *room) stopIfEmpty() {
	if r.closing && r.clients.Len() == 0 {
		r.loop.Stop()
	}
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
	if c.told {
		return // it is read all the same: unread, it would reset the connection
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
	key := slab.Key(token)
	if c, ok := r.clients.Get(key); ok {
		r.flush(key, c)
	}
}

func (r *room) accept(l *reactor.Loop[string]) {
	key, c, err := r.clients.Alloc()
	if err != nil {
		r.acceptLater()
		return
	}
	if _, err := r.listener.AcceptInto(&c.tcp); err != nil {
		r.clients.Remove(key)
		if isExhausted(err) {
			r.acceptLater()
		}
		return
	}
	c.heard = l.Now()
	c.watched = reactor.Readable
	if l.RegisterSource(&c.tcp, reactor.Token(key), c.watched, reactor.Level) != nil {
		r.leave(key, "")
	}
}

// isExhausted reports that there are no descriptors left, or no memory. The
// client goes on waiting, and the listener would be ready for ever.
func isExhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM)
}

func (r *room) acceptLater() {
	r.pauseAccepting()
	r.loop.AfterNow(acceptPause, acceptTimer)
}

func (r *room) pauseAccepting() {
	if r.accepting {
		r.accepting = false
		r.loop.Deregister(r.listener.FD())
	}
}

func (r *room) resumeAccepting() error {
	err := r.loop.RegisterSource(r.listener, listenerToken, reactor.Readable, reactor.Level)
	r.accepting = err == nil
	return err
}

// broadcast says line to all but the one that it is from.
func (r *room) broadcast(from slab.Key, line []byte) {
	for key, c := range r.clients.All() {
		if key == from || c.told {
			continue
		}
		c.out = append(c.out, line...)
		r.flush(key, c)
	}
}

// flush writes what the kernel takes and keeps the rest until it takes more.
func (r *room) flush(key slab.Key, c *client) {
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
	if r.watch(key, c, interest) != nil {
		r.leave(key, "")
		return
	}
	if c.told && len(c.out) == 0 {
		c.tcp.CloseWrite() // if it fails, reading tells as well
	}
}

func (r *room) watch(key slab.Key, c *client, interest reactor.Interest) error {
	if interest == c.watched {
		return nil
	}
	c.watched = interest
	return r.loop.Reregister(c.tcp.FD(), reactor.Token(key), interest, reactor.Level)
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
	r.stopIfEmpty()
}
