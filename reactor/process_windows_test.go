package reactor

import (
	"syscall"
	"testing"
)

func TestProcessesOnWindows(t *testing.T) {
	runBehaviours(t, []behaviour{
		{"number_beside_a_process_is_no_process", func(t *testing.T, w *watcher) {
			cmd, end := start(t)
			for i := range 3 {
				wantIs(t, w.RegisterProcess(cmd.Process.Pid+i+1, 7), syscall.ESRCH)
			}
			end()
			must(t, cmd.Wait())
		}},
		{"closed_poll_leaves_no_wait_for_a_process", func(t *testing.T, w *watcher) {
			cmd, end := start(t)
			must(t, w.RegisterProcess(cmd.Process.Pid, 7))
			must(t, w.Close())
			if len(exits.byID) != 0 {
				t.Fatal("the wait was left to the thread pool")
			}
			end()
			must(t, cmd.Wait())
		}},
	})
}
