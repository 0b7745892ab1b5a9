//go:build unix || windows

package reactor

import (
	"os"
	"syscall"
	"testing"

	"github.com/metalio/metalio/internal/behaviours"
	"github.com/metalio/metalio/signals"
)

var signalled = call{"signal", Token(aSignal)}

func raise(t testing.TB) {
	t.Helper()
	must(t, sendSignal())
}

func TestLoopSignals(t *testing.T) {
	for _, b := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"delivered_to_handler", func(t *testing.T) {
			l := newLoop(t, Config{})
			must(t, l.Notify(aSignal))
			h := &scripted{signal: func(l *Loop[int], sig os.Signal) { l.Stop() }}
			whileWaiting(t, l.Poll(), sendSignal)
			must(t, l.Run(h)) // asleep
			raise(t)
			must(t, l.Run(h)) // awake, or not yet asleep
			h.want(t, signalled, signalled)
			must(t, l.Unnotify(aSignal))
			wantIs(t, l.Unnotify(aSignal), signals.ErrNotAdded)
			wantIs(t, l.Notify(syscall.SIGKILL), signals.ErrUncatchable)
		}},
		{"two_loops_each_get_it", func(t *testing.T) {
			loops := []*Loop[int]{newLoop(t, Config{}), newLoop(t, Config{})}
			for _, l := range loops {
				must(t, l.Notify(aSignal))
			}
			raise(t)
			for _, l := range loops {
				h := &scripted{}
				once(t, l, h, patience)
				h.want(t, signalled)
			}
		}},
		{"storm_of_1000_ends_with_an_event", func(t *testing.T) {
			l := newLoop(t, Config{})
			must(t, l.Notify(aSignal))
			h := &scripted{}
			for range behaviours.Budget(t, "storm_of_1000_ends_with_an_event") {
				raise(t)
				once(t, l, h, 0)
			}
			h.calls = nil
			raise(t)
			once(t, l, h, patience)
			if len(h.calls) == 0 {
				t.Fatal("nothing after the last one")
			}
		}},
		{"notify_after_close_is_refused", func(t *testing.T) {
			l := newLoop(t, Config{})
			must(t, l.Notify(aSignal))
			must(t, l.Close()) // gives it back, which the leak check sees
			wantIs(t, l.Notify(aSignal), os.ErrClosed)
			wantIs(t, l.Unnotify(aSignal), os.ErrClosed)
		}},
	} {
		behaviours.Run(t, b.name, func(t *testing.T) {
			withSignals(t, func(t *testing.T) {
				checkLeaks(t)
				b.run(t)
			})
		})
	}
}
