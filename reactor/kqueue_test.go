//go:build unix && (!linux || kqueue_sim)

package reactor

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/metalio/metalio"
)

// refusedWithoutReader is what Register promises of a pipe that nobody reads
// where no user event can stand in for the write filter.
func refusedWithoutReader(t *testing.T, w *watcher) {
	t.Helper()
	r, wr := pipe(t)
	closeFD(t, r)
	wantIs(t, w.Register(FD(wr), 1, Writable, Level), syscall.EPIPE)
	wantIs(t, w.Register(FD(wr), 1, Readable|Writable, OneShot), syscall.EPIPE)
	wantIs(t, w.Deregister(FD(wr)), syscall.ENOENT)
	w.none()
}

// TestKqueue holds the backend to what is peculiar to kqueue. With the tag
// kqueue_sim it runs on Linux against a simulated one.
func TestKqueue(t *testing.T) {
	runBehaviours(t, []behaviour{
		{"only_wanted_filters_added", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			w.register(a, 1, Readable, Level)
			wantKnotes(t, w, a, Readable)
			w.reregister(a, 1, Writable, Level)
			wantKnotes(t, w, a, Writable)
			w.reregister(a, 1, Readable|Writable, Edge)
			wantKnotes(t, w, a, Readable|Writable)
			w.deregister(a)
			wantKnotes(t, w, a, 0)
		}},
		{"ENOENT_on_delete_ignored", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			w.register(a, 1, Writable, OneShot)
			w.one(1)
			wantKnotes(t, w, a, 0)
			w.deregister(a)
			w.register(a, 1, Writable, OneShot)
			w.one(1)
			w.reregister(a, 1, Readable, Level)
			wantKnotes(t, w, a, Readable)
		}},
		{"EPIPE_on_register_ignored", func(t *testing.T, w *watcher) {
			if !metalio.HasUserEvents {
				refusedWithoutReader(t, w)
				return
			}
			for _, mode := range []Mode{Level, Edge, OneShot} {
				r, wr := pipe(t)
				closeFD(t, r)
				w.register(wr, 1, Writable, mode)
				w.expect(seen{1, readyWritable | readyWriteClosed})
				if mode == Level {
					w.expect(seen{1, readyWritable | readyWriteClosed})
				}
				if mode == OneShot {
					w.none()
				}
				w.reregister(wr, 2, Writable, mode)
				w.expect(seen{2, readyWritable | readyWriteClosed})
				w.deregister(wr)
				w.none()
			}
		}},
		{"reader_that_closes_ends_no_registration", func(t *testing.T, w *watcher) {
			for _, mode := range []Mode{Level, Edge} {
				r, wr := pipe(t)
				w.register(wr, 1, Writable, mode)
				w.want(1, readyWritable)
				closeFD(t, r)
				w.want(1, readyWritable|readyWriteClosed)
				wantIs(t, w.Register(wr, 2, Writable, mode), syscall.EEXIST)
				if mode == Level {
					w.want(1, readyWritable|readyWriteClosed)
				}
				if !metalio.HasUserEvents {
					w.deregister(wr)
					continue
				}
				w.reregister(wr, 2, Writable, mode)
				w.expect(seen{2, readyWritable | readyWriteClosed})
				if mode == Level {
					w.expect(seen{2, readyWritable | readyWriteClosed})
				}
				w.deregister(wr)
				w.none()
			}
		}},
		{"closed_pipe_that_nobody_reads_is_silent", func(t *testing.T, w *watcher) {
			r, wr := pipe(t)
			w.register(wr, 1, Writable, Level)
			closeFD(t, r)
			w.want(1, readyWritable|readyWriteClosed)
			closeFD(t, wr) // without Deregister
			start := time.Now()
			w.none()
			if d := time.Since(start); d < 50*time.Millisecond {
				t.Fatalf("no event after %v", d)
			}
		}},
		{"EPIPE_beside_another_interest", func(t *testing.T, w *watcher) {
			if !metalio.HasUserEvents {
				refusedWithoutReader(t, w)
				return
			}
			r, wr := pipe(t)
			closeFD(t, r)
			w.register(wr, 1, Readable|Writable, OneShot)
			w.expect(seen{1, readyWritable | readyWriteClosed})
			w.none()
			w.reregister(wr, 1, Readable, Level)
			w.reregister(wr, 1, Writable, Level)
			w.expect(seen{1, readyWritable | readyWriteClosed})
			w.deregister(wr)
			w.none()
		}},
		{"receipt_errors_reported_for_the_right_fd", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Writable, OneShot) // pending, and must not be lost
			if errno := w.sel.change(b, Readable|Writable, metalio.EV_DELETE, 0); errno != syscall.ENOENT {
				t.Fatal(errno)
			}
			closeFD(t, b)
			for _, flags := range []int{metalio.EV_ADD, metalio.EV_DELETE} {
				if errno := w.sel.change(b, Readable|Writable, flags, 0); errno != syscall.EBADF {
					t.Fatal(errno)
				}
			}
			w.one(1)
		}},
		{"user_event_set_up_once", func(t *testing.T, w *watcher) {
			waker, err := w.NewWaker(5)
			must(t, err)
			other, err := w.NewWaker(6)
			must(t, err)
			for range 3 {
				must(t, waker.Wake())
				must(t, waker.Wake())
				if r := w.one(5); r != readyReadable {
					t.Fatal(r)
				}
				w.none()
			}
			must(t, other.Wake())
			w.one(6)
			must(t, waker.Close())
			if !metalio.HasUserEvents {
				return
			}
			if errno := waker.wakeup.wake(); errno != syscall.ENOENT {
				t.Fatal(errno) // a wake must not set the event up again
			}
		}},
		{"eof_on_write_filter_after_own_shutdown", func(t *testing.T, w *watcher) {
			a, _ := tcpPair(t)
			w.register(a, 1, Writable, Level)
			shutdownWrite(t, a)
			r := w.one(1)
			if !r.IsWritable() || !r.IsWriteClosed() || r.IsReadClosed() || r.IsError() {
				t.Fatal(r)
			}
		}},
		{"read_and_write_filters_give_two_events", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			write(t, b, "x")
			for _, mode := range []Mode{Level, Edge} {
				w.register(a, 1, Readable|Writable, mode)
				n, err := w.Wait(w.events[:], time.Second)
				must(t, err)
				if n != 2 || w.events[0].Ready()|w.events[1].Ready() != readyReadable|readyWritable {
					t.Fatal(n, w.events[0].Ready(), w.events[1].Ready())
				}
				w.deregister(a)
			}
		}},
		{"refused_change_does_not_starve", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			gone, _ := pair(t)
			closeFD(t, gone)
			w.register(a, 1, Writable, Level)
			for range 10 {
				wantIs(t, w.Register(gone, 2, Readable, Level), syscall.EBADF)
				wantIs(t, w.Register(a, 2, Readable, Level), syscall.EEXIST)
				w.one(1)
			}
		}},
		{"oneshot_over_two_filters_is_one_event", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			write(t, b, "x")
			w.register(a, 1, Readable|Writable, OneShot)
			if r := w.one(1); r != readyReadable|readyWritable {
				t.Fatal(r)
			}
			wantKnotes(t, w, a, 0)
			w.none()
			w.reregister(a, 2, Readable|Writable, OneShot)
			if r := w.one(2); r != readyReadable|readyWritable {
				t.Fatal(r)
			}
		}},
		{"oneshot_silences_the_other_filter", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable|Writable, OneShot)
			if r := w.one(1); r != readyWritable {
				t.Fatal(r)
			}
			write(t, b, "x")
			w.none()
			w.reregister(a, 2, Readable, OneShot)
			if r := w.one(2); r != readyReadable {
				t.Fatal(r)
			}
		}},
		{"oneshot_cut_by_the_capacity", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			write(t, b, "x")
			w.register(a, 1, Readable|Writable, OneShot)
			for range 2 {
				n, err := w.Wait(w.events[:1], time.Second)
				must(t, err)
				if n != 1 {
					t.Fatal(n)
				}
				w.none()
				w.reregister(a, 1, Readable|Writable, OneShot)
			}
		}},
		{"stale_oneshot_does_not_silence_its_successor", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			write(t, b, "x")
			w.register(a, 1, Readable|Writable, OneShot)
			// As if Reregister had come between the kernel's delivery and settle.
			records := kernelRecords(w.events[:])
			n, errno := metalio.RawKevent(w.sel.kq, nil, records, &metalio.Timespec{})
			if n != 2 || errno != 0 {
				t.Fatal(n, errno)
			}
			w.reregister(a, 2, Readable|Writable, OneShot)
			if n := w.sel.settle(w.events[:n]); n != 2 || w.events[0].Token() != 1 || w.events[1].Token() != 1 {
				t.Fatal(n, w.events[0].Token())
			}
			if r := w.one(2); r != readyReadable|readyWritable {
				t.Fatal(r)
			}
		}},
		{"a_number_used_again_without_deregister", func(t *testing.T, w *watcher) {
			for _, mode := range []Mode{Level, Edge, OneShot} {
				a, _ := pair(t)
				w.register(a, 1, Readable, mode)
				closeFD(t, a)
				b, c := pair(t)
				if b != a {
					t.Fatal("the number was not given out again")
				}
				w.register(b, 2, Readable, mode)
				wantIs(t, w.Register(b, 3, Readable, mode), syscall.EEXIST)
				write(t, c, "x")
				w.one(2)
				w.deregister(b)
			}
		}},
		{"a_fired_oneshot_answers_for_its_number_until_deregister", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			w.register(a, 1, Writable, OneShot)
			w.one(1)
			closeFD(t, a)
			b, _ := pair(t)
			if b != a {
				t.Fatal("the number was not given out again")
			}
			wantIs(t, w.Register(b, 2, Writable, OneShot), syscall.EEXIST)
			w.deregister(b)
			w.register(b, 2, Writable, OneShot)
			w.one(2)
		}},
		{"reregister_changes_the_mode", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			write(t, b, "x")
			w.register(a, 0, Readable, OneShot)
			w.one(0)
			token := Token(0)
			for range 3 {
				for _, mode := range []Mode{Level, Edge, OneShot, Edge, Level} {
					token++
					w.reregister(a, token, Readable, mode)
					w.one(token)
					if mode == Level {
						w.one(token)
					} else {
						w.none()
					}
				}
			}
		}},
		{"a_failed_reregister_leaves_the_old_registration", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			const unknown = Readable | Writable | Priority
			if hasPriority {
				must(t, w.Reregister(a, 1, unknown, Level))
				return
			}
			wantIs(t, w.Reregister(a, 2, unknown, Edge), errors.ErrUnsupported)
			wantIs(t, w.Register(b, 2, Priority, Edge), errors.ErrUnsupported)
			write(t, b, "x")
			w.one(1)
		}},
		{"ordinary_data_is_no_priority", func(t *testing.T, w *watcher) {
			if !hasPriority {
				t.Skip("no events for priority")
			}
			const urgent = readyReadable | readyPriority
			for _, mode := range []Mode{Level, Edge, OneShot} {
				for _, interest := range []Interest{Priority, Priority | Writable} {
					a, b := tcpPair(t)
					fill(t, a) // so that it is not writable
					w.register(a, 1, interest, mode)
					write(t, b, "ordinary")
					w.none()
					// No wait will go round for the data that nobody reads.
					n, errno := metalio.RawKevent(w.sel.kq, nil, kernelRecords(w.events[:]), &metalio.Timespec{})
					if n != 0 || errno != 0 {
						t.Fatal(mode, n, errno)
					}
					sendUrgent(t, b, '!')
					w.want(1, urgent)
					if mode == Level {
						w.want(1, urgent)
					} else {
						w.none()
					}
					w.reregister(a, 2, interest, mode)
					w.want(2, urgent)
					w.deregister(a)
					write(t, b, "more")
					w.none()
					closeFD(t, a)
				}
			}
		}},
		{"poll_is_close_on_exec", func(t *testing.T, w *watcher) {
			flags, errno := metalio.RawFcntl(w.sel.kq, metalio.F_GETFD, 0)
			if errno != 0 || flags&metalio.FD_CLOEXEC == 0 {
				t.Fatal(flags, errno)
			}
		}},
	})
}

// wantKnotes asks the kernel which of fd's knotes it has.
func wantKnotes(t *testing.T, w *watcher, fd FD, want Interest) {
	t.Helper()
	for _, d := range []Interest{Readable, Writable} {
		errno := w.sel.change(fd, d, metalio.EV_ENABLE, 1)
		if (errno == 0) != (want&d != 0) || errno != 0 && errno != syscall.ENOENT {
			t.Fatalf("%v: %v, want the knotes of %v", d, errno, want)
		}
	}
}

func TestKqueueRefusal(t *testing.T) {
	receipt := func(flags int, errno syscall.Errno) (r metalio.KeventT) {
		set(&r.Flags, flags)
		set(&r.Data, errno)
		return r
	}
	for _, c := range []struct {
		name     string
		receipts []metalio.KeventT
		want     syscall.Errno
	}{
		{"none", nil, 0},
		{"success", []metalio.KeventT{receipt(metalio.EV_ERROR, 0)}, 0},
		{"success_without_EV_ERROR", []metalio.KeventT{receipt(metalio.EV_ADD, 17)}, 0},
		{"mild", []metalio.KeventT{receipt(metalio.EV_ERROR, syscall.EPIPE), receipt(metalio.EV_ERROR, 0)}, syscall.EPIPE},
		{"worse_after_mild", []metalio.KeventT{receipt(metalio.EV_ERROR, syscall.ENOENT), receipt(metalio.EV_ERROR, syscall.EBADF)}, syscall.EBADF},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := refusal(c.receipts); got != c.want {
				t.Fatal(got)
			}
		})
	}
}

func TestZeroAllocsKqueue(t *testing.T) {
	w := newWatcher(t)
	a, b := pair(t)
	write(t, b, "x")
	w.register(a, 1, Readable, Level)
	allocs := testing.AllocsPerRun(100, func() {
		for _, mode := range []Mode{Level, Edge, OneShot} {
			if w.Reregister(a, 1, Readable|Writable, mode) != nil {
				panic("reregister")
			}
			if n, err := w.Wait(w.events[:], time.Second); n == 0 || err != nil {
				panic(err)
			}
		}
		if w.Deregister(a) != nil || w.Register(a, 1, Readable, Level) != nil {
			panic("deregister, register")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}
