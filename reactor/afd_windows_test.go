package reactor

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/metalio/metalio"
	"github.com/metalio/metalio/internal/behaviours"
)

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
					w.deregister(a)
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
				waitForPort(w.Poll)
				done <- w.Reregister(a, 4, Readable|Writable, Level)
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
				closeFD(t, a) // without Deregister; its packet is in the port
				c, d := pair(t)
				if c == a || d == a {
					reused++
					if d == a {
						c, d = d, c
					}
				}
				w.register(c, 2*i+1, Readable, Level)
				write(t, d, "x")
				w.want(2*i+1, readyReadable)
				w.deregister(c)
				closeFD(t, b)
				closeFD(t, c)
				closeFD(t, d)
			}
			t.Logf("%d of 300 numbers were used again", reused)
		}},
		{"number_used_again_is_as_registered_as_any", func(t *testing.T, w *watcher) {
			reused := 0
			for range 50 {
				a, _ := pair(t)
				w.register(a, 1, Readable, Level)
				w.Wait(w.events[:], 0)
				closeFD(t, a) // without Deregister; its packet is in the port
				c, d := pair(t)
				if d == a {
					c, d = d, c
				}
				if c == a {
					reused++
				}
				w.register(c, 2, Readable, Level)
				wantIs(t, w.Register(c, 3, Readable, Level), syscall.EEXIST)
				w.reregister(c, 4, Readable, Level)
				write(t, d, "x")
				w.want(4, readyReadable)
				w.deregister(c)
				w.register(c, 5, Readable, Level)
				w.deregister(c) // before a Wait has taken any packet
				closeFD(t, c)
				closeFD(t, d)
			}
			t.Logf("%d of 50 numbers were used again", reused)
		}},
		{"local_close_then_reuse_in_another_poll", func(t *testing.T, w *watcher) {
			other := newWatcher(t)
			reused := 0
			for range 50 {
				a, _ := pair(t)
				w.register(a, 1, Readable, Level)
				w.Wait(w.events[:], 0)
				closeFD(t, a)
				c, d := pair(t)
				if d == a {
					c, d = d, c
				}
				if c == a {
					reused++
				}
				other.register(c, 2, Readable, Level)
				write(t, d, "x")
				other.want(2, readyReadable)
				must(t, other.Deregister(c))
				w.Wait(w.events[:], 0)
				closeFD(t, c)
				closeFD(t, d)
			}
			t.Logf("%d of 50 numbers were used again", reused)
		}},
		{"deregister_and_register_before_the_cancelled_packet_comes", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			w.none()
			slot, _ := w.slot(a)
			write(t, b, "x")
			w.deregister(a)
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
			w.deregister(a)
			if slices.Contains(w.sel.slab.free, 0) {
				t.Fatal("the record was freed before its packet came")
			}
			w.none()
			if !slices.Contains(w.sel.slab.free, 0) || w.sel.inFlight != 0 {
				t.Fatal("the record was not freed when its packet came")
			}
			write(t, b, "x")
			w.none()
		}},
		{"second_poll_on_one_socket_is_refused", func(t *testing.T, w *watcher) {
			w2 := newWatcher(t)
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			wantIs(t, w2.Register(a, 2, Readable, Level), syscall.EBUSY)
			write(t, b, "x")
			w.one(1)
			w.deregister(a)
			w2.register(a, 2, Readable, Level)
			w2.one(2)
			wantIs(t, w.Register(a, 1, Readable, Level), syscall.EBUSY)
			must(t, w2.Close())
			w.register(a, 1, Readable, Level)
			w.one(1)
		}},
		{"packets_without_events_keep_the_remaining_time", func(t *testing.T, w *watcher) {
			const timeout = 100 * time.Millisecond
			whileWaiting(t, w.Poll, func() error {
				for range 50 { // of a record that is not there
					if errno := metalio.PostQueuedCompletionStatus(w.sel.port, 0, keyPoll, 1<<20); errno != 0 {
						return errno
					}
				}
				return nil
			})
			start := time.Now()
			n, err := w.Wait(w.events[:], timeout)
			if d := time.Since(start); n != 0 || err != nil || d < timeout {
				t.Fatal(n, err, d)
			}
		}},
		{"stale_word_finds_nothing", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			w.register(a, 1, Readable, Level)
			slot, _ := w.slot(a)
			word := w.sel.slab.word(slot)
			w.deregister(a) // no poll was started, so it is free at once
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
					defer closeFD(t, a)
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
		{"1_000_sockets", func(t *testing.T, w *watcher) {
			// A few more than the table says fill more than one chunk of records.
			fds := make([]FD, max(behaviours.Budget(t, "1_000_sockets"), chunkRecords+1))
			ports := make([]int, len(fds))
			for i := range fds {
				fds[i], ports[i] = udp(t)
				w.register(fds[i], Token(i), Readable, Level)
			}
			w.none()
			if len(w.sel.slab.chunks) != 2 {
				t.Fatal(len(w.sel.slab.chunks))
			}
			for i, fd := range fds {
				sendTo(t, fd, ports[i], "x")
				w.want(Token(i), readyReadable)
				if got := drain(t, fd); got != "x" {
					t.Fatal(got)
				}
			}
			w.none()
		}},
	})
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

func TestPortTimeout(t *testing.T) {
	for _, c := range []struct {
		d  time.Duration
		ms uint32
	}{
		{-1, metalio.INFINITE},
		{0, 0},
		{1, 1},
		{time.Millisecond, 1},
		{time.Millisecond + 1, 2},
		{50 * 24 * time.Hour, metalio.INFINITE - 1},
		{1<<63 - 1, metalio.INFINITE - 1},
	} {
		if got := portTimeout(c.d); got != c.ms {
			t.Errorf("portTimeout(%v) = %d, want %d", c.d, got, c.ms)
		}
	}
}
