package main

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/metalio/metalio/internal/handles"
)

const (
	clients = 1000

	// busyMessages a second at least make a server busy. Each takes Wine's
	// server several turns.
	busyMessages = 100

	// kept is how many handles it keeps once it has had clients: one of the
	// driver for each 32 connections that there ever were at one time, and
	// those of Go's own threads.
	kept = clients/32 + 100
)

// serve is the example's main, but it ends with its input: only a console can
// interrupt a process.
func serve(_, loops string) {
	n, err := strconv.Atoi(loops)
	if err == nil {
		err = serveWhileInput(n)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serveWhileInput(loops int) error {
	g, err := newGroup(netip.MustParseAddrPort("127.0.0.1:0"), loops)
	if err != nil {
		return err
	}
	defer g.close()
	go func() {
		io.Copy(io.Discard, os.Stdin)
		g.stop()
	}()
	return g.serve()
}

// howToEnd closes the input.
func howToEnd(t *testing.T, cmd *exec.Cmd) func() {
	t.Helper()
	in, err := cmd.StdinPipe()
	must(t, err)
	return func() { in.Close() }
}

func (s *child) descriptors() int {
	s.t.Helper()
	n, err := handles.Count(s.cmd.Process.Pid)
	must(s.t, err)
	return n
}
