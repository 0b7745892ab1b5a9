//go:build unix || windows

package reactor

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/metalio/metalio/internal/behaviours"
)

// start runs a process that ends when its standard input does, which end does.
func start(t *testing.T) (cmd *exec.Cmd, end func()) {
	t.Helper()
	cmd = untilInputEnds()
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	return cmd, func() { in.Close() }
}

// awaitZombie returns when the process has exited, without reaping it.
func awaitZombie(t *testing.T, pid int) {
	t.Helper()
	w := newWatcher(t)
	must(t, w.RegisterProcess(pid, 1))
	w.want(1, readyExited)
	must(t, w.Close())
}

// noSuchPID is above what any of the systems gives out.
const noSuchPID = 1 << 30

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
			awaitZombie(t, cmd.Process.Pid)
			must(t, w.RegisterProcess(cmd.Process.Pid, 7))
			w.want(7, readyExited)
			w.none()
			must(t, cmd.Wait())
		}},
		{"reaped_before_the_wait", func(t *testing.T, w *watcher) {
			cmd, end := start(t)
			must(t, w.RegisterProcess(cmd.Process.Pid, 7))
			end()
			must(t, cmd.Wait())
			w.want(7, readyExited)
			w.none()
		}},
		{"no_events_after_deregister_of_a_process", func(t *testing.T, w *watcher) {
			cmd, end := start(t)
			must(t, w.RegisterProcess(cmd.Process.Pid, 7))
			must(t, w.DeregisterProcess(cmd.Process.Pid))
			end()
			must(t, cmd.Wait())
			w.none()
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
			wantIs(t, w.RegisterProcess(noSuchPID, 7), syscall.ESRCH)
			wantIs(t, w.RegisterProcess(0, 7), syscall.EINVAL)
			wantIs(t, w.RegisterProcess(-1, 7), syscall.EINVAL)
			wide := int64(os.Getpid()) | 1<<40 // cut to 32 bits it is this process
			if fits := int64(int(wide)) == wide; fits {
				wantIs(t, w.RegisterProcess(int(wide), 7), syscall.ESRCH)
			}
			must(t, w.Close())
			wantIs(t, w.RegisterProcess(os.Getpid(), 7), os.ErrClosed)
			wantIs(t, w.DeregisterProcess(os.Getpid()), os.ErrClosed)
		}},
		{"poll_close_with_processes", func(t *testing.T, w *watcher) {
			cmd, end := start(t)
			must(t, w.RegisterProcess(cmd.Process.Pid, 7))
			must(t, w.Close())
			end()
			must(t, cmd.Wait())
		}},
	})
}

func TestLoopProcesses(t *testing.T) {
	runLoopBehaviours(t, 0, []loopBehaviour{
		{"exit_storm_of_200", Config{}, exitStorm},
		{"handler_deregisters", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			cmd, end := start(t)
			must(t, l.RegisterProcess(cmd.Process.Pid, 1))
			wantIs(t, l.RegisterProcess(cmd.Process.Pid, 2), syscall.EEXIST)
			h.readable = func(l *Loop[int], _ Token, _ Ready) {
				must(t, l.DeregisterProcess(cmd.Process.Pid))
			}
			end()
			once(t, l, h, patience)
			h.want(t, call{"readable", 1})
			must(t, cmd.Wait())
		}},
		{"beside_a_descriptor", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			a, b := pair(t)
			must(t, l.Register(a, 1, Readable, OneShot))
			cmd, end := start(t)
			must(t, l.RegisterProcess(cmd.Process.Pid, 2))
			if n := l.Stats().Registered; n != 2 {
				t.Fatal(n)
			}
			end()
			once(t, l, h, patience)
			h.want(t, call{"readable", 2})
			write(t, b, "x")
			once(t, l, h, patience)
			h.want(t, call{"readable", 1})
			if n := l.Stats().Registered; n != 1 {
				t.Fatal(n)
			}
			must(t, cmd.Wait())
		}},
		{"each_deregisters_the_other", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			var pids [2]int
			for i := range pids {
				cmd, end := start(t)
				pids[i] = cmd.Process.Pid
				must(t, l.RegisterProcess(pids[i], Token(i)))
				end()
				awaitZombie(t, pids[i])
				defer cmd.Wait()
			}
			h.readable = func(l *Loop[int], token Token, _ Ready) {
				must(t, l.DeregisterProcess(pids[1-token]))
			}
			once(t, l, h, patience)
			once(t, l, h, 0)
			if len(h.calls) != 1 {
				t.Fatalf("calls %v, want one", h.calls)
			}
			s := l.Stats()
			if s.Readable != 1 || s.Events != s.Stale+1 || s.Registered != 0 {
				t.Fatalf("%+v", s)
			}
		}},
		{"panic_in_the_handler_leaves_the_registration", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			cmd, end := start(t)
			must(t, l.RegisterProcess(cmd.Process.Pid, 1))
			end()
			h.readable = func(*Loop[int], Token, Ready) { panic("handler") }
			wantPanic(t, func() { l.RunOnce(h, patience) })
			if n := l.Stats().Registered; n != 1 {
				t.Fatal(n)
			}
			must(t, l.DeregisterProcess(cmd.Process.Pid))
			must(t, cmd.Wait())
			once(t, l, h, 0)
			h.want(t, call{"readable", 1})
		}},
		{"registered_after_close", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			must(t, l.Close())
			wantIs(t, l.RegisterProcess(os.Getpid(), 1), os.ErrClosed)
			wantIs(t, l.DeregisterProcess(os.Getpid()), os.ErrClosed)
			if n := l.Stats().Registered; n != 0 {
				t.Fatal(n)
			}
		}},
		{"close_with_processes", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			cmd, end := start(t)
			must(t, l.RegisterProcess(cmd.Process.Pid, 1))
			must(t, l.Close())
			end()
			must(t, cmd.Wait())
		}},
	})
}

// exitStorm ends many processes at once. Each exit must be reported, and once.
func exitStorm(t *testing.T, l *Loop[int], h *scripted) {
	cmds := make([]*exec.Cmd, behaviours.Budget(t, "exit_storm_of_200"))
	ends := make([]func(), len(cmds))
	for i := range cmds {
		cmds[i], ends[i] = start(t)
		must(t, l.RegisterProcess(cmds[i].Process.Pid, Token(i)))
	}
	h.readable = func(l *Loop[int], token Token, ready Ready) {
		if ready != readyExited {
			t.Error(ready)
		}
		if err := cmds[token].Wait(); err != nil {
			t.Error(err)
		}
	}
	for _, end := range ends {
		end()
	}
	for len(h.calls) < len(cmds) {
		if once(t, l, h, time.Minute) == 0 {
			t.Fatalf("%d of %d exits were reported", len(h.calls), len(cmds))
		}
	}
	once(t, l, h, 50*time.Millisecond)
	reported := map[Token]int{}
	for _, c := range h.calls {
		reported[c.token]++
	}
	if len(reported) != len(cmds) || len(h.calls) != len(cmds) {
		t.Fatalf("%d calls for %d processes of %d", len(h.calls), len(reported), len(cmds))
	}
	if n := l.Stats().Registered; n != 0 {
		t.Fatalf("%d are registered still", n)
	}
	wantIs(t, l.DeregisterProcess(cmds[0].Process.Pid), syscall.ENOENT)
}
