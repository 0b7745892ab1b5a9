//go:build unix

package reactor

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// start runs a program that ends when its standard input does, which end does.
func start(t *testing.T) (cmd *exec.Cmd, end func()) {
	t.Helper()
	cmd = exec.Command("cat")
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
	w.one(1)
	must(t, w.Close())
}

func TestProcesses(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, *watcher)
	}{
		{"process_exit_delivered_once", func(t *testing.T, w *watcher) {
			cmd, end := start(t)
			pid := cmd.Process.Pid
			must(t, w.RegisterProcess(pid, 7))
			w.none()
			end()
			if r := w.one(7); r != readyExited || !r.IsExited() {
				t.Fatal(r)
			}
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
			w.one(7)
			must(t, cmd.Wait())
		}},
		{"reaped_before_the_wait", func(t *testing.T, w *watcher) {
			cmd, end := start(t)
			must(t, w.RegisterProcess(cmd.Process.Pid, 7))
			end()
			must(t, cmd.Wait())
			if r := w.one(7); r != readyExited {
				t.Fatal(r)
			}
			w.none()
		}},
		{"no_events_after_deregister", func(t *testing.T, w *watcher) {
			cmd, end := start(t)
			must(t, w.RegisterProcess(cmd.Process.Pid, 7))
			must(t, w.DeregisterProcess(cmd.Process.Pid))
			end()
			must(t, cmd.Wait())
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
			wantIs(t, w.RegisterProcess(pid, 7), syscall.ESRCH)
			wantIs(t, w.RegisterProcess(0, 7), syscall.EINVAL)
			wantIs(t, w.RegisterProcess(-1, 7), syscall.EINVAL)
			must(t, w.Close())
			wantIs(t, w.RegisterProcess(1, 7), os.ErrClosed)
			wantIs(t, w.DeregisterProcess(1), os.ErrClosed)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			c.run(t, newWatcher(t))
		})
	}
}

func TestLoopProcesses(t *testing.T) {
	t.Run("exit_storm_of_200", func(t *testing.T) {
		checkLeaks(t)
		const processes = 200
		l := newLoop(t, Config{})
		var cmds [processes]*exec.Cmd
		var ends [processes]func()
		for i := range cmds {
			cmds[i], ends[i] = start(t)
			must(t, l.RegisterProcess(cmds[i].Process.Pid, Token(i)))
		}
		h := &scripted{}
		h.readable = func(l *Loop[int], token Token, ready Ready) {
			if !ready.IsExited() {
				t.Error(ready)
			}
			if err := cmds[token].Wait(); err != nil {
				t.Error(err)
			}
			if len(h.calls) == processes {
				l.Stop()
			}
		}
		for _, end := range ends {
			end()
		}
		watchdog, err := l.After(time.Minute, 0)
		must(t, err)
		h.timeout = func(l *Loop[int], _ Token, _ uint32) { l.Stop() }
		must(t, l.Run(h))
		reported := map[Token]int{}
		for _, c := range h.calls {
			reported[c.token]++
		}
		if len(reported) != processes || len(h.calls) != processes {
			t.Fatalf("%d calls for %d processes", len(h.calls), len(reported))
		}
		if !l.Cancel(watchdog) || l.Stats().Registered != 0 {
			t.Fatalf("%+v", l.Stats())
		}
		wantIs(t, l.DeregisterProcess(cmds[0].Process.Pid), syscall.ENOENT)
	})
	t.Run("handler_deregisters", func(t *testing.T) {
		checkLeaks(t)
		l := newLoop(t, Config{})
		cmd, end := start(t)
		must(t, l.RegisterProcess(cmd.Process.Pid, 1))
		wantIs(t, l.RegisterProcess(cmd.Process.Pid, 2), syscall.EEXIST)
		h := &scripted{readable: func(l *Loop[int], _ Token, _ Ready) {
			must(t, l.DeregisterProcess(cmd.Process.Pid))
		}}
		end()
		once(t, l, h, 5*time.Second)
		h.want(t, call{"readable", 1})
		must(t, cmd.Wait())
	})
	t.Run("close_with_processes", func(t *testing.T) {
		checkLeaks(t)
		l := newLoop(t, Config{})
		cmd, end := start(t)
		must(t, l.RegisterProcess(cmd.Process.Pid, 1))
		must(t, l.Close())
		end()
		must(t, cmd.Wait())
	})
}
