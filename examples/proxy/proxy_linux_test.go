package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
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
