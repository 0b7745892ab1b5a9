//go:build !kqueue_sim

// The simulated kernel makes system calls of its own.

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/metalio/metalio/internal/strace"
)

// TestSystemCallsOfAMessage counts the proxy's system calls instead of timing
// them: a message costs one recvfrom and one sendto in each direction, and a
// connection four epoll_ctl. Nothing else is paid for each message.
func TestSystemCallsOfAMessage(t *testing.T) {
	tracer := strace.Path(t)
	inEachMode(t, func(t *testing.T, flags ...string) {
		log := filepath.Join(t.TempDir(), "log")
		// With -D the child is the proxy, and strace its grandchild.
		traced := exec.Command(tracer, "-D", "-f", "-q", "-o", log, os.Args[0])
		p := startCommand(t, traced, serve(t, echo), flags...)
		const clients, rounds = 20, 50
		for range clients {
			c := p.dial()
			for range rounds {
				must(t, exchange(c, []byte("hello"), make([]byte, 5)))
			}
			must(t, c.CloseWrite())
			must(t, expectBytes(c, nil))
			c.Close()
		}
		p.stop() // strace has ended too: it had the other end of the output

		calls := strace.Calls(t, log)
		const messages = 2 * clients * rounds
		// Both ends of a connection are read, and tried at its beginning.
		wantCalls(t, calls, "recvfrom", messages+2*clients, messages+4*clients)
		wantCalls(t, calls, "sendto", messages, messages)
		const own = 20 // the loop's own registrations, and the runtime's
		wantCalls(t, calls, "epoll_ctl", 4*clients, 4*clients+own)
		for _, name := range []string{"read", "write", "splice", "getsockopt", "setsockopt", "clock_gettime", "timerfd_settime"} {
			wantCalls(t, calls, name, 0, messages/10)
		}
	})
}

func wantCalls(t *testing.T, calls map[string]int, name string, least, most int) {
	t.Helper()
	if n := calls[name]; n < least || n > most {
		t.Errorf("%s: %d calls, want %d to %d; all: %v", name, n, least, most, calls)
	}
}
