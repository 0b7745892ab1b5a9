package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/metalio/metalio/internal/strace"
)

// TestSystemCallsOfAMessage counts the server's system calls instead of timing
// them: a message costs one recvfrom and one sendto, a connection two epoll_ctl
// and one recvfrom that finds its end, and nothing else is paid for each message.
func TestSystemCallsOfAMessage(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	// With -D the child is the server, and strace its grandchild.
	s := startCommand(t, 0, 1, exec.Command(strace.Path(t), "-D", "-f", "-q", "-o", log, os.Args[0]))

	const clients, rounds = 50, 40
	conns := make([]*clientConn, clients)
	for i := range conns {
		conns[i] = &clientConn{s.dial()}
	}
	message := bytes.Repeat([]byte("x"), 200)
	for range rounds {
		for _, c := range conns {
			c.send(t, message)
		}
		for _, c := range conns {
			c.receive(t, message)
		}
	}
	for _, c := range conns {
		must(t, c.CloseWrite())
		c.end(t)
	}
	end := s.stop() // strace has ended too: it had the other end of the output
	if end.messages != clients*rounds || end.open != 0 {
		t.Fatalf("%+v", end)
	}

	calls := strace.Calls(t, log)
	for name, want := range map[string]int{
		"sendto":   clients * rounds,
		"recvfrom": clients*rounds + clients,
	} {
		if calls[name] != want {
			t.Errorf("%s: %d calls, want %d", name, calls[name], want)
		}
	}
	const own = 20 // the loop's own registrations, the runtime's, and the report's
	if n := calls["epoll_ctl"]; n < 2*clients || n > 2*clients+own {
		t.Errorf("epoll_ctl: %d calls, want 2 for each of %d connections and a few", n, clients)
	}
	for _, name := range []string{"read", "write", "readv", "writev", "recvmsg", "sendmsg", "getsockopt", "clock_gettime", "eventfd2", "timerfd_settime"} {
		if n := calls[name]; n > rounds {
			t.Errorf("%s: %d calls: it is made for each message", name, n)
		}
	}
	if t.Failed() {
		t.Log(calls)
	}
}

// clientConn is a connection whose server answers in its own time.
type clientConn struct{ *net.TCPConn }

func (c *clientConn) send(t *testing.T, p []byte) {
	t.Helper()
	_, err := c.Write(p)
	must(t, err)
}

func (c *clientConn) receive(t *testing.T, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	_, err := io.ReadFull(c, got)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Fatalf("%q came back", got)
	}
}

// end waits until the server has closed its side.
func (c *clientConn) end(t *testing.T) {
	t.Helper()
	if rest, err := io.ReadAll(c); err != nil || len(rest) > 0 {
		t.Fatalf("%q, %v", rest, err)
	}
	c.Close()
}
