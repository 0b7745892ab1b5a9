package reactor

import (
	"errors"
	"testing"
	"time"

	"github.com/metalio/metalio"
)

// TestAFDReadiness is about what AFD reports in a way of its own.
func TestAFDReadiness(t *testing.T) {
	runBehaviours(t, []behaviour{
		{"pipe_is_refused", func(t *testing.T, w *watcher) {
			r, wr := filePipe(t)
			for _, fd := range []FD{fdOf(t, r), fdOf(t, wr)} {
				for _, mode := range []Mode{Level, Edge, OneShot} {
					wantIs(t, w.Register(fd, 1, Readable, mode), errors.ErrUnsupported)
				}
			}
		}},
		{"reset_ends_both_directions", func(t *testing.T, w *watcher) {
			// What a read finds then, Wine does not tell as Windows does.
			for _, mode := range []Mode{Level, Edge, OneShot} {
				a, b := pair(t)
				w.register(a, 1, Readable, mode)
				w.none()
				reset(t, b)
				w.want(1, readyReadable|readyError|readyReadClosed|readyWriteClosed)
				if mode != Level {
					w.none()
				}
				w.deregister(a)
			}
		}},
		{"socket_pipe_reports_its_ends", func(t *testing.T, w *watcher) {
			r, wr := pipe(t) // as package sockets makes it
			w.register(r, 1, Readable, Edge)
			closeFD(t, wr)
			if ready := w.one(1); !ready.IsReadClosed() {
				t.Fatal(ready)
			}
			w.none()
			r, wr = pipe(t)
			fill(t, wr)
			w.register(wr, 2, Writable, Level)
			closeFD(t, r)
			w.expect(seen{2, readyWriteClosed})
		}},
		{"edge_rearm_after_would_block_only_in_the_blocked_direction", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable|Writable, Edge)
			write(t, b, "x")
			if r := w.one(1); r.IsReadable() {
				w.none()
			} else {
				w.want(1, readyReadable)
			}
			drain(t, a)
			w.rearm(a, Readable)
			w.none() // it is writable, but no write has blocked
			w.rearm(a, Writable)
			w.want(1, readyWritable)
			w.rearm(a, Priority) // not in the interest
			w.none()
			write(t, b, "y")
			w.want(1, readyReadable)
		}},
		{"rearm_while_waiting", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Edge)
			write(t, b, "x")
			w.one(1)
			w.none()
			done := make(chan error, 1)
			go func() {
				waitForPort(w.Poll)
				done <- w.Rearm(a, Readable) // cancels the poll for hang-ups
			}()
			w.want(1, readyReadable)
			must(t, <-done)
		}},
		{"udp_message_too_long", func(t *testing.T, w *watcher) {
			a, port := udp(t)
			w.register(a, 1, Readable, Edge)
			sendTo(t, a, port, "too long")
			w.want(1, readyReadable)
			if _, errno := metalio.Recvfrom(a, make([]byte, 3), 0, nil, nil); errno != metalio.WSAEMSGSIZE {
				t.Fatal(errno)
			}
			w.rearm(a, Readable)
			w.none()
		}},
		{"udp_port_unreachable", func(t *testing.T, w *watcher) {
			gone, port := udp(t)
			closeFD(t, gone)
			a, _ := udp(t)
			connectUDP(t, a, port)
			w.register(a, 1, Readable, Level)
			write(t, a, "x")
			// The ICMP message may be reported or not. If it is, a read fetches
			// it, and the socket is as it was.
			if n, err := w.Wait(w.events[:], 200*time.Millisecond); n == 1 && err == nil {
				_, errno := metalio.Recv(a, make([]byte, 1), 0)
				t.Log(w.events[0].Ready(), errno)
				if errno != metalio.WSAECONNRESET && errno != metalio.WSAECONNREFUSED {
					t.Fatal(errno)
				}
			} else if n != 0 || err != nil {
				t.Fatal(n, err)
			}
			w.none()
		}},
	})
}

func TestZeroAllocsAFD(t *testing.T) {
	checkLeaks(t)
	w := newWatcher(t)
	a, b := pair(t)
	waker, err := w.NewWaker(5)
	must(t, err)
	one, in := []byte("x"), make([]byte, 16)
	ready := func() {
		n, err := w.Wait(w.events[:], 5*time.Second)
		if n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	receive := func() {
		for {
			if _, errno := metalio.Recv(a, in, 0); errno != 0 {
				return
			}
		}
	}
	for _, c := range []struct {
		name string
		run  func()
	}{
		{"level event", func() {
			w.register(a, 1, Writable, Level)
			ready()
			w.deregister(a)
		}},
		{"edge event and re-arm", func() {
			w.register(a, 1, Readable, Edge)
			for range 4 {
				metalio.Send(b, one, 0)
				ready()
				receive()
				w.rearm(a, Readable)
				w.Wait(w.events[:], 0)
			}
			w.deregister(a)
		}},
		{"one-shot event and re-registration", func() {
			w.register(a, 1, Writable, OneShot)
			ready()
			w.reregister(a, 2, Writable, OneShot)
			ready()
			w.deregister(a)
		}},
		{"cancelled poll", func() {
			w.register(a, 1, Readable, Level)
			w.Wait(w.events[:], 0)
			w.deregister(a)
			w.Wait(w.events[:], 0)
		}},
		{"wake", func() {
			must(t, waker.Wake())
			ready()
		}},
		{"timeout", func() { w.Wait(w.events[:], time.Microsecond) }},
	} {
		if n := testing.AllocsPerRun(100, c.run); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}
