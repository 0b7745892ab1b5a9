package reactor

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// start runs a process that ends when its standard input does, which end does.
func start(t *testing.T) (cmd *exec.Cmd, end func()) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "REACTOR_TEST_CHILD=1")
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	return cmd, func() { in.Close() }
}

func TestProcesses(t *testing.T) {
	runBehaviours(t, []behaviour{
		{"process_exit_delivered_once", func(t *testing.T, w *watcher) {
			cmd, end := start(t)
			pid := cmd.Process.Pid
			must(t, w.RegisterProcess(pid, 7))
			w.none()
			end()
			w.want(7, readyExited)
			w.none()
			must(t, cmd.Wait())
			w.none()
			must(t, w.DeregisterProcess(pid))
		}},
		{"already_exited_child", func(t *testing.T, w *watcher) {
			cmd, end := start(t)
			end()
			other := newWatcher(t)
			must(t, other.RegisterProcess(cmd.Process.Pid, 1))
			other.want(1, readyExited)
			must(t, w.RegisterProcess(cmd.Process.Pid, 7)) // it is there while somebody has a handle
			w.want(7, readyExited)
			must(t, cmd.Wait())
		}},
		{"exit_before_deregister_and_wait_after", func(t *testing.T, w *watcher) {
			cmd, end := start(t)
			must(t, w.RegisterProcess(cmd.Process.Pid, 7))
			end()
			must(t, cmd.Wait())
			must(t, w.DeregisterProcess(cmd.Process.Pid))
			w.none()
		}},
		{"refused", func(t *testing.T, w *watcher) {
			cmd, end := start(t)
			pid := cmd.Process.Pid
			must(t, w.RegisterProcess(pid, 7))
			wantIs(t, w.RegisterProcess(pid, 8), syscall.EEXIST)
			end()
			must(t, cmd.Wait())
			must(t, w.DeregisterProcess(pid))
			wantIs(t, w.DeregisterProcess(pid), syscall.ENOENT)
			wantIs(t, w.RegisterProcess(1<<30, 7), syscall.ESRCH)
			wantIs(t, w.RegisterProcess(0, 7), syscall.EINVAL)
			must(t, w.Close())
			wantIs(t, w.RegisterProcess(os.Getpid(), 7), os.ErrClosed)
		}},
		{"poll_close_with_processes", func(t *testing.T, w *watcher) {
			cmd, end := start(t)
			must(t, w.RegisterProcess(cmd.Process.Pid, 7))
			must(t, w.Close())
			if len(exits.byID) != 0 {
				t.Fatal("the wait was left to the thread pool")
			}
			end()
			must(t, cmd.Wait())
		}},
		{"exit_storm", func(t *testing.T, w *watcher) {
			const processes = 20
			for i := range Token(processes) {
				cmd, end := start(t)
				must(t, w.RegisterProcess(cmd.Process.Pid, i))
				end()
				defer cmd.Wait()
			}
			for range processes {
				n, err := w.Wait(w.events[:1], 1e10)
				must(t, err)
				if n != 1 || w.events[0].Ready() != readyExited {
					t.Fatal(n)
				}
			}
			w.none()
		}},
	})
}
