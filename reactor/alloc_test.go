//go:build unix

package reactor

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func wantNoAllocs(t *testing.T, what string, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(200, f); n != 0 {
		t.Errorf("%s: %v allocations", what, n)
	}
}

func TestZeroAllocs(t *testing.T) {
	checkLeaks(t)
	w := newWatcher(t)
	waker, err := w.NewWaker(1)
	must(t, err)
	a, _ := pair(t)

	wantNoAllocs(t, "Wake and Wait", func() {
		must(t, waker.Wake())
		if n, _ := w.Wait(w.events[:], -1); n != 1 {
			t.Fatal(n)
		}
	})
	wantNoAllocs(t, "Wait with a timeout", func() {
		if n, _ := w.Wait(w.events[:], 10*time.Microsecond); n != 0 {
			t.Fatal(n)
		}
	})
	wantNoAllocs(t, "Register, Reregister, Deregister", func() {
		must(t, w.Register(FD(a), 2, Readable, Edge))
		must(t, w.Reregister(FD(a), 2, Writable, OneShot))
		must(t, w.Deregister(FD(a)))
	})
	wantNoAllocs(t, "events on the stack", func() {
		var events [128]Event
		if _, err := w.Wait(events[:], 0); err != nil {
			t.Fatal(err)
		}
	})

	l := newLoop(t, Config{})
	h := &idle{}
	s := l.Sender()
	must(t, l.Register(FD(a), 7, Writable, Level))
	wantNoAllocs(t, "a turn with an event, a message and a timer", func() {
		must(t, s.TrySend(1))
		if _, err := l.After(0, 3); err != nil {
			t.Fatal(err)
		}
		if n, _ := l.RunOnce(h, -1); n != 3 {
			t.Fatal(n)
		}
	})
	must(t, l.Deregister(FD(a)))
	wantNoAllocs(t, "the Loop's Register, Reregister, Deregister", func() {
		must(t, l.Register(FD(a), 7, Writable, Edge))
		must(t, l.Reregister(FD(a), 8, Readable, Level))
		must(t, l.Deregister(FD(a)))
	})
	wantNoAllocs(t, "Stop and Run, Stats", func() {
		l.Stop()
		must(t, l.Run(h))
		if l.Stats().Registered != 0 {
			t.Fatal("registered")
		}
	})
}

type idle struct{ Unhandled[int] }

// echoer sends back what it reads, and has a message and timers under way.
type echoer struct {
	Unhandled[int]
	fds    []int
	events int // to go
	buf    [64]byte
}

func (e *echoer) Readable(l *Loop[int], token Token, ready Ready) {
	fd := e.fds[token]
	n, err := syscall.Read(fd, e.buf[:])
	if err == syscall.EAGAIN {
		return
	}
	if err != nil || n == 0 {
		panic(fmt.Sprint("the other process has gone: ", n, err))
	}
	if _, err := syscall.Write(fd, e.buf[:n]); err != nil {
		panic(err)
	}
	e.one(l)
	if e.events%16 == 0 {
		l.Sender().TrySend(1)
	}
	if e.events%64 == 0 {
		if id, err := l.AfterNow(time.Hour, token); err == nil && e.events%128 == 0 {
			l.Cancel(id)
		}
	}
}

func (e *echoer) Message(l *Loop[int], _ int) { e.one(l) }

func (e *echoer) Timeout(l *Loop[int], _ Token, _ uint32) {
	e.one(l)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
}

func (e *echoer) Signal(l *Loop[int], _ os.Signal) { e.one(l) }

func (e *echoer) one(l *Loop[int]) {
	if e.events--; e.events == 0 {
		l.Stop()
	}
}

const echoSockets = 32

// The client is a process of its own, because whatever it allocates would be
// counted here.
func init() {
	children["bounce"] = func() int {
		var buf [16]byte
		for {
			for fd := 3; fd < 3+echoSockets; fd++ {
				if _, err := syscall.Write(fd, buf[:]); err != nil {
					return 0
				}
			}
			for fd := 3; fd < 3+echoSockets; fd++ {
				if n, err := syscall.Read(fd, buf[:]); n == 0 || err != nil {
					return 0
				}
			}
		}
	}
}

// TestZeroAllocsOverAMillionEvents is zero_mallocs_over_a_million_events, with
// sockets, messages, timers and signals together: the process's count of allocations
// does not move.
func TestZeroAllocsOverAMillionEvents(t *testing.T) {
	events := rounds(1_000_000)
	l := newLoop(t, Config{TimerCapacity: 1 << 15})
	h := &echoer{}
	again := append(strings.Fields(os.Getenv("METALIO_EXEC")), os.Args[0]) // the emulator, if there is one
	cmd := exec.Command(again[0], again[1:]...)
	cmd.Env = append(os.Environ(), "REACTOR_TEST_CHILD=bounce")
	for i := range echoSockets {
		mine, theirs := pair(t)
		must(t, syscall.SetNonblock(theirs, false))
		f := os.NewFile(uintptr(theirs), "pair")
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
		h.fds = append(h.fds, mine)
		must(t, l.Register(FD(mine), Token(i), Readable, Level))
	}
	must(t, cmd.Start())
	for i, f := range cmd.ExtraFiles {
		fd, err := FDOf(f)
		must(t, err)
		delete(mine, int(fd)) // the file's now
		must(t, cmd.ExtraFiles[i].Close())
	}
	defer func() {
		for _, fd := range h.fds {
			closeFD(t, fd) // which ends the child
		}
		must(t, cmd.Wait())
	}()
	must(t, l.Notify(syscall.SIGUSR1))
	_, err := l.Every(time.Millisecond, 0)
	must(t, err)

	h.events = events / 10
	must(t, l.Run(h)) // warm up
	runtime.GC()
	runtime.GC()
	// The runtime may start a thread for reasons of its own, which allocates;
	// what allocates for each event shows in every round.
	var before, after runtime.MemStats
	for round := range 3 {
		h.events = events / 3
		runtime.ReadMemStats(&before)
		err := l.Run(h)
		runtime.ReadMemStats(&after)
		must(t, err)
		if after.Mallocs == before.Mallocs {
			return
		}
		t.Logf("round %d: %d allocations in %d events", round, after.Mallocs-before.Mallocs, events/3)
	}
	t.Error("each round has allocated")
}
