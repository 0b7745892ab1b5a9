//go:build unix

// On Windows only the console sends signals, and a test has none.

package main

import (
	"net"
	"sync"
	"testing"
	"time"
)

// drain sends the first signal and waits until nobody is accepted any more.
func (p *child) drain() {
	p.t.Helper()
	must(p.t, p.interrupt())
	for range 3000 {
		c, err := net.DialTimeout("tcp", p.addr, 30*time.Second)
		if err != nil {
			return
		}
		c.Close()
		time.Sleep(10 * time.Millisecond)
	}
	p.t.Fatal("the proxy goes on accepting")
}

// TestDrainUnderLoad ends a proxy whose clients are busy. None of them notices.
func TestDrainUnderLoad(t *testing.T) {
	inEachMode(t, func(t *testing.T, flags ...string) {
		p := startProxy(t, serve(t, echo), append(flags, "-drain", "50s")...)
		const clients = 20
		draining := make(chan struct{})
		var wg, started sync.WaitGroup
		started.Add(clients)
		for i := range clients {
			c := p.dial()
			wg.Go(func() {
				defer c.Close()
				msg, room := randomBytes(20_000, uint64(i)), make([]byte, 20_000)
				err := exchangeAtOnce(c, msg, room)
				started.Done()
				for left := 50; err == nil && left > 0; {
					err = exchangeAtOnce(c, msg, room)
					select {
					case <-draining:
						left--
					default:
					}
				}
				if err != nil {
					t.Errorf("client %d: %v", i, err)
				}
			})
		}
		started.Wait()
		p.drain()
		close(draining)
		wg.Wait()
		p.wait()
		if p.last.open != 0 || p.last.accepted < clients {
			t.Errorf("%+v", p.last)
		}
	})
}

func TestDrainWithoutConnections(t *testing.T) {
	p := startProxy(t, serve(t, echo), "-drain", "1h")
	must(t, p.interrupt())
	p.wait()
}

// TestDrainIsBounded has a client that does not leave.
func TestDrainIsBounded(t *testing.T) {
	p := startProxy(t, serve(t, echo), "-drain", "300ms")
	c := p.dial()
	must(t, exchange(c, []byte("hello"), make([]byte, 5)))
	p.drain()
	wantReset(t, c)
	p.wait()
	if p.last.open != 1 {
		t.Errorf("%+v", p.last)
	}
}

func TestSecondSignal(t *testing.T) {
	p := startProxy(t, serve(t, echo), "-drain", "1h")
	c := p.dial()
	must(t, exchange(c, []byte("hello"), make([]byte, 5)))
	p.drain()
	must(t, exchange(c, []byte("hello"), make([]byte, 5)))
	must(t, p.interrupt())
	wantReset(t, c)
	p.wait()
}
