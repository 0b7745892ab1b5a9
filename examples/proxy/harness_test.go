// The proxy runs in a process of its own, so that its allocations are its own,
// and its descriptors can be counted. Clients and the server behind it are here.

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/metalio/metalio/sockets"
)

const testProxy = "PROXY_TEST_FLAGS"

func TestMain(m *testing.M) {
	if flags, ok := os.LookupEnv(testProxy); ok {
		prepareProxy()
		os.Args = append([]string{os.Args[0], "-listen", "127.0.0.1:0"}, strings.Fields(flags)...)
		main()
		return
	}
	os.Exit(m.Run())
}

// inEachMode runs a test with each way to move bytes.
func inEachMode(t *testing.T, test func(t *testing.T, flags ...string)) {
	t.Run("copy", func(t *testing.T) { test(t) })
	t.Run("splice", func(t *testing.T) {
		s, err := sockets.NewSplicer(0)
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skip(runtime.GOOS + " cannot splice")
		}
		must(t, err)
		s.Close()
		test(t, "-splice")
	})
}

// child is a running proxy.
type child struct {
	t     *testing.T
	cmd   *exec.Cmd
	addr  string
	lines chan string // closed at the end of its output
	last  totals      // of the report that was read last
	fresh uint64      // allocations of that report
}

// startProxy starts a proxy to an address.
func startProxy(t *testing.T, to string, flags ...string) *child {
	t.Helper()
	again := append(strings.Fields(os.Getenv("METALIO_EXEC")), os.Args[0]) // the emulator, if there is one
	return startCommand(t, exec.Command(again[0], again[1:]...), to, flags...)
}

// startCommand starts a proxy by a command that ends in the test binary.
func startCommand(t *testing.T, cmd *exec.Cmd, to string, flags ...string) *child {
	t.Helper()
	cmd.Env = append(os.Environ(), testProxy+"=-to "+to+" "+strings.Join(flags, " "))
	if os.Getenv("GORACE") == "" {
		cmd.Env = append(cmd.Env, "GORACE=atexit_sleep_ms=0") // else every proxy takes a second to end
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	p := &child{t: t, cmd: cmd, lines: make(chan string, 1000)}
	go func() {
		defer close(p.lines)
		for sc := bufio.NewScanner(out); sc.Scan(); {
			p.lines <- sc.Text()
		}
	}()
	t.Cleanup(p.stop)
	first := p.line()
	addr, ok := strings.CutPrefix(first, "listening on ")
	if !ok {
		t.Fatalf("first line %q", first)
	}
	p.addr = addr
	return p
}

func (p *child) line() string {
	p.t.Helper()
	select {
	case l, ok := <-p.lines:
		if !ok {
			p.t.Fatal("the proxy has ended")
		}
		return l
	case <-time.After(30 * time.Second):
		p.t.Fatal("the proxy is silent")
		return ""
	}
}

// parse takes in a line of the report.
func (p *child) parse(line string) {
	p.t.Helper()
	var lag uint64
	_, err := fmt.Sscanf(line, "%d open connections, %d accepted, %d refused, %d bytes up, %d bytes down, %d allocations, %d µs lag",
		&p.last.open, &p.last.accepted, &p.last.refused, &p.last.moved[client], &p.last.moved[upstream], &p.fresh, &lag)
	if err != nil {
		p.t.Fatalf("%q: %v", line, err)
	}
}

// report waits until a report satisfies the condition.
func (p *child) report(what string, good func(totals) bool) {
	p.t.Helper()
	for range 30 {
		p.parse(p.line())
		if good(p.last) {
			return
		}
	}
	p.t.Fatalf("%s: %+v", what, p.last)
}

// interrupt is Ctrl-C, or errors.ErrUnsupported where only the console can do
// that.
func (p *child) interrupt() error { return p.cmd.Process.Signal(os.Interrupt) }

// stop ends the proxy, whose clients have left.
func (p *child) stop() {
	if p.cmd.ProcessState != nil {
		return
	}
	if errors.Is(p.interrupt(), errors.ErrUnsupported) {
		p.cmd.Process.Kill()
		for range p.lines {
		}
		p.cmd.Wait()
		return
	}
	p.wait()
}

// wait reads the rest of the reports, and fails the test unless the proxy ends,
// and ends well.
func (p *child) wait() {
	p.t.Helper()
	timer := time.AfterFunc(30*time.Second, func() { p.cmd.Process.Kill() })
	defer timer.Stop()
	for l := range p.lines {
		p.parse(l)
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Error("proxy:", err)
	}
}

func (p *child) dial() *net.TCPConn {
	p.t.Helper()
	c, err := dial(p.addr)
	must(p.t, err)
	p.t.Cleanup(func() { c.Close() })
	return c
}

func dial(addr string) (*net.TCPConn, error) {
	c, err := net.DialTimeout("tcp", addr, 30*time.Second)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(60 * time.Second))
	return c.(*net.TCPConn), nil
}

// serve starts the server behind the proxy: handle has each connection.
func serve(t *testing.T, handle func(*net.TCPConn) error) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(60 * time.Second))
			wg.Go(func() {
				defer c.Close()
				if err := handle(c.(*net.TCPConn)); err != nil {
					t.Error("server:", err)
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return l.Addr().String()
}

// echo sends everything back. That a client goes away is no error.
func echo(c *net.TCPConn) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return nil
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return nil
		}
	}
}

// exchange sends p and reads it back.
func exchange(c net.Conn, p, room []byte) error {
	if _, err := c.Write(p); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, room[:len(p)]); err != nil {
		return err
	}
	if !bytes.Equal(p, room[:len(p)]) {
		return errors.New("other bytes came back")
	}
	return nil
}

func randomBytes(n int, seed uint64) []byte {
	p := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed)})
	r.Read(p)
	return p
}

// expectBytes reads until the end and compares.
func expectBytes(c net.Conn, want []byte) error {
	got, err := io.ReadAll(c)
	if err != nil {
		return fmt.Errorf("after %d bytes of %d: %w", len(got), len(want), err)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%d bytes of %d arrived, or others", len(got), len(want))
	}
	return nil
}

// wantReset fails unless the connection is reset, within its deadline.
func wantReset(t *testing.T, c net.Conn) {
	t.Helper()
	n, err := io.Copy(io.Discard, c)
	if err == nil && hasReset() || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes, then %v, want a reset", n, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
