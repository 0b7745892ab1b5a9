package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func startServer(t *testing.T, idle time.Duration) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s, err := newServer(l, idle, hello)
	if errors.Is(err, errors.ErrUnsupported) {
		l.Close()
		t.Skip("reactor has no backend for " + runtime.GOOS)
	}
	must(t, err)
	s.start(func(err error) { t.Error("server:", err) })
	t.Cleanup(s.close)
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newClient(t *testing.T, s *server) *client {
	t.Helper()
	c, err := dial(s.listener.Addr())
	must(t, err)
	t.Cleanup(func() { c.conn.Close() })
	return c
}

// wantConns waits until the lot holds n connections.
func wantConns(t *testing.T, s *server, n int) {
	t.Helper()
	for range 1000 {
		if s.lot.len() == n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%d connections, want %d", s.lot.len(), n)
}

func TestIdleConnectionsHaveNoGoroutine(t *testing.T) {
	s := startServer(t, time.Minute)
	const clients = 300
	before := runtime.NumGoroutine()
	var out strings.Builder
	must(t, demonstrate(&out, s, clients))
	_, lines, _ := strings.Cut(out.String(), "\n")
	for line := range strings.Lines(lines) {
		var conns, goroutines int
		var path string
		_, err := fmt.Sscanf(line, "%d idle connections after %s %d goroutines", &conns, &path, &goroutines)
		must(t, err)
		if conns != clients || goroutines > before+10 {
			t.Errorf("%s, %d without connections", line, before)
		}
	}
	wantConns(t, s, 0) // the clients have gone: nothing is registered any more
}

// TestNoLostWakeup has clients whose next request is often there before the
// connection is parked, now and then in pieces. One that is lost is a timeout.
func TestNoLostWakeup(t *testing.T) {
	s := startServer(t, time.Minute)
	var wg sync.WaitGroup
	for range 8 {
		c := newClient(t, s)
		wg.Go(func() {
			for i := range 500 {
				path := fmt.Sprint("/", i)
				if i%10 == 0 {
					if _, err := io.WriteString(c.conn, "GET "); err != nil {
						t.Error(err)
						return
					}
					runtime.Gosched()
					if _, err := io.WriteString(c.conn, path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
						t.Error(err)
						return
					}
					expectBody(t, c, path)
					continue
				}
				got, err := c.get(path)
				if err != nil || got != "GET "+path+", 0 bytes\n" {
					t.Errorf("%q, %v", got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func expectBody(t *testing.T, c *client, path string) {
	t.Helper()
	if got, err := c.receive(); err != nil || got != "GET "+path+", 0 bytes\n" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestPipelined has the second request in the buffer that the first was read
// into, where no Poll sees it.
func TestPipelined(t *testing.T) {
	c := newClient(t, startServer(t, time.Minute))
	const req = "GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n"
	_, err := fmt.Fprintf(c.conn, req+req+req, 1, 2, 3)
	must(t, err)
	for _, path := range []string{"/1", "/2", "/3"} {
		expectBody(t, c, path)
	}
}

func TestNetHTTPClient(t *testing.T) {
	s := startServer(t, time.Minute)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	hc := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	for i := range 5 {
		req, err := http.NewRequest("POST", "http://"+s.listener.Addr().String()+"/upload", strings.NewReader("12345"))
		must(t, err)
		reused := false
		trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }}
		resp, err := hc.Do(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
		must(t, err)
		body, err := io.ReadAll(resp.Body)
		must(t, err)
		resp.Body.Close()
		if string(body) != "POST /upload, 5 bytes\n" {
			t.Fatalf("%q", body)
		}
		if reused != (i > 0) {
			t.Errorf("request %d: reused is %v", i, reused)
		}
		for !s.lot.allParked() {
			time.Sleep(time.Millisecond)
		}
	}
	wantConns(t, s, 1)
}

func TestIdleTimeout(t *testing.T) {
	s := startServer(t, 100*time.Millisecond)
	silent, c := newClient(t, s), newClient(t, s)
	_, err := c.get("/")
	must(t, err)
	for _, c := range []*client{silent, c} {
		if n, err := c.conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%d, %v, want the end", n, err)
		}
	}
	wantConns(t, s, 0)
}

func TestIdleForEver(t *testing.T) {
	s := startServer(t, 0)
	c := newClient(t, s)
	for range 2 {
		_, err := c.get("/")
		must(t, err)
		time.Sleep(20 * time.Millisecond)
	}
	wantConns(t, s, 1)
}

func TestBadRequestsAreDropped(t *testing.T) {
	s := startServer(t, time.Minute)
	for _, req := range []string{
		"nonsense\r\n\r\n",
		"GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 2*maxRequest),
	} {
		c := newClient(t, s)
		// Write may fail when the server has closed: that is what is wanted.
		io.WriteString(c.conn, req)
		if _, err := io.ReadAll(c.conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("still connected")
		}
	}
	wantConns(t, s, 0)
}

// TestClose closes a server with parked connections.
func TestClose(t *testing.T) {
	s := startServer(t, time.Minute)
	c := newClient(t, s)
	_, err := c.get("/")
	must(t, err)
	s.close()
	if _, err := c.conn.Read(make([]byte, 1)); err == nil {
		t.Error("still connected")
	}
	if n := s.lot.len(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
}
