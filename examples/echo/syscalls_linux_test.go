package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// straceOrSkip returns the path of strace, if it can be used here.
func straceOrSkip(t *testing.T) string {
	t.Helper()
	if os.Getenv("METALIO_EXEC") != "" {
		t.Skip("strace cannot look into an emulated program")
	}
	skip := t.Skipf
	if os.Getenv("METALIO_REQUIRE") == "all" {
		skip = t.Fatalf
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		skip("needs strace: %v", err)
	}
	if out, err := exec.Command(strace, "-qq", "-e", "trace=none", "true").CombinedOutput(); err != nil {
		skip("strace may not trace here: %v: %s", err, out)
	}
	return strace
}

// callName finds the name in "1234 recvfrom(7, …" and not in "1234 <... recvfrom
// resumed>", which is the same call.
var callName = regexp.MustCompile(`(?m)^\d+ +([a-z0-9_]+)\(`)

// TestSystemCallsOfAMessage counts the server's system calls instead of timing
// them: a message costs one recvfrom and one sendto, a connection two epoll_ctl
// and one recvfrom that finds its end, and nothing else is paid for each message.
func TestSystemCallsOfAMessage(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	// With -D the child is the server, and strace its grandchild.
	s := startCommand(t, 0, 1, exec.Command(straceOrSkip(t), "-D", "-f", "-q", "-o", log, os.Args[0]))

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

	text, err := os.ReadFile(log)
	must(t, err)
	calls := map[string]int{}
	for _, m := range callName.FindAllSubmatch(text, -1) {
		calls[string(m[1])]++
	}
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
