package reactor

import (
	"bytes"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/metalio/metalio"
)

func TestAFDReadiness(t *testing.T) {
	runBehaviours(t, []behaviour{
		{"level_repeats_until_drained", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			b.write("xyz")
			for range 3 {
				w.want(1, readyReadable)
			}
			a.drain()
			w.none()
		}},
		{"edge_fires_once_then_again_on_new_data", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Edge)
			for range 3 {
				b.write("x")
				w.want(1, readyReadable)
				w.none()
				a.drain()
				w.rearm(a, Readable)
				w.none()
			}
		}},
		{"edge_drain_then_would_block_then_new_data", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Edge)
			b.write("x")
			w.want(1, readyReadable)
			if got := a.drain(); got != "x" {
				t.Fatal(got)
			}
			b.write("y") // after the read that would have blocked, before Rearm
			w.rearm(a, Readable)
			w.want(1, readyReadable)
		}},
		{"oneshot_silent_until_reregister", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, OneShot)
			b.write("x")
			w.want(1, readyReadable)
			b.write("y")
			w.rearm(a, Readable) // for Edge only
			b.close()            // a hang-up is not reported either
			w.none()
			w.reregister(a, 2, Readable, OneShot)
			w.one(2)
			w.none()
		}},
		{"oneshot_read_and_write_interest_fires_once", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable|Writable, OneShot)
			w.want(1, readyWritable)
			b.write("x")
			w.none()
		}},
		{"mode_change_while_pending", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			b.write("x")
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
			b.write("x")
			w.want(1, readyReadable|readyWritable)
		}},
		{"peer_close_is_read_closed", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			b.close()
			if r := w.one(1); !r.IsReadable() || !r.IsReadClosed() {
				t.Fatal(r)
			}
		}},
		{"half_close_is_read_closed_not_write_closed", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable|Writable, Edge)
			w.want(1, readyWritable)
			mustErrno(t, metalio.Shutdown(b.fd, metalio.SHUT_WR))
			w.want(1, readyReadable|readyReadClosed)
			a.write("still")
			if got := b.awaited(5); got != "still" {
				t.Fatal(got)
			}
		}},
		{"own_shutdown_write_is_not_hangup", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			mustErrno(t, metalio.Shutdown(a.fd, metalio.SHUT_WR))
			w.none()
			b.write("x")
			w.want(1, readyReadable)
		}},
		{"connect_success_is_writable", func(t *testing.T, w *watcher) {
			_, l := listen(t)
			c := connecting(t, l.Addr().(*net.TCPAddr).Port)
			w.register(c, 1, Writable, Edge)
			w.want(1, readyWritable)
			w.none()
		}},
		{"connect_refused_is_writable_or_error_with_take_error", func(t *testing.T, w *watcher) {
			l, nl := listen(t)
			port := nl.Addr().(*net.TCPAddr).Port
			l.close()
			for _, mode := range []Mode{Level, Edge, OneShot} {
				c := connecting(t, port)
				w.register(c, 1, Writable, mode)
				if r := w.one(1); !r.IsWritable() || !r.IsError() {
					t.Fatal(r)
				}
				if errno := c.option(metalio.SO_ERROR); syscall.Errno(errno) != metalio.WSAECONNREFUSED {
					t.Fatal(syscall.Errno(errno))
				}
				must(t, w.Deregister(c.fd))
			}
		}},
		{"accept_is_readable", func(t *testing.T, w *watcher) {
			l, nl := listen(t)
			w.register(l, 1, Readable, Edge)
			for range 3 {
				connectTo(t, nl)
				w.want(1, readyReadable)
				c, err := nl.Accept()
				must(t, err)
				c.Close()
				w.rearm(l, Readable)
				w.none()
			}
		}},
		{"reset_is_readable_and_read_fails", func(t *testing.T, w *watcher) {
			for _, mode := range []Mode{Level, Edge, OneShot} {
				a, b := pair(t)
				w.register(a, 1, Readable, mode)
				w.none()
				must(t, b.conn.(*net.TCPConn).SetLinger(0))
				b.close()
				w.want(1, readyReadable|readyError|readyReadClosed|readyWriteClosed)
				// Wine takes the error off the socket when it sees the reset, and
				// the read finds the end of the stream.
				n, errno := metalio.Recv(a.fd, make([]byte, 1), 0)
				if n > 0 || errno != 0 && errno != metalio.WSAECONNRESET {
					t.Fatal(n, errno)
				}
				if mode != Level {
					w.none()
				}
				must(t, w.Deregister(a.fd))
			}
		}},
		{"buffered_data_before_eof_is_readable", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			b.write("last words")
			b.close()
			if r := w.one(1); !r.IsReadable() {
				t.Fatal(r)
			}
			if got := a.drain(); got != "last words" {
				t.Fatal(got)
			}
		}},
		{"writable_again_after_buffer_drains", func(t *testing.T, w *watcher) {
			for _, mode := range []Mode{Level, Edge} {
				a, b := pair(t)
				sent := a.fill()
				w.register(a, 1, Writable, mode)
				w.none()
				for received := 0; received < sent; {
					received += len(b.drain())
				}
				w.want(1, readyWritable)
				must(t, w.Deregister(a.fd))
			}
		}},
		{"empty_datagram_is_readable", func(t *testing.T, w *watcher) {
			a, addr := udp(t)
			w.register(a, 1, Readable, Level)
			a.sendTo(addr, "")
			w.want(1, readyReadable)
			if n, errno := metalio.Recv(a.fd, make([]byte, 1), 0); n != 0 || errno != 0 {
				t.Fatal(n, errno)
			}
			w.none()
		}},
		{"connected_udp_ignores_third_parties", func(t *testing.T, w *watcher) {
			remote, remoteAddr := udp(t)
			third, _ := udp(t)
			a, addr := udp(t)
			must(t, windows.Connect(a.handle(), remoteAddr))
			w.register(a, 1, Readable, Level)
			third.sendTo(addr, "x")
			w.none()
			remote.sendTo(addr, "y")
			w.want(1, readyReadable)
		}},
		{"urgent_data_is_priority", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Priority, Level)
			w.none()
			if _, errno := metalio.Send(b.fd, []byte("!"), metalio.MSG_OOB); errno != 0 {
				t.Fatal(errno)
			}
			w.want(1, readyReadable|readyPriority)
			w.reregister(a, 1, Readable, Level)
			w.none() // priority is not part of readable
		}},
		{"16_MiB_both_ways_arrive_intact", func(t *testing.T, w *watcher) {
			size := 16 << 20
			if testing.Short() {
				size = 1 << 20
			}
			for _, mode := range []Mode{Level, Edge, OneShot} {
				bothWays(t, mode, size)
			}
		}},
		{"accept_storm", func(t *testing.T, w *watcher) { acceptStorm(t, w, 200) }},
		{"net_Conn_watched", func(t *testing.T, w *watcher) {
			// Package net reads from the socket that the Poll watches.
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			b.write("hello")
			w.want(1, readyReadable)
			buf := make([]byte, 16)
			n, err := a.conn.(*net.TCPConn).Read(buf)
			must(t, err)
			if string(buf[:n]) != "hello" {
				t.Fatal(buf[:n])
			}
			w.none()
		}},
		{"std_reads_and_poll_watches_at_once", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			w.none()
			read := make(chan string)
			go func() {
				buf := make([]byte, 16)
				n, _ := a.conn.(*net.TCPConn).Read(buf)
				read <- string(buf[:n])
			}()
			b.write("one")
			if got := <-read; got != "one" {
				t.Fatal(got)
			}
			// The Poll may have seen it or not.
			w.Wait(w.events[:], 20*time.Millisecond)
			w.none()
			b.write("two")
			w.want(1, readyReadable)
			if got := a.drain(); got != "two" {
				t.Fatal(got)
			}
			w.none()
		}},
		{"closed_net_Conn_is_refused", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			conn := a.conn.(*net.TCPConn)
			a.close()
			_, err := FDOf(conn)
			wantIs(t, err, net.ErrClosed)
		}},
	})
}

// awaited reads until n bytes have come.
func (p *peer) awaited(n int) string {
	p.t.Helper()
	var got string
	for deadline := time.Now().Add(10 * time.Second); len(got) < n; {
		got += p.drain()
		if time.Now().After(deadline) {
			p.t.Fatalf("%d of %d bytes", len(got), n)
		}
		runtime.Gosched()
	}
	return got
}

func (p *peer) option(name int) int32 {
	p.t.Helper()
	var value, size int32 = 0, 4
	mustErrno(p.t, metalio.Getsockopt(p.fd, metalio.SOL_SOCKET, name, unsafe.Pointer(&value), &size))
	return value
}

// connecting is a socket with a connection to port under way.
func connecting(t testing.TB, port int) *peer {
	t.Helper()
	p := rawSocket(t, windows.SOCK_STREAM)
	err := windows.Connect(p.handle(), &windows.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
	if err != nil && err != syscall.Errno(metalio.WSAEWOULDBLOCK) {
		t.Fatal(err)
	}
	return p
}

// transfer is one end of a connection that sends and receives the same bytes.
type transfer struct {
	*peer
	data     []byte
	sent     int
	received []byte
	poll     *Poll
}

// step reads and writes until both would block.
func (x *transfer) step(t *testing.T) {
	t.Helper()
	for x.sent < len(x.data) {
		n, errno := metalio.Send(x.fd, x.data[x.sent:min(x.sent+65536, len(x.data))], 0)
		if errno == metalio.WSAEWOULDBLOCK {
			must(t, x.poll.Rearm(x.fd, Writable))
			break
		}
		mustErrno(t, errno)
		x.sent += n
	}
	x.received = append(x.received, x.drain()...)
	must(t, x.poll.Rearm(x.fd, Readable))
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
	a, b := pair(t)
	data := make([]byte, size)
	rng := rand.NewChaCha8([32]byte{})
	rng.Read(data)
	ends := [...]*transfer{{peer: a, data: data, poll: w.Poll}, {peer: b, data: data, poll: w.Poll}}
	for i, x := range ends {
		w.register(x.peer, Token(i), x.interest(), mode)
	}
	for len(ends[0].received) < size || len(ends[1].received) < size {
		n, err := w.Wait(w.events[:], 10*time.Second)
		must(t, err)
		if n == 0 {
			t.Fatalf("%v: stuck at %d and %d of %d", mode, len(ends[0].received), len(ends[1].received), size)
		}
		for _, ev := range w.events[:n] {
			x := ends[ev.Token()]
			x.step(t)
			if mode != Edge {
				w.reregister(x.peer, ev.Token(), x.interest(), mode)
			}
		}
	}
	for _, x := range ends {
		if !bytes.Equal(x.received, data) {
			t.Fatalf("%v: received something else", mode)
		}
		must(t, w.Deregister(x.fd))
	}
}

// acceptStorm accepts connections as readiness says while they pour in.
func acceptStorm(t *testing.T, w *watcher, connections int) {
	t.Helper()
	l, nl := listen(t)
	w.register(l, 1, Readable, Level)
	failed := make(chan error, 1)
	go func() {
		for range connections {
			c, err := net.Dial("tcp", nl.Addr().String())
			if err != nil {
				failed <- err
				return
			}
			c.Close()
		}
		failed <- nil
	}()
	for range connections {
		w.one(1)
		c, errno := metalio.Accept(l.fd, nil, nil)
		mustErrno(t, errno)
		mustErrno(t, metalio.Closesocket(c))
	}
	must(t, <-failed)
	w.none()
}

func TestAFDMechanism(t *testing.T) {
	runBehaviours(t, []behaviour{
		{"one_poll_in_flight_for_each_socket", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			w.register(a, 1, Readable, Level)
			w.none()
			for i := range 50 {
				mode := Mode(i % 3)
				w.reregister(a, Token(i), Readable|Interest(i%2)*Priority, mode)
				if i%7 == 0 {
					must(t, w.Deregister(a.fd))
					w.register(a, Token(i), Readable, mode)
				}
				w.Wait(w.events[:], 0)
				if n := w.sel.inFlight; n > 1 {
					t.Fatalf("round %d: %d polls in flight", i, n)
				}
			}
		}},
		{"interest_change_while_pending_cancels_and_resubmits", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			w.register(a, 1, Readable, Level)
			w.none()
			if _, r := w.slot(a); r.state != pollPending || r.isDone() {
				t.Fatalf("state %d", r.state)
			}
			w.reregister(a, 2, Readable|Writable, Level)
			w.want(2, readyWritable)

			// The same while another goroutine waits.
			w.reregister(a, 3, Readable, Level)
			w.none()
			done := make(chan error, 1)
			go func() {
				waitForWaiter(w.Poll)
				done <- w.Reregister(a.fd, 4, Readable|Writable, Level)
			}()
			w.want(4, readyWritable)
			must(t, <-done)

			// Less interest needs no cancellation.
			w.reregister(a, 5, Readable|Priority, Level)
			w.none()
			_, r := w.slot(a)
			w.reregister(a, 6, Readable, Level)
			w.none()
			if r.state != pollPending || r.asked != Readable|Priority|hangup {
				t.Fatalf("state %d, asked for %v", r.state, r.asked)
			}
		}},
		{"local_close_after_socket_reuse", func(t *testing.T, w *watcher) {
			reused := 0
			for i := range Token(300) {
				a, b := pair(t)
				w.register(a, 2*i, Readable, Level)
				w.Wait(w.events[:], 0)
				a.close() // without Deregister; its packet is in the port
				c, d := pair(t)
				if c.fd == a.fd || d.fd == a.fd {
					reused++
					if d.fd == a.fd {
						c, d = d, c
					}
				}
				w.register(c, 2*i+1, Readable, Level)
				d.write("x")
				w.want(2*i+1, readyReadable)
				must(t, w.Deregister(c.fd))
				b.close()
				c.close()
				d.close()
			}
			if reused == 0 {
				t.Skip("this system used no socket number again")
			}
			t.Logf("%d of 300 numbers were used again", reused)
		}},
		{"local_close_then_reuse_in_another_poll", func(t *testing.T, w *watcher) {
			other := newWatcher(t)
			reused := 0
			for range 50 {
				a, _ := pair(t)
				w.register(a, 1, Readable, Level)
				w.Wait(w.events[:], 0)
				a.close()
				c, d := pair(t)
				if d.fd == a.fd {
					c, d = d, c
				}
				if c.fd == a.fd {
					reused++
				}
				other.register(c, 2, Readable, Level)
				d.write("x")
				other.want(2, readyReadable)
				must(t, other.Deregister(c.fd))
				w.Wait(w.events[:], 0)
				c.close()
				d.close()
			}
			if reused == 0 {
				t.Skip("this system used no socket number again")
			}
		}},
		{"deregister_and_register_before_the_cancelled_packet_comes", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			w.none()
			slot, _ := w.slot(a)
			b.write("x")
			must(t, w.Deregister(a.fd))
			w.register(a, 2, Writable, Level)
			if again, r := w.slot(a); again != slot || r.state != pollCancelled {
				t.Fatalf("slot %d and %d, state %d", slot, again, r.state)
			}
			w.want(2, readyWritable)
		}},
		{"slab_memory_not_moved_or_freed_while_kernel_owns_it", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			w.none()
			_, r := w.slot(a)
			for len(w.sel.slab.chunks) < 4 {
				mustErrno(t, w.sel.grow())
			}
			for range 5 {
				runtime.GC()
			}
			if _, again := w.slot(a); again != r || uintptr(unsafe.Pointer(r))%64 != 0 {
				t.Fatalf("the record moved from %p to %p", r, again)
			}
			must(t, w.Deregister(a.fd))
			if slices.Contains(w.sel.slab.free, 0) {
				t.Fatal("the record was freed before its packet came")
			}
			w.none()
			if !slices.Contains(w.sel.slab.free, 0) || w.sel.inFlight != 0 {
				t.Fatal("the record was not freed when its packet came")
			}
			b.write("x")
			w.none()
		}},
		{"stale_word_finds_nothing", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			w.register(a, 1, Readable, Level)
			slot, _ := w.slot(a)
			word := w.sel.slab.word(slot)
			must(t, w.Deregister(a.fd)) // no poll was started, so it is free at once
			w.register(a, 2, Readable, Level)
			for _, stale := range []uintptr{word, 0, 1 << 20, ^uintptr(0)} {
				mustErrno(t, metalio.PostQueuedCompletionStatus(w.sel.port, 0, keyPoll, stale))
			}
			mustErrno(t, metalio.PostQueuedCompletionStatus(w.sel.port, 0, keyWakeup, 99))
			w.none()
			if again, r := w.slot(a); again != slot || r.state != pollPending {
				t.Fatalf("slot %d and %d, state %d", slot, again, r.state)
			}
		}},
		{"port_close_with_pending_polls", func(t *testing.T, w *watcher) {
			for range 20 {
				p := newWatcher(t)
				for i := range Token(40) { // more than one helper has
					a, _ := pair(t)
					p.register(a, i, Readable, Level)
					defer a.close()
				}
				p.Wait(p.events[:], 0)
				if p.sel.inFlight != 40 || p.sel.helpers[1] == 0 {
					t.Fatal(p.sel.inFlight)
				}
				must(t, p.Close())
				if p.sel.inFlight != 0 || p.sel.slab.chunks != nil {
					t.Fatalf("%d polls were left to the kernel", p.sel.inFlight)
				}
			}
		}},
		{"base_socket_of_a_layered_provider", layeredProviders},
		{"edge_rearm_after_would_block_only_in_the_blocked_direction", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable|Writable, Edge)
			b.write("x")
			if r := w.one(1); r.IsReadable() {
				w.none()
			} else {
				w.want(1, readyReadable)
			}
			a.drain()
			w.rearm(a, Readable)
			w.none() // it is writable, but no write has blocked
			w.rearm(a, Writable)
			w.want(1, readyWritable)
			w.rearm(a, Priority) // not in the interest
			w.none()
			b.write("y")
			w.want(1, readyReadable)
		}},
		{"rearm_while_waiting", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Edge)
			b.write("x")
			w.one(1)
			w.none()
			done := make(chan error, 1)
			go func() {
				waitForWaiter(w.Poll)
				done <- w.Rearm(a.fd, Readable) // cancels the poll for hang-ups
			}()
			w.want(1, readyReadable)
			must(t, <-done)
		}},
		{"udp_message_too_long", func(t *testing.T, w *watcher) {
			a, addr := udp(t)
			w.register(a, 1, Readable, Edge)
			a.sendTo(addr, "too long")
			w.want(1, readyReadable)
			if _, errno := metalio.Recvfrom(a.fd, make([]byte, 3), 0, nil, nil); errno != metalio.WSAEMSGSIZE {
				t.Fatal(errno)
			}
			w.rearm(a, Readable)
			w.none()
		}},
		{"udp_port_unreachable", func(t *testing.T, w *watcher) {
			gone, addr := udp(t)
			gone.close()
			a, _ := udp(t)
			must(t, windows.Connect(a.handle(), addr))
			w.register(a, 1, Readable, Level)
			a.write("x")
			// The ICMP message may be reported or not. If it is, a read fetches
			// it, and the socket is as it was.
			if n, err := w.Wait(w.events[:], 200*time.Millisecond); n == 1 && err == nil {
				_, errno := metalio.Recv(a.fd, make([]byte, 1), 0)
				t.Log(w.events[0].Ready(), errno)
				if errno != metalio.WSAECONNRESET && errno != metalio.WSAECONNREFUSED {
					t.Fatal(errno)
				}
			} else if n != 0 || err != nil {
				t.Fatal(n, err)
			}
			w.none()
		}},
		{"1_000_sockets", func(t *testing.T, w *watcher) {
			const sockets = 1050 // and more than one chunk of records
			var peers [sockets]*peer
			var addrs [sockets]windows.Sockaddr
			for i := range peers {
				peers[i], addrs[i] = udp(t)
				w.register(peers[i], Token(i), Readable, Level)
			}
			w.none()
			if len(w.sel.slab.chunks) != 2 {
				t.Fatal(len(w.sel.slab.chunks))
			}
			for _, i := range []int{0, 1, 31, 32, 511, 1023, 1024, sockets - 1} {
				peers[i].sendTo(addrs[i], "x")
				w.want(Token(i), readyReadable)
				peers[i].drain1()
			}
			w.none()
		}},
	})
}

// drain1 takes one datagram.
func (p *peer) drain1() {
	p.t.Helper()
	_, errno := metalio.Recv(p.fd, make([]byte, 16), 0)
	mustErrno(p.t, errno)
}

// layeredProviders asks providers that answer as those did that are known to
// break pollers.
func layeredProviders(t *testing.T, _ *watcher) {
	const refused = syscall.Errno(metalio.WSAEOPNOTSUPP)
	type answers map[uint32]uintptr
	for _, c := range []struct {
		name    string
		sockets map[uintptr]answers
		base    uintptr
		errno   syscall.Errno
	}{
		{"none", map[uintptr]answers{8: {metalio.SIO_BASE_HANDLE: 8}}, 8, 0},
		{"well behaved", map[uintptr]answers{8: {metalio.SIO_BASE_HANDLE: 4}}, 4, 0},
		{"catches the base, tells the next", map[uintptr]answers{
			8: {metalio.SIO_BSP_HANDLE_POLL: 4},
			4: {metalio.SIO_BASE_HANDLE: 4},
		}, 4, 0},
		{"two of that kind", map[uintptr]answers{
			12: {metalio.SIO_BSP_HANDLE_SELECT: 8},
			8:  {metalio.SIO_BSP_HANDLE: 4},
			4:  {metalio.SIO_BASE_HANDLE: 4},
		}, 4, 0},
		{"names itself", map[uintptr]answers{8: {
			metalio.SIO_BSP_HANDLE_SELECT: 8, metalio.SIO_BSP_HANDLE_POLL: 8, metalio.SIO_BSP_HANDLE: 8,
		}}, 0, refused},
		{"ring", map[uintptr]answers{
			8: {metalio.SIO_BSP_HANDLE_POLL: 4},
			4: {metalio.SIO_BSP_HANDLE_POLL: 8},
		}, 0, metalio.WSAEINVAL},
		{"tells nothing", map[uintptr]answers{8: {}}, 0, refused},
		{"no socket", nil, 0, metalio.WSAENOTSOCK},
	} {
		first := uintptr(8)
		if _, ok := c.sockets[12]; ok {
			first = 12
		}
		base, errno := baseSocket(first, func(socket uintptr, request uint32) (uintptr, syscall.Errno) {
			provider, ok := c.sockets[socket]
			if !ok {
				return 0, metalio.WSAENOTSOCK
			}
			if answer, ok := provider[request]; ok {
				return answer, 0
			}
			return 0, refused
		})
		if base != c.base || errno != c.errno {
			t.Errorf("%s: %d, %v; want %d, %v", c.name, base, errno, c.base, c.errno)
		}
	}
}

func TestSocketTableAgainstMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var table socketTable[int]
	model := map[uintptr]int{}
	for i := range 50_000 {
		socket := uintptr(4 * rng.IntN(200))
		if rng.IntN(2) == 0 {
			table.remove(socket)
			delete(model, socket)
		} else if _, ok := model[socket]; !ok {
			table.put(socket, i)
			model[socket] = i
		}
		probe := uintptr(4 * rng.IntN(200))
		got, ok := table.get(probe)
		if want, has := model[probe]; ok != has || ok && got != want || table.count != len(model) {
			t.Fatalf("round %d: %d: %d %v, want %d %v", i, probe, got, ok, want, has)
		}
	}
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
			if _, errno := metalio.Recv(a.fd, in, 0); errno != 0 {
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
			must(t, w.Deregister(a.fd))
		}},
		{"edge event and re-arm", func() {
			w.register(a, 1, Readable, Edge)
			for range 4 {
				metalio.Send(b.fd, one, 0)
				ready()
				receive()
				w.rearm(a, Readable)
				w.Wait(w.events[:], 0)
			}
			must(t, w.Deregister(a.fd))
		}},
		{"one-shot event and re-registration", func() {
			w.register(a, 1, Writable, OneShot)
			ready()
			w.reregister(a, 2, Writable, OneShot)
			ready()
			must(t, w.Deregister(a.fd))
		}},
		{"cancelled poll", func() {
			w.register(a, 1, Readable, Level)
			w.Wait(w.events[:], 0)
			must(t, w.Deregister(a.fd))
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
