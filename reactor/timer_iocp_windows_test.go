package reactor

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/metalio/metalio"
)

func TestTimerUnits(t *testing.T) {
	for _, d := range []time.Duration{1, 99, 100, 101, time.Microsecond, time.Millisecond, time.Hour, math.MaxInt64} {
		units := timerUnits(d)
		if units >= 0 {
			t.Fatalf("%v: %d is not a time from now", d, units)
		}
		// Compared in units: 100 times the last one is no Duration any more.
		if exact := float64(d) / 100; float64(-units) < exact || float64(-units) > exact+2 {
			t.Errorf("%v: %d units", d, -units)
		}
	}
}

// scriptedPackets answer what a test wants, and note what they were asked.
type scriptedPackets struct {
	calls []string

	signaled   bool
	associates metalio.NTStatus
	cancels    metalio.NTStatus
}

func (s *scriptedPackets) create() (uintptr, metalio.NTStatus) { return 1, metalio.STATUS_SUCCESS }

func (s *scriptedPackets) associate(_, _, _, key, _ uintptr) (bool, metalio.NTStatus) {
	s.calls = append(s.calls, "associate")
	if key != keyTimer {
		return false, metalio.STATUS_INVALID_PARAMETER
	}
	return s.signaled, s.associates
}

func (s *scriptedPackets) cancel(uintptr) metalio.NTStatus {
	s.calls = append(s.calls, "cancel")
	return s.cancels
}

func (s *scriptedPackets) destroy(uintptr) { s.calls = append(s.calls, "destroy") }

// TestPortTimer goes through the states of the timer with what the system may
// answer, at moments of the test's choice.
func TestPortTimer(t *testing.T) {
	const (
		soon  = 10 * time.Millisecond
		later = 50 * time.Millisecond
		tick  = 16 * time.Millisecond
	)
	type script struct {
		*testing.T
		*scriptedPackets
		*portTimer
		now time.Time
	}
	// wait is the beginning of one, which must let the port sleep for limit.
	wait := func(s *script, d, limit time.Duration, calls ...string) {
		s.Helper()
		s.calls = nil
		if got := s.limit(s.now.Add(d), d); got != limit {
			s.Errorf("a wait of %v may sleep for %v, want %v", d, got, limit)
		}
		if !slices.Equal(s.calls, calls) {
			s.Errorf("a wait of %v calls %v, want %v", d, s.calls, calls)
		}
	}
	for _, c := range []struct {
		name string
		run  func(s *script)
	}{
		{"not armed for no wait and for a wait without end", func(s *script) {
			wait(s, 0, 0)
			wait(s, -1, -1)
		}},
		{"fired", func(s *script) {
			wait(s, soon, soon+tick, "associate")
			s.now = s.now.Add(soon)
			s.arrived(1)
			wait(s, soon, soon+tick, "associate")
		}},
		{"cancelled for a sooner one", func(s *script) {
			wait(s, later, later+tick, "associate")
			wait(s, soon, soon+tick, "cancel", "associate")
		}},
		{"left for a later one", func(s *script) {
			wait(s, soon, soon+tick, "associate")
			wait(s, later, later+tick)
			wait(s, soon, soon+tick)
			s.now = s.now.Add(soon)
			s.arrived(1) // the later wait's turn, with the rest to go
			wait(s, later-soon, later-soon+tick, "associate")
		}},
		{"left in the port until the next wait", func(s *script) {
			wait(s, soon, soon+tick, "associate")
			s.now = s.now.Add(later)
			wait(s, soon, soon+tick, "cancel", "associate") // success: the packet was taken out
			s.arrived(2)
			wait(s, soon, soon+tick, "associate")
		}},
		{"fired and picked up while it was cancelled", func(s *script) {
			wait(s, later, later+tick, "associate")
			s.cancels = metalio.STATUS_CANCELLED
			wait(s, soon, soon+tick, "cancel", "associate")
		}},
		{"cannot be cancelled yet", func(s *script) {
			wait(s, later, later+tick, "associate")
			s.cancels = metalio.STATUS_PENDING
			wait(s, soon, soon, "cancel") // the port has to do
			s.arrived(1)
			wait(s, soon, soon+tick, "associate")
		}},
		{"cannot be cancelled yet, and then can", func(s *script) {
			wait(s, later, later+tick, "associate")
			s.cancels = metalio.STATUS_PENDING
			wait(s, soon, soon, "cancel")
			wait(s, soon, soon, "cancel")
			s.cancels = metalio.STATUS_SUCCESS
			wait(s, soon, soon+tick, "cancel", "associate")
		}},
		{"signalled already, and sent", func(s *script) {
			s.signaled = true
			wait(s, soon, 0, "associate")
			s.arrived(1)
			s.signaled = false
			wait(s, soon, soon+tick, "associate")
		}},
		{"signalled already, and not sent", func(s *script) {
			s.signaled, s.cancels = true, metalio.STATUS_CANCELLED
			wait(s, soon, 0, "associate")
			wait(s, soon, 0, "cancel", "associate")
			s.signaled = false
			wait(s, soon, soon+tick, "cancel", "associate")
		}},
		{"packet of an earlier arming", func(s *script) {
			wait(s, later, later+tick, "associate")
			wait(s, soon, soon+tick, "cancel", "associate")
			s.arrived(1)
			wait(s, soon, soon+tick) // the second is still to come
			s.arrived(2)
			wait(s, soon, soon+tick, "associate")
		}},
		{"association refused", func(s *script) {
			s.associates = metalio.STATUS_INVALID_HANDLE
			wait(s, soon, soon, "associate")
			s.associates = metalio.STATUS_SUCCESS
			wait(s, soon, soon+tick, "associate")
		}},
		{"timer refused", func(s *script) {
			timer := s.timer
			s.timer = metalio.INVALID_HANDLE_VALUE - 8 // no handle
			wait(s, soon, soon)
			s.timer = timer
			wait(s, soon, soon+tick, "associate")
		}},
		{"the longest wait", func(s *script) {
			wait(s, math.MaxInt64, math.MaxInt64, "associate")
			wait(s, soon, soon+tick, "cancel", "associate")
		}},
		{"closed while armed", func(s *script) {
			wait(s, soon, soon+tick, "associate")
			s.calls = nil
			s.close()
			s.close()
			if want := []string{"cancel", "destroy"}; !slices.Equal(s.calls, want) {
				s.Errorf("close calls %v, want %v", s.calls, want)
			}
			wait(s, soon, soon)
		}},
		{"closed while it could not be cancelled", func(s *script) {
			wait(s, soon, soon+tick, "associate")
			s.cancels, s.calls = metalio.STATUS_PENDING, nil
			s.close()
			if want := []string{"cancel", "destroy"}; !slices.Equal(s.calls, want) {
				s.Errorf("close calls %v, want %v", s.calls, want)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			packets := &scriptedPackets{}
			s := &script{t, packets, &portTimer{}, time.Now()}
			s.open(packets, 1)
			if s.timer == 0 {
				t.Fatal("no timer")
			}
			defer s.close()
			c.run(s)
		})
	}
}

func TestPortTimerNeedsPackets(t *testing.T) {
	var timer portTimer
	timer.open(nil, 1)
	if got := timer.limit(time.Now().Add(1), 1); got != 1 || timer.timer != 0 {
		t.Fatal(got)
	}
	timer.arrived(1)
	timer.close()
}

func TestFineWaits(t *testing.T) {
	runBehaviours(t, []behaviour{
		{"timer_ends_the_wait", func(t *testing.T, w *watcher) {
			sim := simulate(t, w)
			for _, timeout := range []time.Duration{1, time.Microsecond, time.Millisecond, 7 * time.Millisecond, 20 * time.Millisecond} {
				before := w.sel.timer.arming
				start := time.Now()
				n, errno := w.sel.sleep(w.events[:], timeout) // Wait looks first, and that may last as long
				if d := time.Since(start); n != 0 || errno != 0 || d < timeout {
					t.Fatal(timeout, d, n, errno)
				}
				if w.sel.timer.arming == before {
					t.Fatal("the timer was not armed")
				}
			}
			sim.mu.Lock()
			defer sim.mu.Unlock()
			if sim.associated != int(w.sel.timer.arming) {
				t.Fatalf("%d associations of %d armings", sim.associated, w.sel.timer.arming)
			}
		}},
		{"event_before_the_timer", func(t *testing.T, w *watcher) {
			sim := simulate(t, w)
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			for range 50 {
				write(t, b, "x")
				n, errno := w.sel.sleep(w.events[:], time.Hour) // Wait looks first
				mustErrno(t, errno)
				if n != 1 || w.events[0].Token() != 1 {
					t.Fatal(n)
				}
				drain(t, a)
			}
			sim.mu.Lock()
			defer sim.mu.Unlock()
			if sim.associated != 1 {
				t.Fatalf("%d associations for waits that end later and later", sim.associated)
			}
		}},
		{"timer_that_is_left_over_is_no_event", func(t *testing.T, w *watcher) {
			simulate(t, w)
			waker, err := w.NewWaker(5)
			must(t, err)
			must(t, waker.Wake())
			armed(t, w)
			due := timerUnits(0)
			mustErrno(t, metalio.SetWaitableTimer(w.sel.timer.timer, &due, 0, 0, 0, 0))
			wakenFrom(t, w, -1, time.Hour)
		}},
		{"sooner_after_later", func(t *testing.T, w *watcher) {
			simulate(t, w)
			waker, err := w.NewWaker(5)
			must(t, err)
			for range 20 {
				must(t, waker.Wake())
				armed(t, w)
				start := time.Now()
				n, err := w.Wait(w.events[:], 2*time.Millisecond)
				if d := time.Since(start); n != 0 || err != nil || d < 2*time.Millisecond {
					t.Fatal(d, n, err)
				}
			}
		}},
		{"cancelled_at_the_wrong_moment", func(t *testing.T, w *watcher) {
			sim := simulate(t, w)
			waker, err := w.NewWaker(5)
			must(t, err)
			for range 20 {
				must(t, waker.Wake())
				armed(t, w)
				sim.mu.Lock()
				sim.stuck = 1
				sim.mu.Unlock()
				start := time.Now()
				n, err := w.Wait(w.events[:], 2*time.Millisecond)
				if d := time.Since(start); n != 0 || err != nil || d < 2*time.Millisecond {
					t.Fatal(d, n, err)
				}
			}
		}},
		{"no_room_beside_the_timer", func(t *testing.T, w *watcher) {
			simulate(t, w)
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			for range 50 {
				write(t, b, "x")
				n, err := w.Wait(w.events[:1], time.Microsecond)
				for n == 0 && err == nil {
					n, err = w.Wait(w.events[:1], time.Microsecond)
				}
				if n != 1 || err != nil || w.events[0].Token() != 1 {
					t.Fatal(n, err)
				}
				drain(t, a)
			}
		}},
		{"close_while_armed", func(t *testing.T, w *watcher) {
			sim := simulate(t, w)
			waker, err := w.NewWaker(5)
			must(t, err)
			must(t, waker.Wake())
			armed(t, w)
			must(t, w.Close())
			if sim.associated != 1 || sim.cancelled != 1 {
				t.Fatalf("%d associations, %d cancelled", sim.associated, sim.cancelled)
			}
		}},
		{"polls_that_are_closed_leave_no_handles", func(t *testing.T, w *watcher) {
			// More than checkLeaks lets pass.
			for range 100 {
				p, err := NewPoll(PollConfig{})
				must(t, err)
				w := &watcher{Poll: p, t: t}
				simulate(t, w)
				waker, err := w.NewWaker(5)
				must(t, err)
				must(t, waker.Wake())
				armed(t, w)
				must(t, w.Close())
			}
		}},
		{"look_takes_the_interruption_of_the_sleep_after_it", func(t *testing.T, w *watcher) {
			w.sel.interrupt()
			for range 2 {
				if n, errno := w.sel.look(w.events[:]); n != 0 || errno != 0 {
					t.Fatal(n, errno)
				}
				if n, errno := w.sel.sleep(w.events[:], time.Hour); n != 0 || errno != 0 {
					t.Fatal(n, errno)
				}
			}
		}},
	})
}

// armed makes w sleep, for an hour if the waker had not been called already.
func armed(t *testing.T, w *watcher) {
	t.Helper()
	n, errno := w.sel.sleep(w.events[:], time.Hour) // Wait would look first
	mustErrno(t, errno)
	if n != 1 || w.sel.timer.state != timerArmed {
		t.Fatal(n, w.sel.timer.state)
	}
}

// promptPackets send at once, long before the timer is due, what makes wait arm
// again and again.
type promptPackets struct{ armed int }

func (*promptPackets) create() (uintptr, metalio.NTStatus) { return 1, metalio.STATUS_SUCCESS }

func (p *promptPackets) associate(_, port, _, key, context uintptr) (bool, metalio.NTStatus) {
	p.armed++
	metalio.PostQueuedCompletionStatus(port, 0, key, context)
	return false, metalio.STATUS_SUCCESS
}

func (*promptPackets) cancel(uintptr) metalio.NTStatus { return metalio.STATUS_CANCELLED }
func (*promptPackets) destroy(uintptr)                 {}

func TestZeroAllocsFineWaits(t *testing.T) {
	checkLeaks(t)
	w := newWatcher(t)
	packets := &promptPackets{}
	w.sel.timer.close()
	w.sel.timer.open(packets, w.sel.port)
	before := packets.armed
	allocs := testing.AllocsPerRun(50, func() {
		if n, err := w.Wait(w.events[:], time.Millisecond); n != 0 || err != nil {
			t.Fatal(n, err)
		}
	})
	if allocs != 0 {
		t.Errorf("a wait allocates %v times", allocs)
	}
	if packets.armed == before {
		t.Error("the timer was not armed")
	}
}

// TestFineWaitsOfTheSystem is for Windows itself: Wine 8 has no wait completion
// packets.
func TestFineWaitsOfTheSystem(t *testing.T) {
	if systemPackets() == nil {
		t.Skip("this system does not export NtCreateWaitCompletionPacket and its kin")
	}
	checkLeaks(t)
	w := newWatcher(t)
	if w.sel.timer.timer == 0 {
		t.Skip("this system has no high-resolution timers (before Windows 10, version 1803)")
	}
	const timeout = time.Millisecond
	for try := range 5 {
		var took []time.Duration
		for range 101 {
			start := time.Now()
			n, err := w.Wait(w.events[:], timeout)
			d := time.Since(start)
			if n != 0 || err != nil || d < timeout {
				t.Fatalf("%d events, %v after %v", n, err, d)
			}
			took = append(took, d)
		}
		slices.Sort(took)
		t.Logf("try %d: fastest %v, median %v, slowest %v", try, took[0], took[50], took[100])
		if took[50] <= 5*time.Millisecond {
			return
		}
	}
	t.Error("a wait of 1 ms takes longer than 5 ms, five times over")
}
