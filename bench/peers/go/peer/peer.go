// Package peer has what the Go echo servers share: their flags, and the busy
// goroutines of the row about saturation.
package peer

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
)

// Flags of all servers.
var (
	Port   = flag.Int("port", 0, "port on 127.0.0.1")
	Buffer = flag.Int("buffer", 4<<10, "bytes that one read may take, where the library leaves that to its user")
	busy   = flag.Int("busy", 0, "goroutines that compute all the time")
)

// Parse parses the flags and starts the busy goroutines.
func Parse() {
	flag.Parse()
	for range *busy {
		go compute()
	}
}

// Address is host and port to listen on.
func Address() string { return "127.0.0.1:" + strconv.Itoa(*Port) }

// Ready tells the harness that connections are welcome.
func Ready() { fmt.Println("ready") }

// Check ends the program if err is not nil.
func Check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, os.Args[0]+":", err)
		os.Exit(1)
	}
}

// result keeps the compiler from dropping the work.
var result atomic.Uint64

func compute() {
	for x := uint64(1); ; {
		for range 1 << 20 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
		result.Store(x)
	}
}
