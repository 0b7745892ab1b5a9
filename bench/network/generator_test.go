package network

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/metalio/metalio/bench/internal/build"
	"github.com/metalio/metalio/bench/internal/run"
)

// buildGenerator compiles the load generator into a folder of its own.
func buildGenerator(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		if os.Getenv("METALIO_REQUIRE") == "all" {
			t.Fatal("needs gcc:", err)
		}
		t.Skip("needs gcc:", err)
	}
	out := filepath.Join(t.TempDir(), generator)
	if err := build.C(generator, "../peers/c/loadgen.c", nil).Make(context.Background(), out); err != nil {
		t.Fatal(err)
	}
	return out
}

// serve answers each connection with handle, until the test ends.
func serve(t *testing.T, handle func(net.Conn)) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c)
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// through echoes what alter makes of it.
func through(alter func(p []byte) []byte) func(net.Conn) {
	return func(c net.Conn) {
		buf := make([]byte, 32<<10)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			if _, err := c.Write(alter(buf[:n])); err != nil {
				return
			}
		}
	}
}

func same(p []byte) []byte { return p }

func generate(t *testing.T, program string, port int, l load, length time.Duration) (run.Values, error) {
	t.Helper()
	r := run.Round{Length: length}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return run.Measure(ctx, r, append(append([]string{program}, l.args(r)...), "-port", strconv.Itoa(port), "-pid", strconv.Itoa(os.Getpid()))...)
}

func TestGeneratorMeasures(t *testing.T) {
	program := buildGenerator(t)
	port := serve(t, through(same))
	for name, l := range map[string]load{
		"one":       {conns: 1},
		"many":      {conns: 300, active: 10},
		"pipelined": {conns: 4, window: 16},
		"large":     {conns: 3, size: 100_000, window: 2},
		"scanned":   {conns: 8, scan: true},
		"timed":     {conns: 2, rate: 1000},
		"asleep":    {conns: 2, rate: 1000, sleep: true},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := generate(t, program, port, l, 200*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range []run.Metric{rate, cpu, p50, p99, p999} {
				if v[m.Name] <= 0 {
					t.Errorf("%s: %v", m.Name, v[m.Name])
				}
			}
			if v["p50"] > v["p99"] || v["p99"] > v["p999"] || v["p999"] > v["max"] {
				t.Errorf("percentiles do not rise: %v", v)
			}
		})
	}
}

func TestGeneratorFindsOtherBytes(t *testing.T) {
	program := buildGenerator(t)
	for name, alter := range map[string]func([]byte) []byte{
		"changed": func(p []byte) []byte { p[len(p)-1] ^= 1; return p },
		"doubled": func(p []byte) []byte { return append(p[:1:1], p...) },
		"swapped": func(p []byte) []byte { p[0], p[len(p)-1] = p[len(p)-1], p[0]; return p },
	} {
		t.Run(name, func(t *testing.T) {
			// The greeting is answered well, and so is some of the load.
			var seen atomic.Int64
			port := serve(t, through(func(p []byte) []byte {
				if seen.Add(int64(len(p))) < 64*100 {
					return p
				}
				return alter(p)
			}))
			_, err := generate(t, program, port, load{conns: 2}, time.Second)
			if err == nil || !strings.Contains(err.Error(), "other bytes came back") {
				t.Fatal(err)
			}
		})
	}
}

func TestGeneratorFindsAnEnd(t *testing.T) {
	program := buildGenerator(t)
	port := serve(t, func(c net.Conn) { io.CopyN(c, c, 64*50) })
	if _, err := generate(t, program, port, load{conns: 1}, time.Second); err == nil {
		t.Fatal("a server that hangs up is not noticed")
	}
}

// TestGeneratorCannotBeMadeToWait lets the server stall once for 100 ms. At
// 1,000 messages a second in 500 ms a hundred of them, a fifth, come late, and
// on average by half of the stall. A generator that waited for the server would
// see one late message.
func TestGeneratorCannotBeMadeToWait(t *testing.T) {
	program := buildGenerator(t)
	const stall = 100 * time.Millisecond
	var seen, stalled atomic.Int64
	port := serve(t, through(func(p []byte) []byte {
		if seen.Add(int64(len(p))) > 64*250 && stalled.Add(1) == 1 {
			time.Sleep(stall)
		}
		return p
	}))
	v, err := generate(t, program, port, load{conns: 1, rate: 1000}, 500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if v["over9ms"] < 10 {
		t.Errorf("%.1f %% above 9 ms, want about 18", v["over9ms"])
	}
	if v["p90"] < float64(stall)/4 {
		t.Errorf("p90 is %v", time.Duration(v["p90"]))
	}
	if v["max"] < float64(stall) {
		t.Errorf("the longest is %v", time.Duration(v["max"]))
	}
}
