//go:build unix || windows

package reactor

import (
	"testing"
	"time"

	"github.com/metalio/metalio/internal/behaviours"
	"github.com/metalio/metalio/timers"
)

func TestLoopTimers(t *testing.T) {
	for _, b := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"never_early_and_in_order", func(t *testing.T) {
			l := newLoop(t, Config{})
			var due [50]time.Time
			left := len(due)
			h := &scripted{timeout: func(l *Loop[int], token Token, _ uint32) {
				if time.Now().Before(due[token]) {
					t.Errorf("timer %d early", token)
				}
				if left--; left == 0 {
					l.Stop()
				}
			}}
			for i := range due {
				d := time.Duration(i*331) * time.Microsecond
				due[i] = time.Now().Add(d)
				_, err := l.After(d, Token(i))
				must(t, err)
			}
			must(t, l.Run(h))
			for i, c := range h.calls {
				if c.token != Token(i) {
					t.Fatalf("call %d is timer %d", i, c.token)
				}
			}
		}},
		{"after_from_a_slow_handler_is_not_early", func(t *testing.T) {
			l := newLoop(t, Config{})
			var due time.Time
			h := &scripted{}
			h.message = func(l *Loop[int], msg int) {
				l.Now() // fixes the turn's clock
				time.Sleep(5 * time.Millisecond)
				due = time.Now().Add(10 * time.Millisecond)
				_, err := l.After(10*time.Millisecond, 1)
				must(t, err)
			}
			h.timeout = func(l *Loop[int], token Token, _ uint32) {
				if time.Now().Before(due) {
					t.Error("early")
				}
				l.Stop()
			}
			must(t, l.Sender().TrySend(1))
			must(t, l.Run(h))
		}},
		{"zero_and_negative_delay_fire_on_the_next_turn_not_this_one", func(t *testing.T) {
			for _, d := range []time.Duration{0, -time.Hour} {
				l := newLoop(t, Config{})
				h := &scripted{message: func(l *Loop[int], msg int) {
					l.After(d, 1)
					l.AfterNow(d, 2)
				}}
				must(t, l.Sender().TrySend(0))
				once(t, l, h, -1)
				h.want(t, call{"message", 0})
				once(t, l, h, -1)
				if len(h.calls) != 2 {
					t.Fatal(h.calls)
				}
			}
		}},
		{"cancel_and_reset", func(t *testing.T) {
			l := newLoop(t, Config{})
			h := &scripted{}
			a, _ := l.After(time.Millisecond, 1)
			b, _ := l.After(time.Hour, 2)
			if !l.Cancel(a) || l.Cancel(a) || !l.Reset(b, time.Millisecond) {
				t.Fatal("pending timers were not")
			}
			once(t, l, h, time.Second)
			h.want(t, call{"timeout", 2})
			if l.Reset(b, 0) || l.Cancel(b) {
				t.Fatal("an expired timer is pending")
			}
		}},
		{"periodic_without_drift_reports_overruns", func(t *testing.T) {
			l := newLoop(t, Config{})
			const period = 2 * time.Millisecond
			start := time.Now()
			periods := 0
			h := &scripted{timeout: func(l *Loop[int], _ Token, overruns uint32) {
				periods += 1 + int(overruns)
				if elapsed := time.Since(start); elapsed < time.Duration(periods)*period {
					t.Errorf("%d periods after %v", periods, elapsed)
				}
				if periods > 5 {
					time.Sleep(10 * time.Millisecond)
				}
				if periods > 20 {
					l.Stop()
				}
			}}
			id, err := l.Every(period, 1)
			must(t, err)
			must(t, l.Run(h))
			if len(h.calls) > 20 {
				t.Fatalf("%d calls for %d periods: missed ones were fired in a burst", len(h.calls), periods)
			}
			if !l.Cancel(id) {
				t.Fatal("a periodic timer is not pending")
			}
		}},
		{"errors", func(t *testing.T) {
			l := newLoop(t, Config{TimerCapacity: 1})
			_, err := l.Every(0, 1)
			wantIs(t, err, timers.ErrInvalid)
			_, err = l.After(1<<63-1, 1)
			must(t, err)
			_, err = l.After(0, 1)
			wantIs(t, err, timers.ErrFull)
			if n := once(t, l, &scripted{}, time.Millisecond); n != 0 {
				t.Fatal("a timer of 292 years has expired")
			}
		}},
		{"after_now_between_turns_is_not_early", func(t *testing.T) {
			l := newLoop(t, Config{})
			h := &scripted{timeout: func(l *Loop[int], _ Token, _ uint32) { l.Now() }}
			l.After(0, 1)
			once(t, l, h, -1)
			time.Sleep(20 * time.Millisecond)
			due := time.Now().Add(5 * time.Millisecond)
			l.AfterNow(5*time.Millisecond, 2)
			if n := once(t, l, h, time.Second); n != 1 || time.Now().Before(due) {
				t.Fatal("early")
			}
			if l.Now().Before(due) {
				t.Fatal("Now stands still between turns")
			}
		}},
		{"expiry_budget", func(t *testing.T) {
			l := newLoop(t, Config{TimersPerTurn: 2})
			for i := range 5 {
				l.AfterNow(0, Token(i))
			}
			h := &scripted{}
			for _, want := range []int{2, 2, 1} {
				if n := once(t, l, h, -1); n != want {
					t.Fatal(n)
				}
			}
		}},
	} {
		behaviours.Run(t, b.name, func(t *testing.T) {
			checkLeaks(t)
			b.run(t)
		})
	}
}
