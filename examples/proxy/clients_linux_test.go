// Programs that others have written, through the proxy. Debian's redis-tools
// and wrk have them all: the server is redis-check-rdb by another name.

package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// program finds a program, or ends the test.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("METALIO_REQUIRE") == "all" {
		t.Fatal(err)
	}
	t.Skipf("no %s: 'make emulators' installs it", name)
	return ""
}

// startRedis starts a server that keeps everything in memory.
func startRedis(t *testing.T) (addr string) {
	t.Helper()
	path := program(t, "redis-check-rdb")
	for range 10 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		addr, port := l.Addr().String(), l.Addr().(*net.TCPAddr).Port
		l.Close() // somebody else may take it before the server does
		cmd := exec.Command(path)
		cmd.Args = []string{"redis-server", "--bind", "127.0.0.1", "--port", strconv.Itoa(port),
			"--save", "", "--appendonly", "no", "--dir", t.TempDir()}
		must(t, cmd.Start())
		exited := make(chan error, 1)
		go func() { exited <- cmd.Wait() }()
		if answersPing(addr, exited) {
			t.Cleanup(func() {
				cmd.Process.Kill()
				<-exited
			})
			return addr
		}
		cmd.Process.Kill()
	}
	t.Fatal("the Redis server does not start")
	return ""
}

// answersPing waits until there is a Redis server at addr, or exited says that
// there will be none.
func answersPing(addr string, exited chan error) bool {
	for range 1000 {
		select {
		case <-exited:
			return false
		case <-time.After(10 * time.Millisecond):
		}
		c, err := dial(addr)
		if err != nil {
			continue
		}
		fmt.Fprint(c, "PING\r\n")
		answer := make([]byte, 7)
		n, _ := c.Read(answer)
		c.Close()
		if string(answer[:n]) == "+PONG\r\n" {
			return true
		}
	}
	return false
}

// TestRedisBenchmark has small requests, one at a time and pipelined, and large
// ones.
func TestRedisBenchmark(t *testing.T) {
	benchmark := program(t, "redis-benchmark")
	redis := startRedis(t)
	inEachMode(t, func(t *testing.T, flags ...string) {
		p := startProxy(t, redis, flags...)
		host, port, _ := strings.Cut(p.addr, ":")
		for _, load := range []string{"-n 20000 -d 100", "-n 50000 -d 100 -P 16", "-n 500 -d 200000"} {
			args := append([]string{"-h", host, "-p", port, "-c", "20", "-t", "set,get", "--csv"}, strings.Fields(load)...)
			out, err := exec.Command(benchmark, args...).CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte(`"SET","`)) || !bytes.Contains(out, []byte(`"GET","`)) {
				t.Errorf("redis-benchmark %v: %v\n%s", args, err, out)
			}
			if bytes.Contains(bytes.ToLower(out), []byte("err")) {
				t.Errorf("redis-benchmark %v:\n%s", args, out)
			}
		}
		p.report("totals", func(r totals) bool { return r.open == 0 && r.refused == 0 && r.moved[upstream] > 0 })
	})
}

// TestWrk ends the proxy in the middle of the load, of which wrk must not
// notice anything.
func TestWrk(t *testing.T) {
	wrk := program(t, "wrk")
	small, large := randomBytes(1000, 1), randomBytes(200_000, 2)
	var requests atomic.Uint64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1)%4 == 0 {
			w.Write(large)
			return
		}
		w.Write(small)
	}))
	defer server.Close()
	answered := regexp.MustCompile(`[1-9]\d* requests in`)
	inEachMode(t, func(t *testing.T, flags ...string) {
		p := startProxy(t, server.Listener.Addr().String(), append(flags, "-drain", "50s")...)
		var out bytes.Buffer
		cmd := exec.Command(wrk, "-t1", "-c32", "-d3s", "http://"+p.addr) // three reports
		cmd.Stdout, cmd.Stderr = &out, &out
		must(t, cmd.Start())
		p.report("load", func(r totals) bool { return r.moved[upstream] > 0 && r.open == 32 })
		must(t, p.interrupt())
		must(t, cmd.Wait())
		p.wait()
		failed := strings.Contains(out.String(), "Socket errors") || strings.Contains(out.String(), "Non-2xx")
		if failed || !answered.Match(out.Bytes()) {
			t.Errorf("wrk:\n%s", &out)
		}
		if p.last.open != 0 {
			t.Errorf("%+v", p.last)
		}
	})
}
