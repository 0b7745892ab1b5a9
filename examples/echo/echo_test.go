// The server runs in a process of its own, so that its allocations are its own,
// and its descriptors can be counted.

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/metalio/metalio/sockets"
)

func TestMain(m *testing.M) {
	if limit := os.Getenv("ECHO_TEST_SERVER"); limit != "" {
		serve(limit, os.Getenv("ECHO_TEST_LOOPS"))
		return
	}
	os.Exit(m.Run())
}

// child is a running server.
type child struct {
	t     *testing.T
	cmd   *exec.Cmd
	addr  string
	lines chan string // closed at the end of its output
	end   func()      // makes it stop
}

func startServer(t *testing.T, limit, loops int) *child {
	t.Helper()
	again := append(strings.Fields(os.Getenv("METALIO_EXEC")), os.Args[0]) // the emulator, if there is one
	return startCommand(t, limit, loops, exec.Command(again[0], again[1:]...))
}

// startCommand starts a command that runs this program again.
func startCommand(t *testing.T, limit, loops int, cmd *exec.Cmd) *child {
	t.Helper()
	cmd.Env = append(os.Environ(), "ECHO_TEST_SERVER="+strconv.Itoa(limit), "ECHO_TEST_LOOPS="+strconv.Itoa(loops))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	end := howToEnd(t, cmd)
	must(t, cmd.Start())
	s := &child{t: t, cmd: cmd, lines: make(chan string, 1000), end: end}
	go func() {
		defer close(s.lines)
		for sc := bufio.NewScanner(out); sc.Scan(); {
			s.lines <- sc.Text()
		}
	}()
	t.Cleanup(func() { s.stop() })
	addr, ok := strings.CutPrefix(s.line(), "listening on ")
	if !ok {
		t.Fatalf("first line %q", addr)
	}
	s.addr = addr
	return s
}

func (s *child) line() string {
	s.t.Helper()
	select {
	case l := <-s.lines:
		return l
	case <-time.After(20 * time.Second):
		s.t.Fatal("the server is silent")
		return ""
	}
}

// totals is one line of the report.
type totals struct{ open, accepted, messages, allocations int }

func parse(t *testing.T, line string) (r totals) {
	t.Helper()
	_, err := fmt.Sscanf(line, "%d open connections, %d accepted, %d messages, %d allocations",
		&r.open, &r.accepted, &r.messages, &r.allocations)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return r
}

// stop returns the last line, and fails the test unless the server ends well.
func (s *child) stop() (last totals) {
	if s.cmd.ProcessState != nil {
		return
	}
	s.end()
	timer := time.AfterFunc(10*time.Second, func() { s.cmd.Process.Kill() })
	defer timer.Stop()
	for l := range s.lines {
		last = parse(s.t, l)
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Error("server:", err)
	}
	return last
}

// wantDescriptors waits until the server has no more than n descriptors, and
// those that it keeps once it has had clients.
func (s *child) wantDescriptors(n int) {
	s.t.Helper()
	for range 500 {
		if s.descriptors() <= n+kept {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("the server has %d descriptors, want %d", s.descriptors(), n+kept)
}

func (s *child) dial() *net.TCPConn {
	s.t.Helper()
	c, err := net.DialTimeout("tcp", s.addr, 10*time.Second)
	must(s.t, err)
	bePatient(c)
	return c.(*net.TCPConn)
}

// bePatient bounds what a client waits for from here on.
func bePatient(c net.Conn) { c.SetDeadline(time.Now().Add(30 * time.Second)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// exchange sends p and reads it back.
func exchange(c net.Conn, p, room []byte) error {
	bePatient(c)
	if _, err := c.Write(p); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, room[:len(p)]); err != nil {
		return err
	}
	if !bytes.Equal(p, room[:len(p)]) {
		return fmt.Errorf("other bytes came back")
	}
	return nil
}

func TestBackPressure(t *testing.T) {
	s := startServer(t, 0, 1)
	c := s.dial()
	defer c.Close()
	sent := make([]byte, 16<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range sent {
		sent[i] = byte(r.Uint32())
	}
	done := make(chan error, 1)
	go func() {
		_, err := c.Write(sent)
		c.CloseWrite() // half close: what is under way still comes back
		done <- err
	}()
	// Nobody reads until the server has stopped reading as well.
	time.Sleep(200 * time.Millisecond)
	got, err := io.ReadAll(c)
	must(t, err)
	must(t, <-done)
	if !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes of %d came back, or others", len(got), len(sent))
	}
}

// TestZeroAllocsWhileEchoing has a thousand clients or more, some of which are
// reset and replaced all the time: a second in which the server handles messages
// and connections and allocates nothing must follow another.
func TestZeroAllocsWhileEchoing(t *testing.T) {
	s := startServer(t, 0, 1)
	before := s.descriptors()
	conns := make([]*net.TCPConn, clients)
	for i := range conns {
		conns[i] = s.dial()
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			p, room := bytes.Repeat([]byte{byte(g)}, 512), make([]byte, 512)
			for round := 0; ; round++ {
				for i := g; i < clients; i += 8 {
					select {
					case <-stop:
						return
					default:
					}
					if err := exchange(conns[i], p, room); err != nil {
						t.Error(err)
						return
					}
					if (i/8+round)%20 != 0 {
						continue
					}
					conns[i].SetLinger(0)
					conns[i].Close()
					next, err := net.DialTimeout("tcp", s.addr, 10*time.Second)
					if err != nil {
						t.Error(err)
						return
					}
					conns[i] = next.(*net.TCPConn)
				}
			}
		})
	}
	quiet, last := 0, totals{}
	for range 60 {
		now := parse(t, s.line())
		busy := now.messages-last.messages > busyMessages && now.accepted > last.accepted
		if last = now; busy && now.allocations == 0 && now.open > clients-100 {
			if quiet++; quiet == 2 {
				break
			}
			continue
		}
		quiet = 0
		t.Logf("warming up: %+v", now)
	}
	close(stop)
	wg.Wait()
	if quiet < 2 {
		t.Errorf("the server allocates: %+v", last)
	}

	// A third resets, a third half closes and waits, a third closes.
	for i, c := range conns {
		switch i % 3 {
		case 0:
			c.SetLinger(0)
		case 1:
			bePatient(c)
			c.CloseWrite()
			if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("after half close: %d, %v", n, err)
			}
		}
		c.Close()
	}
	for open := clients; open > 0; { // wantDescriptors has some slack on Windows
		open = parse(t, s.line()).open
	}
	s.wantDescriptors(before)
	if end := s.stop(); end.open != 0 || end.accepted <= clients {
		t.Fatalf("%+v", end)
	}
}

// TestEndBehindTheData ends streams right behind their last bytes: the server
// must not miss the end when it reads the bytes.
func TestEndBehindTheData(t *testing.T) {
	s := startServer(t, 0, 1)
	for range 300 {
		c := s.dial()
		_, err := c.Write([]byte("last words"))
		must(t, err)
		must(t, c.CloseWrite())
		got, err := io.ReadAll(c)
		if err != nil || string(got) != "last words" {
			t.Fatalf("%q, %v", got, err)
		}
		c.Close()
	}
}

// TestLoops has several loops on one address. Together they report what all
// have done.
func TestLoops(t *testing.T) {
	l, err := sockets.ListenTCP(netip.MustParseAddrPort("127.0.0.1:0"), sockets.ListenConfig{ReusePort: true})
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("several listeners cannot share an address here: ", err)
	}
	must(t, err)
	l.Close()
	s := startServer(t, 0, 3)
	const clients, each = 60, 20
	for i := range clients {
		c := s.dial()
		defer c.Close()
		for range each {
			must(t, exchange(c, []byte{byte(i)}, make([]byte, 1)))
		}
	}
	want := totals{open: clients, accepted: clients, messages: clients * each}
	for range 10 {
		got := parse(t, s.line())
		if got.allocations = 0; got == want {
			return
		}
	}
	t.Fatalf("no report says %+v", want)
}
