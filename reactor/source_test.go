//go:build unix || windows

package reactor

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/metalio/metalio/sockets"
)

// echo is a server on package sockets. Its sources re-arm themselves: it does
// not know whether the system needs that.
type echo struct {
	Unhandled[int]
	t        *testing.T
	listener *sockets.TCPListener
	conn     *sockets.TCPConn
	buf      [4096]byte
	held     []byte // read and not written yet
	mode     Mode
}

const (
	echoListener Token = iota
	echoConn
)

func (e *echo) Readable(l *Loop[int], token Token, _ Ready) {
	if token == echoConn {
		e.pump(l)
		return
	}
	for {
		conn, _, err := e.listener.Accept()
		if errors.Is(err, sockets.ErrWouldBlock) {
			return
		}
		must(e.t, err)
		e.conn = conn
		must(e.t, l.RegisterSource(conn, echoConn, Readable|Writable, e.mode))
	}
}

func (e *echo) Writable(l *Loop[int], _ Token, _ Ready) { e.pump(l) }

// pump goes on until both directions are at a stop or the peer has ended.
func (e *echo) pump(l *Loop[int]) {
	for {
		if len(e.held) > 0 {
			n, err := e.conn.Write(e.held)
			e.held = e.held[n:]
			if errors.Is(err, sockets.ErrWouldBlock) {
				return
			}
			must(e.t, err)
		}
		n, err := e.conn.Read(e.buf[:])
		switch {
		case errors.Is(err, sockets.ErrWouldBlock):
			return
		case err == io.EOF:
			must(e.t, l.Deregister(e.conn.FD()))
			must(e.t, e.conn.Close())
			l.Stop()
			return
		}
		must(e.t, err)
		e.held = e.buf[:n]
	}
}

func TestSources(t *testing.T) {
	for _, mode := range []Mode{Level, Edge} {
		t.Run(mode.String(), func(t *testing.T) { echoWithSources(t, mode) })
	}
}

func echoWithSources(t *testing.T, mode Mode) {
	checkLeaks(t)
	listener, err := sockets.ListenTCP(netip.MustParseAddrPort("127.0.0.1:0"), sockets.ListenConfig{})
	must(t, err)
	defer listener.Close()
	l := newLoop(t, Config{})
	server := &echo{t: t, listener: listener, mode: mode}
	must(t, l.RegisterSource(listener, echoListener, Readable, mode))

	sent := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	received := make(chan []byte, 1)
	go func() { received <- roundTrip(listener.Addr(), sent) }()
	watchdog := time.AfterFunc(time.Minute, l.Stop)
	must(t, l.Run(server))
	if !watchdog.Stop() {
		t.Fatal("stuck")
	}
	if got := <-received; !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes came back of %d, or others", len(got), len(sent))
	}
	must(t, l.Deregister(listener.FD()))
}

// roundTrip sends all to a server on the standard library's side, and returns
// what came back.
func roundTrip(addr netip.AddrPort, all []byte) []byte {
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		return nil
	}
	defer conn.Close()
	go func() {
		conn.Write(all)
		conn.(*net.TCPConn).CloseWrite()
	}()
	back, _ := io.ReadAll(conn)
	return back
}
