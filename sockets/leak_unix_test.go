//go:build unix

package sockets_test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"testing"
	"time"
)

// TestMain fails the run when the tests left a descriptor open.
func TestMain(m *testing.M) {
	// The runtime opens its own descriptors at the first use of package net.
	if l, err := net.Listen("tcp", loopback.String()); err == nil {
		l.Close()
	}
	before := openDescriptors(nil)
	code := m.Run()
	if code == 0 && !settles(before) {
		fmt.Fprintf(os.Stderr, "%d descriptors before the tests, %d after\n", before, openDescriptors(nil))
		code = 1
	}
	os.Exit(code)
}

// settles waits for connections that goroutines of package net still close, and
// for the pipe through which it has spliced, which it keeps for later until the
// second garbage collection.
func settles(want int) bool {
	for deadline := time.Now().Add(patience); openDescriptors(nil) > want; {
		if time.Now().After(deadline) {
			return false
		}
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	return true
}
