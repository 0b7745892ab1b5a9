package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/metalio/metalio/sockets"
)

const testLimit = "PROXY_TEST_LIMIT"

// prepareProxy leaves the proxy no more descriptors than the test says.
func prepareProxy() {
	n, _ := strconv.ParseUint(os.Getenv(testLimit), 10, 64)
	if n == 0 {
		return
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// ownDescriptors is what a warm proxy may have more than a cold one.
const ownDescriptors = 0

// descriptors counts the proxy's descriptors that are not pipes, of which it
// keeps as many as it ever needed at one time.
func (p *child) descriptors() (n int) {
	p.t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid)
	names, err := os.ReadDir(dir)
	must(p.t, err)
	for _, name := range names {
		to, err := os.Readlink(dir + "/" + name.Name())
		if err == nil && !strings.HasPrefix(to, "pipe:") {
			n++
		}
	}
	return n
}

func hasReset() bool { return true }

// TestOutOfDescriptors has more clients than the proxy has descriptors. Those
// that it cannot accept or connect wait, and it sleeps while they do.
func TestOutOfDescriptors(t *testing.T) {
	inEachMode(t, func(t *testing.T, flags ...string) {
		t.Setenv(testLimit, "48")
		p := startProxy(t, serve(t, echo), flags...)
		const clients = 64
		conns := make([]*net.TCPConn, clients)
		for i := range conns {
			conns[i] = p.dial()
		}
		time.Sleep(time.Second) // how long it would spin
		for _, c := range conns {
			// It has as many as it can: each that is closed makes room.
			must(t, exchange(c, []byte("hello"), make([]byte, 5)))
			c.Close()
		}
		p.stop()
		if p.last.accepted != clients || p.last.refused != 0 {
			t.Fatalf("%+v", p.last)
		}
		state := p.cmd.ProcessState
		if busy := state.SystemTime() + state.UserTime(); busy > 700*time.Millisecond {
			t.Fatalf("the proxy was busy for %v: it spins", busy)
		}
	})
}

// TestQueueIsServed ends a proxy whose queue is longer than what it takes in one
// turn. Whoever is in it has been connected already, and is answered.
func TestQueueIsServed(t *testing.T) {
	p := startProxy(t, serve(t, echo), "-drain", "50s")
	must(t, p.cmd.Process.Signal(syscall.SIGSTOP))
	conns := make([]*net.TCPConn, 3*acceptsPerTurn)
	for i := range conns {
		conns[i] = p.dial()
	}
	must(t, p.interrupt())
	must(t, p.cmd.Process.Signal(syscall.SIGCONT))
	for i, c := range conns {
		if err := exchange(c, []byte("hello"), make([]byte, 5)); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		c.Close()
	}
	p.wait()
}

// TestResetBeforeTheServerAnswers has a server that is too busy for a connection,
// and a client that does not wait for it.
func TestResetBeforeTheServerAnswers(t *testing.T) {
	l, err := sockets.ListenTCP(netip.MustParseAddrPort("127.0.0.1:0"), sockets.ListenConfig{Backlog: 1})
	must(t, err)
	defer l.Close()
	for range 16 { // Linux drops what its queue has no room for
		c, err := sockets.DialTCP(l.Addr())
		must(t, err)
		defer c.Close()
	}
	p := startProxy(t, l.Addr().String(), "-idle", "0")
	c := p.dial()
	_, err = c.Write([]byte("hello"))
	must(t, err)
	p.report("totals", func(r totals) bool { return r.open == 1 && r.moved[client] == 0 })
	must(t, c.SetLinger(0))
	must(t, c.Close())
	p.report("totals", func(r totals) bool { return r.open == 0 })
}

// TestAnswerBeforeTheEnd has a server that answers a request of which it does
// not want to hear more, and closes: the kernel then resets the connection.
// Other kernels may throw the answer away, Linux keeps it.
func TestAnswerBeforeTheEnd(t *testing.T) {
	inEachMode(t, func(t *testing.T, flags ...string) {
		answer := randomBytes(1000, 1)
		p := startProxy(t, serve(t, func(c *net.TCPConn) error {
			if _, err := io.ReadFull(c, make([]byte, 100_000)); err != nil {
				return err
			}
			_, err := c.Write(answer)
			return err
		}), flags...)
		for range 50 {
			c := p.dial()
			var wg sync.WaitGroup
			wg.Go(func() { c.Write(make([]byte, 8<<20)) }) // it fails at some point
			got := make([]byte, len(answer))
			if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, answer) {
				t.Errorf("the answer is %d bytes, or others: %v", len(got), err)
			}
			io.Copy(io.Discard, c) // to the end, or the reset
			wg.Wait()
			c.Close()
		}
		p.report("totals", func(r totals) bool { return r.open == 0 })
	})
}
