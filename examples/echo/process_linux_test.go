package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

func limitDescriptors(limit string) error {
	n, _ := strconv.ParseUint(limit, 10, 64)
	if n == 0 {
		return nil
	}
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: n})
}

func (s *child) descriptors() int {
	s.t.Helper()
	names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	must(s.t, err)
	return len(names)
}

// TestOutOfDescriptors has more clients than the server has descriptors. Those
// that it cannot accept wait, and it sleeps while they do.
func TestOutOfDescriptors(t *testing.T) {
	s := startServer(t, 32, 1)
	const clients = 64
	conns := make([]*net.TCPConn, clients)
	for i := range conns {
		conns[i] = s.dial()
	}
	time.Sleep(time.Second) // how long it would spin
	for _, c := range conns {
		// The server has as many as it can: each that is closed makes room.
		must(t, exchange(c, []byte("hello"), make([]byte, 5)))
		c.Close()
	}
	end := s.stop()
	if end.accepted != clients {
		t.Fatalf("%+v", end)
	}
	busy := s.cmd.ProcessState.SystemTime() + s.cmd.ProcessState.UserTime()
	if busy > 500*time.Millisecond {
		t.Fatalf("the server was busy for %v: it spins", busy)
	}
}
