package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/metalio/metalio/sockets"
)

// TestBothWaysAtOnce has 16 MiB in each direction, at the same time.
func TestBothWaysAtOnce(t *testing.T) {
	inEachMode(t, func(t *testing.T, flags ...string) {
		up, down := randomBytes(16<<20, 1), randomBytes(16<<20, 2)
		send := func(c *net.TCPConn, p []byte) error {
			if _, err := c.Write(p); err != nil {
				return err
			}
			return c.CloseWrite()
		}
		both := func(c *net.TCPConn, mine, theirs []byte) error {
			sent := make(chan error, 1)
			go func() { sent <- send(c, mine) }()
			return errors.Join(expectBytes(c, theirs), <-sent)
		}
		p := startProxy(t, serve(t, func(c *net.TCPConn) error { return both(c, down, up) }), flags...)
		must(t, both(p.dial(), up, down))
		p.report("totals", func(r totals) bool {
			return r.open == 0 && r.moved[client] == 16<<20 && r.moved[upstream] == 16<<20
		})
	})
}

func TestHalfCloseOfTheClient(t *testing.T) {
	inEachMode(t, func(t *testing.T, flags ...string) {
		question, answer := randomBytes(300_000, 1), randomBytes(300_000, 2)
		p := startProxy(t, serve(t, func(c *net.TCPConn) error {
			if err := expectBytes(c, question); err != nil {
				return err
			}
			_, err := c.Write(answer)
			return err
		}), flags...)
		c := p.dial()
		_, err := c.Write(question)
		must(t, err)
		must(t, c.CloseWrite())
		must(t, expectBytes(c, answer))
	})
}

func TestHalfCloseOfTheServer(t *testing.T) {
	inEachMode(t, func(t *testing.T, flags ...string) {
		greeting, upload := randomBytes(300_000, 1), randomBytes(300_000, 2)
		heard := make(chan error, 1)
		p := startProxy(t, serve(t, func(c *net.TCPConn) error {
			_, err := c.Write(greeting)
			heard <- errors.Join(err, c.CloseWrite(), expectBytes(c, upload))
			return nil
		}), flags...)
		c := p.dial()
		must(t, expectBytes(c, greeting))
		_, err := c.Write(upload)
		must(t, err)
		must(t, c.CloseWrite())
		must(t, <-heard)
		p.report("totals", func(r totals) bool { return r.open == 0 })
	})
}

// TestEndWithTheLastBytes has many short connections whose data and end arrive
// in one piece.
func TestEndWithTheLastBytes(t *testing.T) {
	inEachMode(t, func(t *testing.T, flags ...string) {
		p := startProxy(t, serve(t, func(c *net.TCPConn) error {
			got, err := io.ReadAll(c)
			if err != nil {
				return err
			}
			_, err = c.Write(got)
			return err
		}), flags...)
		for i := range 200 {
			c, err := dial(p.addr)
			must(t, err)
			want := bytes.Repeat([]byte{byte(i)}, i)
			c.Write(want)
			c.CloseWrite()
			must(t, expectBytes(c, want))
			c.Close()
		}
	})
}

// TestSlowReader has a client that does not read. The server is stopped, what
// the proxy holds is bounded, and others go on.
func TestSlowReader(t *testing.T) {
	inEachMode(t, func(t *testing.T, flags ...string) {
		const size = 256 << 20
		stopped := make(chan int, 1)
		p := startProxy(t, serve(t, func(c *net.TCPConn) error {
			var first [1]byte
			if _, err := io.ReadFull(c, first[:]); err != nil {
				return err
			}
			if first[0] != 's' {
				c.Write(first[:])
				return echo(c)
			}
			n, err := writeUntilStopped(c, size)
			if err != nil {
				return err
			}
			stopped <- n
			_, err = io.CopyN(c, zeros{}, int64(size-n))
			return err
		}), flags...)
		slow := p.dial()
		_, err := slow.Write([]byte("s"))
		must(t, err)
		// The kernel's buffers on both sides of the proxy hold some
		// megabytes each.
		if n := <-stopped; n > size/2 {
			t.Errorf("the server could write %d bytes", n)
		}
		other := p.dial()
		for range 100 {
			must(t, exchange(other, []byte("hello"), make([]byte, 5)))
		}
		n, err := io.Copy(io.Discard, slow)
		if n != size || err != nil {
			t.Errorf("%d bytes arrived, %v", n, err)
		}
	})
}

// zeros is an endless file.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// writeUntilStopped writes until nothing was taken for half a second.
func writeUntilStopped(c *net.TCPConn, size int) (sent int, err error) {
	defer c.SetWriteDeadline(time.Now().Add(60 * time.Second))
	chunk := make([]byte, 64<<10)
	for sent < size {
		c.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		n, err := c.Write(chunk[:min(len(chunk), size-sent)])
		sent += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return sent, nil
		}
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

func TestRefusedUpstream(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	nobody := l.Addr().String()
	l.Close()
	p := startProxy(t, nobody)
	const clients = 20
	for range clients {
		c, err := dial(p.addr)
		if err != nil {
			continue // reset before this side knew that it was accepted
		}
		wantReset(t, c)
		c.Close()
	}
	p.report("totals", func(r totals) bool { return r.open == 0 && r.accepted == clients && r.refused == clients })
}

func TestResetIsPassedOn(t *testing.T) {
	if !hasReset() {
		t.Skip("Wine ends the connection instead of resetting it")
	}
	inEachMode(t, func(t *testing.T, flags ...string) {
		outcome := make(chan error, 1)
		p := startProxy(t, serve(t, func(c *net.TCPConn) error {
			var what [1]byte
			if _, err := io.ReadFull(c, what[:]); err != nil {
				return err
			}
			if what[0] == 'r' {
				return c.SetLinger(0) // and Close resets
			}
			c.Write(what[:])
			_, err := io.Copy(io.Discard, c)
			outcome <- err
			return nil
		}), flags...)

		c := p.dial()
		must(t, exchange(c, []byte("x"), make([]byte, 1)))
		c.SetLinger(0)
		c.Close()
		if err := <-outcome; err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the server sees %v, want a reset", err)
		}

		c = p.dial()
		_, err := c.Write([]byte("r"))
		must(t, err)
		wantReset(t, c)
		p.report("totals", func(r totals) bool { return r.open == 0 })
	})
}

// TestResetOfAStoppedClient has clients that are stopped, because their servers
// do not read, or wait for their own answers to be read, and then reset. Nobody
// takes any more what they had sent, but the proxy must not keep it for ever.
func TestResetOfAStoppedClient(t *testing.T) {
	if !hasReset() {
		t.Skip("Wine ends the connection instead of resetting it")
	}
	inEachMode(t, func(t *testing.T, flags ...string) {
		for name, server := range map[string]func(*net.TCPConn, chan struct{}) error{
			"deaf": func(_ *net.TCPConn, end chan struct{}) error { <-end; return nil },
			"echo": func(c *net.TCPConn, _ chan struct{}) error { return echo(c) },
		} {
			t.Run(name, func(t *testing.T) {
				end := make(chan struct{})
				to := serve(t, func(c *net.TCPConn) error { return server(c, end) })
				t.Cleanup(func() { close(end) })
				p := startProxy(t, to, append(flags, "-idle", "0")...)
				c := p.dial()
				const size = 256 << 20
				n, err := writeUntilStopped(c, size)
				must(t, err)
				if n == size {
					t.Fatal("the client was not stopped")
				}
				must(t, c.SetLinger(0))
				must(t, c.Close())
				p.report("totals", func(r totals) bool { return r.accepted == 1 && r.open == 0 })
			})
		}
	})
}

// TestIdle has a connection that falls silent, and one that does not.
func TestIdle(t *testing.T) {
	const idle = time.Second
	p := startProxy(t, serve(t, echo), "-idle", idle.String())
	silent, busy := p.dial(), p.dial()
	must(t, exchange(silent, []byte("hello"), make([]byte, 5)))
	start := time.Now()
	var wg sync.WaitGroup
	wg.Go(func() {
		for time.Since(start) < 5*idle/2 {
			if err := exchange(busy, []byte("hello"), make([]byte, 5)); err != nil {
				t.Error("busy:", err)
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
	wantReset(t, silent)
	// The proxy has moved the last byte some time before start.
	if after := time.Since(start); after < idle/2 {
		t.Errorf("reset after %v", after)
	}
	wg.Wait()
	wantReset(t, busy)
}

// TestZeroAllocsWhileProxying and its clients, some of which are reset and
// replaced all the time: a second in which the proxy moves bytes and accepts
// connections and allocates nothing must follow another.
func TestZeroAllocsWhileProxying(t *testing.T) {
	inEachMode(t, func(t *testing.T, flags ...string) {
		p := startProxy(t, serve(t, echo), flags...)
		before := p.descriptors()
		const clients = 1000
		conns := make([]*net.TCPConn, clients)
		for i := range conns {
			conns[i] = p.dial()
		}
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				if err := churn(p.addr, conns, g, stop); err != nil {
					t.Error(err)
				}
			})
		}
		quiet, last := 0, totals{}
		for range 20 {
			p.parse(p.line())
			busy := p.last.moved[upstream]-last.moved[upstream] > 100<<10 && p.last.accepted > last.accepted
			if last = p.last; busy && p.fresh == 0 && p.last.open > clients-50 {
				if quiet++; quiet == 2 {
					break
				}
				continue
			}
			quiet = 0
			t.Logf("warming up: %+v, %d allocations", p.last, p.fresh)
		}
		close(stop)
		wg.Wait()
		if quiet < 2 {
			t.Errorf("the proxy allocates: %d, %+v", p.fresh, p.last)
		}
		leaveAbruptly(t, conns)
		p.report("totals", func(r totals) bool { return r.open == 0 && r.accepted > clients })
		if after := p.descriptors(); after > before+ownDescriptors {
			t.Errorf("%d descriptors, and %d before there was a connection", after, before)
		}
	})
}

// churn exchanges small and large messages on every fourth connection from the
// first on, and now and then resets and replaces one.
func churn(addr string, conns []*net.TCPConn, first int, stop chan struct{}) error {
	p := bytes.Repeat([]byte{byte(first)}, 256<<10)
	room := make([]byte, len(p))
	for round := 0; ; round++ {
		for i := first; i < len(conns); i += 4 {
			select {
			case <-stop:
				return nil
			default:
			}
			size := 512
			if (i/4+round)%10 == 0 {
				size = len(p)
			}
			if err := exchangeAtOnce(conns[i], p[:size], room); err != nil {
				return err
			}
			if (i/4+round)%20 != 0 {
				continue
			}
			conns[i].SetLinger(0)
			conns[i].Close()
			next, err := dial(addr)
			if err != nil {
				return err
			}
			conns[i] = next
		}
	}
}

// exchangeAtOnce reads while it writes, which a large message needs: the server
// sends back what it has while more comes.
func exchangeAtOnce(c *net.TCPConn, p, room []byte) error {
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(p)
		sent <- err
	}()
	if _, err := io.ReadFull(c, room[:len(p)]); err != nil {
		return err
	}
	if !bytes.Equal(p, room[:len(p)]) {
		return errors.New("other bytes came back")
	}
	return <-sent
}

// leaveAbruptly has a third of the clients reset, a third half close and wait,
// and a third close.
func leaveAbruptly(t *testing.T, conns []*net.TCPConn) {
	for i, c := range conns {
		switch i % 3 {
		case 0:
			c.SetLinger(0)
		case 1:
			c.CloseWrite()
			if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("after half close: %d, %v", n, err)
			}
		}
		c.Close()
	}
}

func TestSpliceIsRefused(t *testing.T) {
	s, err := sockets.NewSplicer(0)
	if err == nil {
		s.Close()
		t.Skip(runtime.GOOS + " can splice")
	}
	_, err = newProxy(config{listen: "127.0.0.1:0", to: "127.0.0.1:1", splice: true})
	if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "-splice") {
		t.Errorf("got %v", err)
	}
}
