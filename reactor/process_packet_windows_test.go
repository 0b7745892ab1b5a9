package reactor

import (
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"github.com/metalio/metalio"
)

// TestProcessesByPackets is TestProcesses over wait completion packets, on
// systems without them over simulated ones.
func TestProcessesByPackets(t *testing.T) {
	runBehaviours(t, []behaviour{
		{"process_exit_delivered_once", func(t *testing.T, w *watcher) {
			sim := simulate(t, w)
			cmd, end := start(t)
			pid := cmd.Process.Pid
			must(t, w.RegisterProcess(pid, 7))
			w.none()
			end()
			w.want(7, readyExited)
			w.none()
			must(t, cmd.Wait())
			must(t, w.DeregisterProcess(pid))
			if x := len(sim.all); x != 1 {
				t.Fatalf("%d packets are left, want the timer's", x)
			}
		}},
		{"already_exited_child", func(t *testing.T, w *watcher) {
			sim := simulate(t, w)
			for _, sim.silentFires = range []bool{false, true} {
				cmd, end := start(t)
				end()
				other := newWatcher(t)
				must(t, other.RegisterProcess(cmd.Process.Pid, 1))
				other.want(1, readyExited)
				must(t, w.RegisterProcess(cmd.Process.Pid, 7))
				w.want(7, readyExited)
				w.none() // also if the system has sent a packet of its own
				must(t, cmd.Wait())
				must(t, w.DeregisterProcess(cmd.Process.Pid))
			}
		}},
		{"exit_before_deregister_and_wait_after", func(t *testing.T, w *watcher) {
			sim := simulate(t, w)
			for _, sim.stuck = range []int{0, 1} {
				cmd, end := start(t)
				must(t, w.RegisterProcess(cmd.Process.Pid, 7))
				if sim.stuck == 0 {
					end()
					must(t, cmd.Wait())
				}
				must(t, w.DeregisterProcess(cmd.Process.Pid)) // with stuck, a packet comes still
				w.none()
				end()
				cmd.Wait()
			}
		}},
		{"refused", func(t *testing.T, w *watcher) {
			sim := simulate(t, w)
			cmd, end := start(t)
			pid := cmd.Process.Pid
			w.sel.packets = refusedPackets{sim}
			wantIs(t, w.RegisterProcess(pid, 7), windows.ERROR_INVALID_HANDLE)
			if len(exits.byID) != 0 || len(sim.all) != 1 {
				t.Fatalf("%d exits and %d packets are left", len(exits.byID), len(sim.all))
			}
			w.sel.packets = sim
			must(t, w.RegisterProcess(pid, 7))
			end()
			w.want(7, readyExited)
			must(t, cmd.Wait())
		}},
		{"poll_close_with_processes", func(t *testing.T, w *watcher) {
			sim := simulate(t, w)
			cmd, end := start(t)
			must(t, w.RegisterProcess(cmd.Process.Pid, 7))
			must(t, w.Close())
			if len(exits.byID) != 0 || len(sim.all) != 0 {
				t.Fatalf("%d exits and %d packets are left", len(exits.byID), len(sim.all))
			}
			end()
			must(t, cmd.Wait())
		}},
		{"exit_storm", func(t *testing.T, w *watcher) {
			simulate(t, w)
			const processes = 20
			for i := range Token(processes) {
				cmd, end := start(t)
				must(t, w.RegisterProcess(cmd.Process.Pid, i))
				end()
				defer cmd.Wait()
			}
			seen := map[Token]bool{}
			for range processes {
				n, err := w.Wait(w.events[:1], 10*time.Second)
				must(t, err)
				if n != 1 || w.events[0].Ready() != readyExited || seen[w.events[0].Token()] {
					t.Fatal(n, w.events[0], seen)
				}
				seen[w.events[0].Token()] = true
			}
			w.none()
		}},
	})
}

// refusedPackets can be made, and not associated.
type refusedPackets struct{ waitPackets }

func (refusedPackets) associate(_, _, _, _, _ uintptr) (bool, metalio.NTStatus) {
	return false, metalio.STATUS_INVALID_HANDLE
}
