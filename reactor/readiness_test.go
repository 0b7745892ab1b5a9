//go:build unix || windows

package reactor

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/metalio/metalio/internal/behaviours"
)

func TestReadiness(t *testing.T) {
	runBehaviours(t, []behaviour{
		{"level_repeats_until_drained", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			write(t, b, "xyz")
			for range 3 {
				w.want(1, readyReadable)
			}
			w.drain(a)
			w.none()
		}},
		{"edge_fires_once_then_again_on_new_data", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Edge)
			for range 3 {
				write(t, b, "x")
				w.want(1, readyReadable)
				w.none()
				w.drain(a)
				w.none()
			}
		}},
		{"edge_drain_then_would_block_then_new_data", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Edge)
			write(t, b, "x")
			w.want(1, readyReadable)
			if got := drain(t, a); got != "x" {
				t.Fatal(got)
			}
			write(t, b, "y") // after the read that would have blocked, before Rearm
			w.rearm(a, Readable)
			w.want(1, readyReadable)
			if got := w.drain(a); got != "y" {
				t.Fatal(got)
			}
			w.none()
		}},
		{"oneshot_silent_until_reregister", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, OneShot)
			write(t, b, "x")
			w.want(1, readyReadable)
			write(t, b, "y")
			w.rearm(a, Readable) // for Edge only
			closeFD(t, b)        // a hang-up is not reported either
			w.none()
			w.reregister(a, 2, Readable, OneShot)
			w.one(2)
			w.none()
		}},
		{"oneshot_read_and_write_interest_fires_once", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable|Writable, OneShot)
			w.want(1, readyWritable)
			write(t, b, "x")
			w.none()
			w.reregister(a, 2, Readable|Writable, OneShot)
			w.want(2, readyReadable|readyWritable)
			w.none()
		}},
		{"mode_change_while_pending", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			write(t, b, "x")
			w.register(a, 1, Readable, Level)
			w.one(1)
			w.reregister(a, 1, Readable, Edge)
			w.one(1)
			w.none()
			w.reregister(a, 1, Readable, Level)
			w.one(1)
			w.one(1)
			w.reregister(a, 1, Readable, OneShot)
			w.one(1)
			w.none()
		}},
		{"read_and_write_in_one_registration", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable|Writable, Level)
			w.want(1, readyWritable)
			write(t, b, "x")
			w.expect(seen{1, readyReadable | readyWritable})
			w.drain(a)
			w.want(1, readyWritable)
		}},
		{"peer_close_is_read_closed", func(t *testing.T, w *watcher) {
			for _, pair := range []func(testing.TB) (FD, FD){pair, tcpPair} {
				for _, mode := range []Mode{Level, Edge, OneShot} {
					a, b := pair(t)
					w.register(a, 1, Readable, mode)
					closeFD(t, b)
					w.expect(seen{1, readyReadable | readyReadClosed})
					w.deregister(a)
				}
			}
		}},
		{"half_close_is_read_closed_not_write_closed", func(t *testing.T, w *watcher) {
			a, b := tcpPair(t)
			w.register(a, 1, Readable|Writable, Edge)
			w.want(1, readyWritable)
			shutdownWrite(t, b)
			if r := w.all(1); !r.IsReadable() || !r.IsReadClosed() || r.IsWriteClosed() || r.IsError() {
				t.Fatal(r)
			}
			write(t, a, "still")
			if got := await(t, b, 5); got != "still" {
				t.Fatal(got)
			}
		}},
		{"own_shutdown_write_is_not_hangup", func(t *testing.T, w *watcher) {
			a, b := tcpPair(t)
			w.register(a, 1, Readable, Level)
			shutdownWrite(t, a)
			w.none()
			write(t, b, "x")
			w.want(1, readyReadable)
		}},
		{"connect_success_is_writable", func(t *testing.T, w *watcher) {
			for _, mode := range []Mode{Level, Edge, OneShot} {
				_, c := listenerWithPending(t)
				w.register(c, 1, Writable, mode)
				w.want(1, readyWritable)
				must(t, takeError(t, c))
				w.deregister(c)
			}
		}},
		{"connect_refused_is_writable_or_error_with_take_error", func(t *testing.T, w *watcher) {
			l := listener(t)
			port := portOf(t, l)
			closeFD(t, l)
			for _, mode := range []Mode{Level, Edge, OneShot} {
				c, err := connecting(t, port)
				if err != nil {
					wantIs(t, err, errRefused)
					t.Log("this system has known at once")
					continue
				}
				w.register(c, 1, Writable, mode)
				if r := w.one(1); !r.IsWritable() && !r.IsError() {
					t.Fatal(r)
				}
				wantIs(t, takeError(t, c), errRefused)
				w.deregister(c)
			}
		}},
		{"accept_is_readable", func(t *testing.T, w *watcher) {
			l := listener(t)
			w.register(l, 1, Readable, Edge)
			for range 3 {
				connect(t, portOf(t, l))
				w.want(1, readyReadable)
				if n := acceptAll(t, l); n != 1 {
					t.Fatal(n)
				}
				w.rearm(l, Readable)
				w.none()
			}
		}},
		{"reset_is_readable_and_read_fails", func(t *testing.T, w *watcher) {
			for _, mode := range []Mode{Level, Edge, OneShot} {
				a, b := tcpPair(t)
				w.register(a, 1, Readable, mode)
				w.none()
				reset(t, b)
				if r := w.one(1); !r.IsReadable() || !r.IsReadClosed() || !r.IsWriteClosed() {
					t.Fatal(mode, r)
				}
				_, err := readFD(a, make([]byte, 1))
				wantIs(t, err, errReset)
				if mode != Level {
					w.none()
				}
				w.deregister(a)
			}
		}},
		{"buffered_data_before_eof_is_readable", func(t *testing.T, w *watcher) {
			for _, mode := range []Mode{Level, Edge, OneShot} {
				a, b := pair(t)
				w.register(a, 1, Readable, mode)
				write(t, b, "last words")
				closeFD(t, b)
				if r := w.one(1); !r.IsReadable() {
					t.Fatal(mode, r)
				}
				if got := await(t, a, len("last words")); got != "last words" {
					t.Fatal(got)
				}
				w.deregister(a)
			}
		}},
		{"writable_again_after_buffer_drains", func(t *testing.T, w *watcher) {
			for _, mode := range []Mode{Level, Edge, OneShot} {
				a, b := pair(t)
				sent := fill(t, a)
				w.register(a, 1, Writable, mode)
				w.none()
				await(t, b, sent)
				w.want(1, readyWritable)
				w.deregister(a)
			}
		}},
		{"empty_datagram_is_readable", func(t *testing.T, w *watcher) {
			a, port := udp(t)
			w.register(a, 1, Readable, Level)
			w.none()
			sendTo(t, a, port, "")
			w.want(1, readyReadable)
			if n, err := readFD(a, make([]byte, 1)); n != 0 || err != nil {
				t.Fatal(n, err)
			}
			w.none()
		}},
		{"connected_udp_ignores_third_parties", func(t *testing.T, w *watcher) {
			remote, remotePort := udp(t)
			third, _ := udp(t)
			a, port := udp(t)
			connectUDP(t, a, remotePort)
			w.register(a, 1, Readable, Level)
			sendTo(t, third, port, "x")
			w.none()
			sendTo(t, remote, port, "y")
			w.want(1, readyReadable)
			if got := drain(t, a); got != "y" {
				t.Fatal(got)
			}
		}},
		{"pipe_writer_closed_is_one_read_closed", func(t *testing.T, w *watcher) {
			r, wr := pipe(t)
			w.register(r, 1, Readable, Edge)
			closeFD(t, wr)
			if ready := w.one(1); !ready.IsReadClosed() {
				t.Fatal(ready)
			}
			w.none()
		}},
		{"pipe_reader_closed_is_write_closed_even_with_error_alone", func(t *testing.T, w *watcher) {
			for _, full := range []bool{false, true} {
				for _, mode := range []Mode{Level, Edge, OneShot} {
					r, wr := pipe(t)
					if full { // then the error is alone
						fill(t, wr)
					}
					w.register(wr, 1, Writable, mode)
					closeFD(t, r)
					w.expect(seen{1, readyWriteClosed})
					if mode == Level {
						w.expect(seen{1, readyWriteClosed})
						w.expect(seen{1, readyWriteClosed})
					}
					w.deregister(wr)
				}
			}
		}},
		{"urgent_data_is_priority", func(t *testing.T, w *watcher) {
			a, b := tcpPair(t)
			w.register(a, 1, Priority, Level)
			w.none()
			write(t, b, "x")
			w.none() // readable is not priority
			sendUrgent(t, b, '!')
			w.want(1, readyReadable|readyPriority)
			w.want(1, readyReadable|readyPriority)
			w.reregister(a, 1, Readable, Level)
			drain(t, a)
			w.none() // priority is not part of readable
		}},
		{"child_process_stdout_pipe", func(t *testing.T, w *watcher) {
			cmd := child("hello")
			out, err := cmd.StdoutPipe()
			must(t, err)
			fd := fdOf(t, out)
			w.register(fd, 1, Readable, Edge)
			must(t, cmd.Start())
			r := w.one(1)
			if !r.IsReadable() {
				t.Fatal(r)
			}
			buf := make([]byte, 16)
			if n, err := out.Read(buf); err != nil || string(buf[:n]) != "hello" {
				t.Fatal(buf[:n], err)
			}
			if !r.IsReadClosed() { // the child had not exited yet
				w.rearm(fd, Readable)
				r = w.one(1)
			}
			if !r.IsReadClosed() {
				t.Fatal(r)
			}
			w.deregister(fd)
			must(t, cmd.Wait())
		}},
		{"unix_stream_and_datagram", unixSockets},
		{"16_MiB_both_ways_arrive_intact", func(t *testing.T, w *watcher) {
			size := 16 << 20
			if testing.Short() {
				size = 1 << 20
			}
			for _, mode := range []Mode{Level, Edge, OneShot} {
				bothWays(t, mode, size)
			}
		}},
		{"accept_storm", acceptStorm},
	})
}

func init() {
	roles["hello"] = func() int {
		if _, err := fmt.Print("hello"); err != nil {
			return 1
		}
		return 0
	}
}

// transfer is one end of a connection that sends and receives the same bytes.
type transfer struct {
	fd       FD
	data     []byte
	sent     int
	received []byte
}

// step reads and writes until both would block, which it tells the Poll.
func (x *transfer) step(t *testing.T, p *Poll) {
	t.Helper()
	for x.sent < len(x.data) {
		n, err := writeFD(x.fd, x.data[x.sent:min(x.sent+1<<20, len(x.data))])
		if err == errWouldBlock {
			must(t, p.Rearm(x.fd, Writable))
			break
		}
		must(t, err)
		x.sent += n
	}
	for {
		n, err := readFD(x.fd, x.received[len(x.received):cap(x.received)])
		if err == errWouldBlock || n == 0 && err == nil {
			break // n is 0 also when all is there
		}
		must(t, err)
		x.received = x.received[:len(x.received)+n]
	}
	must(t, p.Rearm(x.fd, Readable))
}

func (x *transfer) interest() Interest {
	if x.sent < len(x.data) {
		return Readable | Writable
	}
	return Readable
}

func bothWays(t *testing.T, mode Mode, size int) {
	t.Helper()
	w := newWatcher(t)
	a, b := tcpPair(t)
	var there, back = make([]byte, size), make([]byte, size)
	rng := rand.NewChaCha8([32]byte{byte(mode)})
	rng.Read(there)
	rng.Read(back)
	ends := [2]*transfer{{fd: a, data: there}, {fd: b, data: back}}
	for _, x := range ends {
		x.received = make([]byte, 0, size)
	}
	for i, x := range ends {
		w.register(x.fd, Token(i), x.interest(), mode)
	}
	for len(ends[0].received) < size || len(ends[1].received) < size {
		n, err := w.Wait(w.events[:], patience)
		must(t, err)
		if n == 0 {
			t.Fatalf("%v: stuck at %d and %d of %d", mode, len(ends[0].received), len(ends[1].received), size)
		}
		for _, ev := range w.events[:n] {
			x := ends[ev.Token()]
			x.step(t, w.Poll)
			if mode != Edge {
				w.reregister(x.fd, ev.Token(), x.interest(), mode)
			}
		}
	}
	if !bytes.Equal(ends[0].received, back) || !bytes.Equal(ends[1].received, there) {
		t.Fatalf("%v: other bytes arrived", mode)
	}
	for _, x := range ends {
		w.deregister(x.fd)
		closeFD(t, x.fd)
	}
}

// acceptStorm connects many clients, a hundred at once, and accepts as events
// say.
func acceptStorm(t *testing.T, w *watcher) {
	clients := behaviours.Budget(t, "accept_storm")
	l := listener(t)
	port := portOf(t, l)
	w.register(l, 1, Readable, Edge)
	connected, accepted := 0, 0
	for accepted < clients {
		if accepted == connected {
			for range min(100, clients-connected) {
				connect(t, port)
				connected++
			}
		}
		w.want(1, readyReadable)
		accepted += acceptAll(t, l)
		w.rearm(l, Readable)
	}
	w.none()
}

// acceptAll accepts until there is nobody left, and returns how many there were.
func acceptAll(t *testing.T, l FD) (accepted int) {
	t.Helper()
	for ; ; accepted++ {
		c, err := accept(l)
		if err == errWouldBlock {
			return accepted
		}
		must(t, err)
		owned(t, c)
	}
}

// TestStandardLibrary is about descriptors that belong to packages net and os.
func TestStandardLibrary(t *testing.T) {
	runBehaviours(t, []behaviour{
		{"net_Conn_watched", func(t *testing.T, w *watcher) {
			client, server := netPair(t)
			fd := fdOf(t, client)
			must(t, SetNonblock(fd)) // which package net's are on Unix
			w.register(fd, 1, Readable, Edge)
			for _, s := range []string{"hello", "again"} {
				server.Write([]byte(s))
				w.want(1, readyReadable)
				buf := make([]byte, 16)
				if n, err := client.Read(buf); string(buf[:n]) != s || err != nil {
					t.Fatal(n, err)
				}
				w.rearm(fd, Readable)
				w.none()
			}
			w.deregister(fd)
		}},
		{"os_File_pipe_watched", func(t *testing.T, w *watcher) {
			r, wr := filePipe(t)
			fd := fdOf(t, r)
			w.register(fd, 1, Readable, Edge) // os.Pipe's are non-blocking
			wr.Write([]byte("x"))
			w.want(1, readyReadable)
			if n, err := r.Read(make([]byte, 2)); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			w.deregister(fd)
		}},
		{"std_reads_and_poll_watches_at_once", stdReadsAtOnce},
		{"closed_net_Conn_is_refused", func(t *testing.T, w *watcher) {
			client, _ := netPair(t)
			must(t, client.Close())
			_, err := FDOf(client.(syscall.Conn))
			wantIs(t, err, os.ErrClosed)
		}},
	})
}

// stdReadsAtOnce has a Poll watch a connection in whose Read another goroutine
// is. Readiness that std has used up by the time of the Wait need not be
// reported; what it leaves is.
func stdReadsAtOnce(t *testing.T, w *watcher) {
	client, server := netPair(t)
	fd := fdOf(t, client)
	w.register(fd, 1, Readable, Level)
	read := make(chan []byte, 1)
	go func() {
		buf := make([]byte, 5)
		client.Read(buf)
		read <- slices.Clone(buf)
	}()
	server.Write([]byte("hello, world"))
	if got := <-read; string(got) != "hello" {
		t.Fatalf("%q", got)
	}
	w.want(1, readyReadable)
	must(t, SetNonblock(fd))
	if got := drain(t, fd); got != ", world" {
		t.Fatalf("%q", got)
	}
	w.none()
	w.deregister(fd)
}
