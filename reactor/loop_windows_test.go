package reactor

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/metalio/metalio/sockets"
)

// noter is a Handler that notes every call, and does what a test tells it.
type noter struct {
	Unhandled[int]
	calls    []call
	readable func(l *Loop[int], token Token)
}

type call struct {
	method string
	token  Token
}

func (n *noter) Readable(l *Loop[int], token Token, _ Ready) {
	n.calls = append(n.calls, call{"readable", token})
	if n.readable != nil {
		n.readable(l, token)
	}
}

func (n *noter) Writable(_ *Loop[int], token Token, _ Ready) {
	n.calls = append(n.calls, call{"writable", token})
}

func (n *noter) Message(_ *Loop[int], msg int) {
	n.calls = append(n.calls, call{"message", Token(msg)})
}

func (n *noter) Timeout(_ *Loop[int], token Token, _ uint32) {
	n.calls = append(n.calls, call{"timeout", token})
}

func (n *noter) want(t *testing.T, want ...call) {
	t.Helper()
	if !slices.Equal(n.calls, want) {
		t.Fatalf("calls %v, want %v", n.calls, want)
	}
	n.calls = nil
}

func newLoop(t testing.TB) *Loop[int] {
	t.Helper()
	l, err := NewLoop[int](Config{})
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

func once(t testing.TB, l *Loop[int], h Handler[int], timeout time.Duration) int {
	t.Helper()
	n, err := l.RunOnce(h, timeout)
	must(t, err)
	return n
}

func TestLoopOverAFD(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, *Loop[int], *noter)
	}{
		{"turn_order", func(t *testing.T, l *Loop[int], h *noter) {
			a, _ := pair(t)
			must(t, l.Register(a.fd, 1, Writable, Level))
			must(t, l.Sender().TrySend(2))
			_, err := l.After(0, 3)
			must(t, err)
			once(t, l, h, time.Second)
			h.want(t, call{"writable", 1}, call{"message", 2}, call{"timeout", 3})
		}},
		{"message_wakes_a_sleeping_loop", func(t *testing.T, l *Loop[int], h *noter) {
			go func() {
				waitForWaiter(l.Poll())
				l.Sender().TrySend(4)
			}()
			for len(h.calls) == 0 {
				once(t, l, h, 10*time.Second)
			}
			h.want(t, call{"message", 4})
		}},
		{"timers_are_never_early", func(t *testing.T, l *Loop[int], h *noter) {
			start := time.Now()
			_, err := l.After(30*time.Millisecond, 5)
			must(t, err)
			for len(h.calls) == 0 {
				once(t, l, h, -1)
			}
			if d := time.Since(start); d < 30*time.Millisecond {
				t.Fatal(d)
			}
			h.want(t, call{"timeout", 5})
		}},
		{"stop_from_another_goroutine", func(t *testing.T, l *Loop[int], h *noter) {
			for range 20 {
				go func() {
					waitForWaiter(l.Poll())
					l.Stop()
				}()
				must(t, l.Run(h))
			}
		}},
		{"stale_event_in_batch_after_deregister_is_dropped", func(t *testing.T, l *Loop[int], h *noter) {
			a, b := pair(t)
			c, d := pair(t)
			b.write("x")
			d.write("x")
			must(t, l.Register(a.fd, 1, Readable, Level))
			must(t, l.Register(c.fd, 2, Readable, Level))
			h.readable = func(l *Loop[int], token Token) {
				other := []*peer{c, a}[token-1]
				must(t, l.Deregister(other.fd))
			}
			once(t, l, h, time.Second)
			if len(h.calls) != 1 {
				t.Fatal(h.calls)
			}
		}},
		{"closed_without_deregister_and_registered_again", func(t *testing.T, l *Loop[int], h *noter) {
			for i := range Token(50) {
				a, _ := pair(t)
				must(t, l.Register(a.fd, 2*i, Readable, Level))
				once(t, l, h, 0)
				a.close()
				c, d := pair(t)
				must(t, l.Register(c.fd, 2*i+1, Readable, Level))
				d.write("x")
				for len(h.calls) == 0 {
					if once(t, l, h, time.Second) == 0 {
						t.Fatal("no event")
					}
				}
				h.want(t, call{"readable", 2*i + 1})
				must(t, l.Deregister(c.fd))
				c.close()
				d.close()
			}
		}},
		{"process_exit_delivered_once", func(t *testing.T, l *Loop[int], h *noter) {
			cmd, end := start(t)
			must(t, l.RegisterProcess(cmd.Process.Pid, 9))
			end()
			for len(h.calls) == 0 {
				once(t, l, h, 10*time.Second)
			}
			once(t, l, h, 10*time.Millisecond)
			h.want(t, call{"readable", 9})
			must(t, cmd.Wait())
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			c.run(t, newLoop(t), &noter{})
		})
	}
}

// echo is a server on package sockets. Its sources re-arm themselves: it does
// not know that it runs on Windows.
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

func TestEdgeWithSources(t *testing.T) {
	checkLeaks(t)
	listener, err := sockets.ListenTCP(netip.MustParseAddrPort("127.0.0.1:0"), sockets.ListenConfig{})
	must(t, err)
	defer listener.Close()
	l := newLoop(t)
	server := &echo{t: t, listener: listener, mode: Edge}
	must(t, l.RegisterSource(listener, echoListener, Readable, Edge))

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

// TestZeroAllocsLoopOverAFD counts over sockets, messages and timers together.
func TestZeroAllocsLoopOverAFD(t *testing.T) {
	checkLeaks(t)
	l := newLoop(t)
	a, _ := pair(t)
	must(t, l.Register(a.fd, 1, Writable, Level))
	s := l.Sender()
	h := &counter{}
	const turns = 2_000
	turn := func() {
		if err := s.TrySend(1); err != nil {
			t.Fatal(err)
		}
		if _, err := l.After(0, 3); err != nil {
			t.Fatal(err)
		}
		if n, err := l.RunOnce(h, -1); n < 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	for range 200 {
		turn()
	}
	runtime.GC()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range turns {
		turn()
	}
	runtime.ReadMemStats(&after)
	if n := after.Mallocs - before.Mallocs; n != 0 {
		t.Errorf("%d allocations in %d turns", n, turns)
	}
	if h.calls < 3*turns {
		t.Errorf("%d calls in %d turns", h.calls, turns)
	}
}

// counter is a Handler that allocates nothing.
type counter struct {
	Unhandled[int]
	calls int
}

func (c *counter) Writable(*Loop[int], Token, Ready) { c.calls++ }
func (c *counter) Message(*Loop[int], int)           { c.calls++ }
func (c *counter) Timeout(*Loop[int], Token, uint32) { c.calls++ }

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
