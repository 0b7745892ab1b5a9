//go:build unix

package reactor

import (
	"bytes"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestReadiness(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, *watcher)
	}{
		{"level_repeats_until_drained", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			write(t, b, "xyz")
			for range 3 {
				w.one(1)
			}
			drain(t, a)
			w.none()
		}},
		{"edge_fires_once_then_again_on_new_data", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Edge)
			write(t, b, "x")
			w.one(1)
			w.none()
			write(t, b, "y")
			w.one(1)
			w.none()
		}},
		{"edge_drain_then_would_block_then_new_data", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Edge)
			for range 3 {
				write(t, b, "x")
				w.one(1)
				if got := drain(t, a); got != "x" {
					t.Fatal(got)
				}
				must(t, w.Rearm(FD(a), Readable))
				w.none()
			}
		}},
		{"oneshot_silent_until_reregister", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, OneShot)
			write(t, b, "x")
			w.one(1)
			write(t, b, "y")
			closeFD(t, b) // a hang-up is not reported either
			w.none()
			w.reregister(a, 2, Readable, OneShot)
			w.one(2)
			w.none()
		}},
		{"oneshot_read_and_write_interest_fires_once", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable|Writable, OneShot)
			if r := w.one(1); !r.IsWritable() {
				t.Fatal(r)
			}
			write(t, b, "x")
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
			w.expect(seen{1, readyWritable})
			write(t, b, "x")
			w.expect(seen{1, readyReadable | readyWritable})
		}},
		{"peer_close_is_read_closed", func(t *testing.T, w *watcher) {
			for _, make := range []func(testing.TB) (int, int){pair, tcpPair} {
				a, b := make(t)
				w.register(a, 1, Readable, Level)
				closeFD(t, b)
				w.expect(seen{1, readyReadable | readyReadClosed})
				w.deregister(a)
			}
		}},
		{"half_close_is_read_closed_not_write_closed", func(t *testing.T, w *watcher) {
			a, b := tcpPair(t)
			w.register(a, 1, Readable|Writable, Edge)
			w.one(1) // writable
			must(t, syscall.Shutdown(b, syscall.SHUT_WR))
			r := w.all(1)
			if !r.IsReadable() || !r.IsReadClosed() || r.IsWriteClosed() || r.IsError() {
				t.Fatal(r)
			}
			write(t, a, "still")
			time.Sleep(time.Millisecond)
			if got := drain(t, b); got != "still" {
				t.Fatal(got)
			}
		}},
		{"own_shutdown_write_is_not_hangup", func(t *testing.T, w *watcher) {
			a, b := tcpPair(t)
			w.register(a, 1, Readable, Level)
			must(t, syscall.Shutdown(a, syscall.SHUT_WR))
			w.none()
			write(t, b, "x")
			if r := w.one(1); r.IsReadClosed() {
				t.Fatal(r)
			}
		}},
		{"connect_success_is_writable", func(t *testing.T, w *watcher) {
			_, c := listenerWithPending(t)
			w.register(c, 1, Writable, Edge)
			if r := w.one(1); !r.IsWritable() || r.IsError() {
				t.Fatal(r)
			}
		}},
		{"connect_refused_is_writable_or_error_with_take_error", func(t *testing.T, w *watcher) {
			l, c := listenerWithPending(t)
			sa, err := syscall.Getsockname(l)
			must(t, err)
			closeFD(t, c)
			closeFD(t, l)
			c, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
			must(t, err)
			owned(t, c)
			if err := syscall.Connect(c, sa); err == syscall.ECONNREFUSED {
				return // some systems know at once
			}
			w.register(c, 1, Writable, Edge)
			if r := w.one(1); !r.IsWritable() && !r.IsError() {
				t.Fatal(r)
			}
			errno, err := syscall.GetsockoptInt(c, syscall.SOL_SOCKET, syscall.SO_ERROR)
			must(t, err)
			if syscall.Errno(errno) != syscall.ECONNREFUSED {
				t.Fatal(syscall.Errno(errno))
			}
		}},
		{"reset_is_readable_and_read_fails", func(t *testing.T, w *watcher) {
			a, b := tcpPair(t)
			w.register(a, 1, Readable, Level)
			must(t, syscall.SetsockoptLinger(b, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1}))
			closeFD(t, b)
			r := w.one(1)
			if !r.IsReadable() || !r.IsReadClosed() || !r.IsWriteClosed() {
				t.Fatal(r)
			}
			if _, err := syscall.Read(a, make([]byte, 1)); err != syscall.ECONNRESET {
				t.Fatal(err)
			}
		}},
		{"buffered_data_before_eof_is_readable", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Edge)
			write(t, b, "last words")
			closeFD(t, b)
			w.expect(seen{1, readyReadable | readyReadClosed})
			if got := drain(t, a); got != "last words" {
				t.Fatal(got)
			}
		}},
		{"writable_again_after_buffer_drains", func(t *testing.T, w *watcher) {
			for _, mode := range []Mode{Level, Edge} {
				a, b := pair(t)
				fill(t, a)
				w.register(a, 1, Writable, mode)
				w.none()
				drain(t, b)
				if r := w.one(1); !r.IsWritable() {
					t.Fatal(r)
				}
				w.deregister(a)
			}
		}},
		{"empty_datagram_is_readable", func(t *testing.T, w *watcher) {
			conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			must(t, err)
			defer conn.Close()
			fd, err := FDOf(conn)
			must(t, err)
			must(t, w.Register(fd, 1, Readable, Level))
			_, err = conn.WriteTo(nil, conn.LocalAddr())
			must(t, err)
			w.one(1)
			if n, _, err := conn.ReadFrom(make([]byte, 1)); n != 0 || err != nil {
				t.Fatal(n, err)
			}
			w.none()
			must(t, w.Deregister(fd))
		}},
		{"connected_udp_ignores_third_parties", func(t *testing.T, w *watcher) {
			peer, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			must(t, err)
			defer peer.Close()
			third, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			must(t, err)
			defer third.Close()
			conn, err := net.Dial("udp4", peer.LocalAddr().String())
			must(t, err)
			defer conn.Close()
			fd, err := FDOf(conn.(syscall.Conn))
			must(t, err)
			must(t, w.Register(fd, 1, Readable, Level))
			third.WriteTo([]byte("x"), conn.LocalAddr())
			w.none()
			peer.WriteTo([]byte("y"), conn.LocalAddr())
			w.one(1)
			must(t, w.Deregister(fd))
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
				r, wr := pipe(t)
				if full {
					fill(t, wr)
				}
				w.register(wr, 1, Writable, Level)
				closeFD(t, r)
				w.expect(seen{1, readyWriteClosed})
				w.deregister(wr)
			}
		}},
		{"urgent_data_is_priority", func(t *testing.T, w *watcher) {
			if w.interests()&Priority == 0 {
				t.Skip("no Priority on this system: its kqueue does not report out-of-band data")
			}
			a, b := tcpPair(t)
			w.register(a, 1, Priority, Level)
			w.none()
			must(t, syscall.Sendto(b, []byte("!"), syscall.MSG_OOB, nil))
			if r := w.one(1); !r.IsPriority() {
				t.Fatal(r)
			}
			w.reregister(a, 1, Readable, Level)
			drain(t, a)
			w.none() // priority is not part of readable
		}},
		{"child_process_stdout_pipe", func(t *testing.T, w *watcher) {
			cmd := exec.Command("echo", "hello")
			out, err := cmd.StdoutPipe()
			must(t, err)
			fd, err := FDOf(out.(syscall.Conn))
			must(t, err)
			must(t, w.Register(fd, 1, Readable, Edge))
			must(t, cmd.Start())
			w.expect(seen{1, readyReadable})
			must(t, w.Deregister(fd))
			must(t, cmd.Wait())
		}},
		{"unix_stream_and_datagram", func(t *testing.T, w *watcher) {
			for _, typ := range []int{syscall.SOCK_STREAM, syscall.SOCK_DGRAM} {
				fds, err := syscall.Socketpair(syscall.AF_UNIX, typ, 0)
				must(t, err)
				owned(t, fds[0], fds[1])
				w.register(fds[0], 1, Readable, Edge)
				write(t, fds[1], "x")
				w.one(1)
				w.deregister(fds[0])
			}
		}},
		{"16_MiB_both_ways_arrive_intact", func(t *testing.T, w *watcher) {
			for _, mode := range []Mode{Level, Edge, OneShot} {
				bothWays(t, mode, 16<<20)
			}
		}},
		{"accept_storm", func(t *testing.T, w *watcher) { acceptStorm(t, w, 2000) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			c.run(t, newWatcher(t))
		})
	}
}

// transfer is one end of a connection that sends and receives the same bytes.
type transfer struct {
	fd       int
	data     []byte
	sent     int
	received []byte
}

// step reads and writes until both would block.
func (x *transfer) step(t *testing.T) {
	t.Helper()
	var buf [64 << 10]byte
	for x.sent < len(x.data) {
		n, err := syscall.Write(x.fd, x.data[x.sent:])
		if err == syscall.EAGAIN {
			break
		}
		must(t, err)
		x.sent += n
	}
	for {
		n, err := syscall.Read(x.fd, buf[:])
		if err == syscall.EAGAIN {
			return
		}
		must(t, err)
		x.received = append(x.received, buf[:n]...)
	}
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
	data := make([]byte, size)
	r := rand.New(rand.NewPCG(1, uint64(mode)))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	ends := [2]*transfer{{fd: a, data: data}, {fd: b, data: data}}
	for i, x := range ends {
		w.register(x.fd, Token(i), x.interest(), mode)
	}
	for len(ends[0].received) < size || len(ends[1].received) < size {
		n, err := w.Wait(w.events[:], 5*time.Second)
		must(t, err)
		if n == 0 {
			t.Fatalf("%v: stuck at %d and %d", mode, len(ends[0].received), len(ends[1].received))
		}
		for _, ev := range w.events[:n] {
			x := ends[ev.Token()]
			x.step(t)
			if mode != Edge {
				w.reregister(x.fd, ev.Token(), x.interest(), mode)
			}
		}
	}
	for _, x := range ends {
		if !bytes.Equal(x.received, data) {
			t.Fatalf("%v: other bytes arrived", mode)
		}
		w.deregister(x.fd)
		closeFD(t, x.fd)
	}
}

// acceptStorm connects many clients at once, and accepts as events say.
func acceptStorm(t *testing.T, w *watcher, clients int) {
	t.Helper()
	l, _ := listenerWithPending(t)
	w.register(l, 1, Readable, Edge)
	connected, accepted := 1, 0
	for accepted < clients {
		for range min(100, clients-connected) {
			connect(t, l)
			connected++
		}
		n, err := w.Wait(w.events[:], 5*time.Second)
		must(t, err)
		if n == 0 {
			t.Fatalf("accepted %d of %d", accepted, connected)
		}
		for {
			fd, _, err := syscall.Accept(l)
			if err == syscall.EAGAIN {
				break
			}
			must(t, err)
			owned(t, fd)
			accepted++
		}
	}
}

func TestStandardLibrary(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, *watcher)
	}{
		{"net_Conn_watched", func(t *testing.T, w *watcher) {
			client, server := netPair(t)
			fd, err := FDOf(client.(syscall.Conn))
			must(t, err)
			must(t, w.Register(fd, 1, Readable, Edge))
			server.Write([]byte("hello"))
			w.one(1)
			buf := make([]byte, 5)
			if n, err := client.Read(buf); n != 5 || err != nil {
				t.Fatal(n, err)
			}
			must(t, w.Deregister(fd))
		}},
		{"os_File_pipe_watched", func(t *testing.T, w *watcher) {
			r, wr, err := os.Pipe()
			must(t, err)
			defer r.Close()
			defer wr.Close()
			fd, err := FDOf(r)
			must(t, err)
			must(t, w.Register(fd, 1, Readable, Edge)) // os.Pipe's are non-blocking
			wr.Write([]byte("x"))
			w.one(1)
			if n, err := r.Read(make([]byte, 2)); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			must(t, w.Deregister(fd))
		}},
		{"std_reads_and_poll_watches_at_once", func(t *testing.T, w *watcher) {
			client, server := netPair(t)
			fd, err := FDOf(client.(syscall.Conn))
			must(t, err)
			must(t, w.Register(fd, 1, Readable, Edge))
			read := make(chan error, 1)
			go func() {
				_, err := client.Read(make([]byte, 5)) // parked in Go's netpoller
				read <- err
			}()
			// More than std reads: readiness that it has used up by the time
			// of the Wait is not reported.
			server.Write([]byte("hello, world"))
			w.one(1)
			must(t, <-read)
			must(t, w.Deregister(fd))
		}},
		{"closed_net_Conn_is_refused", func(t *testing.T, w *watcher) {
			client, _ := netPair(t)
			must(t, client.Close())
			_, err := FDOf(client.(syscall.Conn))
			wantIs(t, err, net.ErrClosed)
			if !isClosed(err) {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			c.run(t, newWatcher(t))
		})
	}
}

// netPair is a connection as package net knows it.
func netPair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	client, err = net.Dial("tcp", l.Addr().String())
	must(t, err)
	server, err = l.Accept()
	must(t, err)
	t.Cleanup(func() {
		client.Close()
		server.Close()
	})
	return client, server
}
