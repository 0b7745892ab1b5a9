//go:build linux && kqueue_sim && !kqueue_sim_pipes && !kqueue_sim_macos

package metalio_test

import (
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/metalio/metalio"
)

// TestKqueueSimulation holds the simulated kqueue to what FreeBSD's kqueue(2)
// says, quoted over each rule. It knows nothing of the code that uses it.
func TestKqueueSimulation(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, *simQueue)
	}{
		// "A kevent is identified by the (ident, filter) pair; there may only
		// be one unique kevent per kqueue." "Re-adding an existing event will
		// modify the parameters of the original event, and not result in a
		// duplicate entry."
		{"one_knote_for_each_ident_and_filter", func(t *testing.T, q *simQueue) {
			a, b := simPair(t)
			q.ok(knote(a, metalio.EVFILT_WRITE, metalio.EV_ADD, 1))
			q.ok(knote(a, metalio.EVFILT_WRITE, metalio.EV_ADD, 2))
			if ev := q.one(); ev.Udata != 2 || ev.Filter != metalio.EVFILT_WRITE {
				t.Fatalf("%+v", ev)
			}
			q.ok(knote(a, metalio.EVFILT_READ, metalio.EV_ADD, 3))
			simWrite(t, b, "x")
			if got := q.udata(); !slices.Equal(got, []uint64{2, 3}) {
				t.Fatal(got)
			}
		}},
		// "The filter is executed upon the initial registration of a kevent in
		// order to detect whether a preexisting condition is present".
		{"a_condition_from_before_is_reported", func(t *testing.T, q *simQueue) {
			a, b := simPair(t)
			simWrite(t, b, "x")
			for _, flags := range []int{0, metalio.EV_CLEAR, metalio.EV_ONESHOT, metalio.EV_DISPATCH} {
				q.ok(knote(a, metalio.EVFILT_READ, metalio.EV_ADD|flags, 1))
				q.one()
				if flags != metalio.EV_ONESHOT {
					q.ok(knote(a, metalio.EVFILT_READ, metalio.EV_DELETE, 1))
				}
			}
		}},
		// "The filter is also run when the user attempts to retrieve the
		// kevent. If the condition no longer holds, the kevent is removed from
		// the kqueue and is not returned."
		{"a_condition_that_has_passed_is_not_reported", func(t *testing.T, q *simQueue) {
			for _, flags := range []int{0, metalio.EV_CLEAR, metalio.EV_ONESHOT} {
				a, b := simPair(t)
				q.ok(knote(a, metalio.EVFILT_READ, metalio.EV_ADD|flags, 1))
				simWrite(t, b, "x")
				syscall.Read(a, make([]byte, 1))
				q.none()
			}
		}},
		// "Multiple events which trigger the filter do not result in multiple
		// kevents being placed on the kqueue"; "data contains the number of
		// bytes of protocol data available to read".
		{"events_are_aggregated_and_data_counts", func(t *testing.T, q *simQueue) {
			a, b := simPair(t)
			q.ok(knote(a, metalio.EVFILT_READ, metalio.EV_ADD|metalio.EV_CLEAR, 1))
			simWrite(t, b, "abc")
			simWrite(t, b, "de")
			if ev := q.one(); ev.Data != 5 {
				t.Fatalf("%+v", ev)
			}
		}},
		// Without EV_CLEAR the condition is reported for as long as it lasts.
		{"level_until_drained", func(t *testing.T, q *simQueue) {
			a, b := simPair(t)
			q.ok(knote(a, metalio.EVFILT_READ, metalio.EV_ADD, 1))
			simWrite(t, b, "x")
			q.one()
			q.one()
			syscall.Read(a, make([]byte, 1))
			q.none()
		}},
		// EV_CLEAR: "Reset the state of the event after it is retrieved".
		{"clear_reports_transitions", func(t *testing.T, q *simQueue) {
			a, b := simPair(t)
			q.ok(knote(a, metalio.EVFILT_READ, metalio.EV_ADD|metalio.EV_CLEAR, 1))
			simWrite(t, b, "x")
			q.one()
			q.none()
			simWrite(t, b, "y")
			if ev := q.one(); ev.Data != 2 {
				t.Fatalf("%+v", ev)
			}
			simWrite(t, a, "z") // of the other direction
			q.none()
		}},
		{"clear_reports_room_after_a_full_buffer", func(t *testing.T, q *simQueue) {
			a, b := simPair(t)
			q.ok(knote(a, metalio.EVFILT_WRITE, metalio.EV_ADD|metalio.EV_CLEAR, 1))
			if ev := q.one(); ev.Data <= 0 {
				t.Fatalf("%+v", ev)
			}
			buf := make([]byte, 65536)
			for {
				if _, err := syscall.Write(a, buf); err != nil {
					break
				}
			}
			q.none()
			for {
				if n, _ := syscall.Read(b, buf); n <= 0 {
					break
				}
			}
			q.one()
		}},
		// EV_ONESHOT: "After the user retrieves the event from the kqueue, it
		// is deleted." Only the filter that has fired.
		{"oneshot_deletes_its_own_filter", func(t *testing.T, q *simQueue) {
			a, b := simPair(t)
			q.ok(knote(a, metalio.EVFILT_READ, metalio.EV_ADD|metalio.EV_ONESHOT, 1))
			q.ok(knote(a, metalio.EVFILT_WRITE, metalio.EV_ADD|metalio.EV_ONESHOT, 2))
			if ev := q.one(); ev.Udata != 2 || ev.Flags&metalio.EV_ONESHOT == 0 {
				t.Fatalf("%+v", ev)
			}
			simWrite(t, b, "x")
			if ev := q.one(); ev.Udata != 1 {
				t.Fatalf("%+v", ev)
			}
			q.none()
			q.refused(knote(a, metalio.EVFILT_READ, metalio.EV_DELETE, 0), syscall.ENOENT)
		}},
		// EV_DISPATCH: "Disable the event source immediately after delivery of
		// an event." EV_ENABLE permits it to be returned again.
		{"dispatch_and_enable", func(t *testing.T, q *simQueue) {
			a, b := simPair(t)
			simWrite(t, b, "x")
			q.ok(knote(a, metalio.EVFILT_READ, metalio.EV_ADD|metalio.EV_DISPATCH, 1))
			q.one()
			q.none()
			q.ok(knote(a, metalio.EVFILT_READ, metalio.EV_ENABLE, 2))
			if ev := q.one(); ev.Udata != 2 {
				t.Fatalf("%+v", ev)
			}
		}},
		{"disable_keeps_the_event_back", func(t *testing.T, q *simQueue) {
			a, _ := simPair(t)
			q.ok(knote(a, metalio.EVFILT_WRITE, metalio.EV_ADD|metalio.EV_DISABLE, 1))
			q.none()
			q.ok(knote(a, metalio.EVFILT_WRITE, metalio.EV_ENABLE, 1))
			q.one()
			q.ok(knote(a, metalio.EVFILT_WRITE, metalio.EV_DISABLE, 1))
			q.none()
		}},
		// ENOENT: "The event could not be found to be modified or deleted."
		// EBADF: "The specified descriptor is invalid." EINVAL: "The specified
		// time limit or filter is invalid."
		{"errors_without_room", func(t *testing.T, q *simQueue) {
			a, _ := simPair(t)
			q.refused(knote(a, metalio.EVFILT_READ, metalio.EV_DELETE, 1), syscall.ENOENT)
			q.refused(knote(a, metalio.EVFILT_READ, metalio.EV_ENABLE, 1), syscall.ENOENT)
			q.refused(knote(7, metalio.EVFILT_USER, 0, 1), syscall.ENOENT)
			q.refused(knote(1<<20, metalio.EVFILT_READ, metalio.EV_ADD, 1), syscall.EBADF)
			q.refused(knote(a, metalio.EVFILT_TIMER, metalio.EV_ADD, 1), syscall.EINVAL)
			if _, errno := metalio.Kevent(q.kq, nil, q.events[:], &metalio.Timespec{Nsec: 1e9}); errno != syscall.EINVAL {
				t.Fatal(errno)
			}
		}},
		// "If an error occurs while processing an element of the changelist and
		// there is enough room in the eventlist, then the event will be placed
		// in the eventlist with EV_ERROR set in flags and the system error in
		// data." The changes after it are made.
		{"errors_with_room", func(t *testing.T, q *simQueue) {
			a, b := simPair(t)
			simWrite(t, a, "x")
			n, errno := metalio.Kevent(q.kq, []metalio.KeventT{
				knote(a, metalio.EVFILT_READ, metalio.EV_DELETE, 1),
				knote(b, metalio.EVFILT_READ, metalio.EV_ADD, 2),
			}, q.events[:], nil)
			ev := q.events[0]
			if n != 1 || errno != 0 || ev.Ident != uintptr(a) || ev.Flags != metalio.EV_ERROR || syscall.Errno(ev.Data) != syscall.ENOENT {
				t.Fatalf("%d %v %+v", n, errno, ev)
			}
			if ev := q.one(); ev.Udata != 2 {
				t.Fatalf("%+v", ev)
			}
		}},
		// EV_RECEIPT: "useful for making bulk changes without draining any
		// pending events"; "it forces EV_ERROR to always be returned. When a
		// filter is successfully added the data field will be zero."
		{"receipts_drain_nothing", func(t *testing.T, q *simQueue) {
			a, b := simPair(t)
			q.ok(knote(a, metalio.EVFILT_WRITE, metalio.EV_ADD|metalio.EV_ONESHOT, 1)) // pending
			n, errno := metalio.Kevent(q.kq, []metalio.KeventT{
				knote(b, metalio.EVFILT_READ, metalio.EV_ADD|metalio.EV_RECEIPT, 2),
				knote(b, metalio.EVFILT_WRITE, metalio.EV_DELETE|metalio.EV_RECEIPT, 3),
			}, q.events[:2], nil)
			if n != 2 || errno != 0 {
				t.Fatal(n, errno)
			}
			for i, want := range []syscall.Errno{0, syscall.ENOENT} {
				if ev := q.events[i]; ev.Flags != metalio.EV_ERROR || syscall.Errno(ev.Data) != want {
					t.Fatalf("%d: %+v", i, ev)
				}
			}
			q.one()
		}},
		// "If this flag is encountered and there is no remaining space in
		// eventlist, then subsequent changes will not get processed."
		{"receipts_without_room_stop", func(t *testing.T, q *simQueue) {
			a, _ := simPair(t)
			n, errno := metalio.Kevent(q.kq, []metalio.KeventT{
				knote(a, metalio.EVFILT_READ, metalio.EV_ADD|metalio.EV_RECEIPT, 1),
				knote(a, metalio.EVFILT_WRITE, metalio.EV_ADD|metalio.EV_RECEIPT, 2),
				knote(1, metalio.EVFILT_USER, metalio.EV_ADD, 3),
			}, q.events[:1], nil)
			if n != 1 || errno != 0 {
				t.Fatal(n, errno)
			}
			q.refused(knote(1, metalio.EVFILT_USER, metalio.EV_DELETE, 3), syscall.ENOENT)
		}},
		// "If the read direction of the socket has shutdown, then the filter
		// also sets EV_EOF"; "it is possible for EOF to be returned while there
		// is still data pending".
		{"eof_of_a_socket", func(t *testing.T, q *simQueue) {
			a, b := simPair(t)
			q.ok(knote(a, metalio.EVFILT_READ, metalio.EV_ADD, 1))
			q.ok(knote(b, metalio.EVFILT_WRITE, metalio.EV_ADD, 2))
			simWrite(t, b, "last")
			syscall.Shutdown(b, syscall.SHUT_WR)
			n := q.wait(&metalio.Timespec{})
			if n != 2 {
				t.Fatal(n)
			}
			for _, ev := range q.events[:n] {
				if ev.Flags&metalio.EV_EOF == 0 || ev.Fflags != 0 || ev.Udata == 1 && ev.Data != 4 {
					t.Fatalf("%+v", ev)
				}
			}
		}},
		// "When the last writer disconnects, the filter will set EV_EOF";
		// "[EVFILT_WRITE] will set EV_EOF when the reader disconnects".
		{"eof_of_a_pipe", func(t *testing.T, q *simQueue) {
			r, w := simPipe(t)
			q.ok(knote(r, metalio.EVFILT_READ, metalio.EV_ADD|metalio.EV_CLEAR, 1))
			q.none()
			syscall.Close(w)
			if ev := q.one(); ev.Flags&metalio.EV_EOF == 0 {
				t.Fatalf("%+v", ev)
			}
			r, w = simPipe(t)
			q.ok(knote(w, metalio.EVFILT_WRITE, metalio.EV_ADD, 2))
			if ev := q.one(); ev.Flags&metalio.EV_EOF != 0 || ev.Data < 4096 {
				t.Fatalf("%+v", ev)
			}
			syscall.Close(r)
			// "Make sure cleared knotes disappear soon", knlist_cleardel in
			// sys/kern/kern_event.c, which pipeclose calls.
			if ev := q.one(); ev.Flags&metalio.EV_EOF == 0 || ev.Flags&metalio.EV_ONESHOT == 0 {
				t.Fatalf("%+v", ev)
			}
			q.none()
			q.refused(knote(w, metalio.EVFILT_WRITE, metalio.EV_DELETE, 2), syscall.ENOENT)
			// sys/kern/sys_pipe.c, pipe_kqfilter.
			q.refused(knote(w, metalio.EVFILT_WRITE, metalio.EV_ADD, 2), syscall.EPIPE)
		}},
		// "Calling close on a file descriptor will remove any kevents that
		// reference the descriptor."
		{"close_removes_knotes", func(t *testing.T, q *simQueue) {
			a, b := simPair(t)
			q.ok(knote(a, metalio.EVFILT_READ, metalio.EV_ADD, 1))
			q.ok(knote(a, metalio.EVFILT_WRITE, metalio.EV_ADD, 1))
			simWrite(t, b, "x")
			dup, err := syscall.Dup(a)
			if err != nil {
				t.Fatal(err)
			}
			defer syscall.Close(dup)
			syscall.Close(a)
			q.none()
			c, d := simPair(t)
			if c != a && d != a {
				t.Fatal("the number was not given out again")
			}
			q.refused(knote(a, metalio.EVFILT_READ, metalio.EV_DELETE, 1), syscall.ENOENT)
			q.none()
		}},
		// EVFILT_USER: "NOTE_TRIGGER: Cause the event to be triggered"; the
		// other notes work on the lower 24 bits of fflags.
		{"user_event", func(t *testing.T, q *simQueue) {
			q.ok(knote(7, metalio.EVFILT_USER, metalio.EV_ADD|metalio.EV_CLEAR, 1))
			q.none()
			trigger := knote(7, metalio.EVFILT_USER, 0, 2)
			trigger.Fflags = metalio.NOTE_TRIGGER | metalio.NOTE_FFOR | 5
			q.ok(trigger)
			q.ok(trigger)
			if ev := q.one(); ev.Ident != 7 || ev.Udata != 2 || ev.Fflags != 5 {
				t.Fatalf("%+v", ev)
			}
			q.none()
		}},
		// EV_KEEPUDATA: "Preserve the udata associated with an existing event.
		// This flag may not be used with EV_ADD."
		{"keep_udata", func(t *testing.T, q *simQueue) {
			q.ok(knote(7, metalio.EVFILT_USER, metalio.EV_ADD, 1))
			trigger := knote(7, metalio.EVFILT_USER, metalio.EV_KEEPUDATA, 2)
			trigger.Fflags = metalio.NOTE_TRIGGER
			q.ok(trigger)
			if ev := q.one(); ev.Udata != 1 {
				t.Fatalf("%+v", ev)
			}
			q.one() // no EV_CLEAR: stays triggered
			q.refused(knote(7, metalio.EVFILT_USER, metalio.EV_ADD|metalio.EV_KEEPUDATA, 2), syscall.EINVAL)
		}},
		// "NOTE_EXIT: The process has exited."
		{"process_exit", func(t *testing.T, q *simQueue) {
			cmd := exec.Command("cat")
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			c := knote(cmd.Process.Pid, metalio.EVFILT_PROC, metalio.EV_ADD, 1)
			c.Fflags = metalio.NOTE_EXIT
			q.ok(c)
			q.none()
			in.Close()
			if n := q.wait(&metalio.Timespec{Sec: 10}); n != 1 || q.events[0].Fflags != metalio.NOTE_EXIT {
				t.Fatalf("%d %+v", n, q.events[0])
			}
			cmd.Wait()
			q.refused(c, syscall.ESRCH)
		}},
		// "If the time limit expires, then kevent returns 0." "When nevents is
		// zero, kevent will return immediately even if there is a timeout".
		{"timeout", func(t *testing.T, q *simQueue) {
			start := time.Now()
			if n := q.wait(&metalio.Timespec{Nsec: 3e6}); n != 0 || time.Since(start) < 3*time.Millisecond {
				t.Fatal(n, time.Since(start))
			}
			if n, errno := metalio.Kevent(q.kq, nil, nil, nil); n != 0 || errno != 0 {
				t.Fatal(n, errno)
			}
		}},
		// EINTR: "A signal was delivered before the timeout expired and before
		// any events were placed on the kqueue for return."
		{"signal", func(t *testing.T, q *simQueue) {
			signals := make(chan os.Signal, 100)
			signal.Notify(signals, syscall.SIGUSR1)
			defer signal.Stop(signals)
			stop := make(chan struct{})
			defer close(stop)
			go func() {
				for {
					select {
					case <-stop:
						return
					case <-time.After(2 * time.Millisecond):
						syscall.Kill(os.Getpid(), syscall.SIGUSR1)
					}
				}
			}()
			// Which thread takes a signal is the system's choice.
			for range 1000 {
				n, errno := metalio.Kevent(q.kq, nil, q.events[:], &metalio.Timespec{Nsec: 50e6})
				if errno == syscall.EINTR && n == -1 {
					return
				}
			}
			t.Fatal("no wait was interrupted")
		}},
		// Changes made while another thread waits are reported to it.
		{"changes_reach_a_waiter", func(t *testing.T, q *simQueue) {
			a, _ := simPair(t)
			for _, filter := range []int16{metalio.EVFILT_WRITE, metalio.EVFILT_USER} {
				go func() {
					time.Sleep(5 * time.Millisecond) // likely, not needed, to be in the wait
					c := knote(a, filter, metalio.EV_ADD|metalio.EV_ONESHOT, 1)
					c.Fflags = metalio.NOTE_TRIGGER
					metalio.Kevent(q.kq, []metalio.KeventT{c}, nil, nil)
				}()
				if n := q.wait(&metalio.Timespec{Sec: 10}); n != 1 {
					t.Fatal(n)
				}
			}
		}},
		{"two_queues_watch_one_descriptor", func(t *testing.T, q *simQueue) {
			a, b := simPair(t)
			other := newSimQueue(t)
			buf := make([]byte, 65536)
			for {
				if _, err := syscall.Write(a, buf); err != nil {
					break
				}
			}
			q.ok(knote(a, metalio.EVFILT_WRITE, metalio.EV_ADD|metalio.EV_CLEAR, 1))
			other.ok(knote(a, metalio.EVFILT_WRITE, metalio.EV_ADD|metalio.EV_CLEAR, 2))
			q.none()
			other.none()
			for {
				if n, _ := syscall.Read(b, buf); n <= 0 {
					break
				}
			}
			q.one()
			other.one()
		}},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, newSimQueue(t)) })
	}
}

type simQueue struct {
	t      *testing.T
	kq     int
	events [8]metalio.KeventT
}

func newSimQueue(t *testing.T) *simQueue {
	t.Helper()
	kq, errno := metalio.RawKqueue()
	if errno != 0 {
		t.Fatal(errno)
	}
	t.Cleanup(func() { metalio.RawClose(kq) })
	return &simQueue{t: t, kq: kq}
}

func knote(ident int, filter int16, flags int, udata uint64) metalio.KeventT {
	return metalio.KeventT{Ident: uintptr(ident), Filter: filter, Flags: uint16(flags), Udata: udata}
}

func (q *simQueue) ok(c metalio.KeventT) {
	q.t.Helper()
	if n, errno := metalio.Kevent(q.kq, []metalio.KeventT{c}, nil, nil); n != 0 || errno != 0 {
		q.t.Fatalf("%+v: %d, %v", c, n, errno)
	}
}

// refused makes a change that has to fail with want.
func (q *simQueue) refused(c metalio.KeventT, want syscall.Errno) {
	q.t.Helper()
	if n, errno := metalio.Kevent(q.kq, []metalio.KeventT{c}, nil, nil); n != -1 || errno != want {
		q.t.Fatalf("%+v: %d, %v, want %v", c, n, errno, want)
	}
}

func (q *simQueue) wait(timeout *metalio.Timespec) int {
	q.t.Helper()
	for {
		n, errno := metalio.Kevent(q.kq, nil, q.events[:], timeout)
		if errno == syscall.EINTR { // the runtime's own signals
			continue
		}
		if errno != 0 {
			q.t.Fatal(errno)
		}
		return n
	}
}

func (q *simQueue) one() metalio.KeventT {
	q.t.Helper()
	if n := q.wait(&metalio.Timespec{Sec: 2}); n != 1 {
		q.t.Fatalf("%d events, want one: %+v", n, q.events[:n])
	}
	return q.events[0]
}

func (q *simQueue) none() {
	q.t.Helper()
	if n := q.wait(&metalio.Timespec{Nsec: 20e6}); n != 0 {
		q.t.Fatalf("%d events, want none: %+v", n, q.events[:n])
	}
}

func (q *simQueue) udata() []uint64 {
	q.t.Helper()
	var all []uint64
	for _, ev := range q.events[:q.wait(&metalio.Timespec{})] {
		all = append(all, ev.Udata)
	}
	slices.Sort(all)
	return all
}

func simPair(t *testing.T) (a, b int) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, fds[0], fds[1])
	return fds[0], fds[1]
}

func simPipe(t *testing.T) (r, w int) {
	t.Helper()
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	closeLater(t, fds[0], fds[1])
	return fds[0], fds[1]
}

// closeLater closes descriptors at the end of a test, some of which the test
// has closed: tests run one by one, and nothing is opened in between.
func closeLater(t *testing.T, fds ...int) {
	t.Cleanup(func() {
		for _, fd := range fds {
			syscall.Close(fd)
		}
	})
}

func simWrite(t *testing.T, fd int, s string) {
	t.Helper()
	if n, err := syscall.Write(fd, []byte(s)); n != len(s) || err != nil {
		t.Fatal(n, err)
	}
}
