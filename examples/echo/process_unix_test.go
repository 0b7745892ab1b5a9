//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

const (
	clients = 2000

	// busyMessages a second at least make a server busy.
	busyMessages = 1000

	// kept is how many descriptors it keeps once it has had clients.
	kept = 0
)

// serve is the example's main, with fewer descriptors if limit says so.
func serve(limit, loops string) {
	if err := limitDescriptors(limit); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Args = []string{os.Args[0], "-listen", "127.0.0.1:0", "-loops", loops}
	main()
}

// howToEnd is Ctrl-C.
func howToEnd(_ *testing.T, cmd *exec.Cmd) func() {
	return func() { cmd.Process.Signal(os.Interrupt) }
}
