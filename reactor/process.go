package reactor

import (
	"fmt"
	"math"
	"os"
	"syscall"

	"github.com/metalio/metalio/slab"
)

// What a backend supplies for processes, in files named for the mechanism.
var _ interface {
	// openProcess makes the selector report the exit of pid, once, with
	// token, and returns what closeProcess takes. Whoever has exited already
	// and was not reaped is reported too.
	openProcess(pid int, token Token) (handle int, errno syscall.Errno)
	closeProcess(handle int)
} = (*selector)(nil)

// RegisterProcess reports the exit of a process, once, as an event with token
// for which [Ready.IsExited] holds. The process may have exited already, as
// long as nobody has reaped it. It need not be a child, but its parent reaps it
// (os.Process.Wait): the Poll does not. No signal handler is involved.
//
// The registration holds what it needs, a descriptor on Linux, until
// DeregisterProcess or until the Poll is closed; that the exit was reported does
// not end it. The error satisfies errors.Is with ESRCH if there is no such
// process, EEXIST if it is registered, EINVAL if pid is not positive,
// [errors.ErrUnsupported] if the system has no mechanism (Linux before 5.3),
// [os.ErrClosed] if the Poll is closed, and the system's errno otherwise (EMFILE;
// on Windows access may be denied).
func (p *Poll) RegisterProcess(pid int, token Token) error {
	if err := p.registerProcess(pid, token); err != nil {
		return fmt.Errorf("reactor: register process %d: %w", pid, err)
	}
	return nil
}

func (p *Poll) registerProcess(pid int, token Token) error {
	if pid <= 0 {
		return syscall.EINVAL
	}
	if int64(pid) > math.MaxInt32 {
		return syscall.ESRCH // the systems would take the lower half for a process
	}
	if !p.gate.enter() {
		return os.ErrClosed
	}
	defer p.leave()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gate.isShut() {
		return os.ErrClosed // Close has taken the processes, or is about to
	}
	if _, known := p.processes[pid]; known {
		return syscall.EEXIST
	}
	handle, errno := p.sel.openProcess(pid, token)
	if errno != 0 {
		return errno
	}
	if p.processes == nil {
		p.processes = make(map[int]int)
	}
	p.processes[pid] = handle
	return nil
}

// DeregisterProcess ends what RegisterProcess began, before or after the exit.
// The error satisfies errors.Is with ENOENT if pid is not registered, and with
// [os.ErrClosed] if the Poll is closed.
func (p *Poll) DeregisterProcess(pid int) error {
	if err := p.deregisterProcess(pid); err != nil {
		return fmt.Errorf("reactor: deregister process %d: %w", pid, err)
	}
	return nil
}

func (p *Poll) deregisterProcess(pid int) error {
	if !p.gate.enter() {
		return os.ErrClosed
	}
	defer p.leave()
	p.mu.Lock()
	defer p.mu.Unlock()
	handle, known := p.processes[pid]
	if !known {
		return syscall.ENOENT
	}
	delete(p.processes, pid)
	p.sel.closeProcess(handle)
	return nil
}

// closeProcesses is for Close, which is inside the gate.
func (p *Poll) closeProcesses() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, handle := range p.processes {
		p.sel.closeProcess(handle)
	}
	p.processes = nil
}

// RegisterProcess is [Poll.RegisterProcess]: it calls Readable with token when
// the process has exited. When that has returned the registration has ended.
func (l *Loop[M]) RegisterProcess(pid int, token Token) error {
	k, err := l.processes.add(process{pid, token})
	if err != nil {
		return fmt.Errorf("reactor: register process %d: %w", pid, err)
	}
	if err := l.poll.RegisterProcess(pid, Token(k)); err != nil {
		l.processes.discard(k)
		return err
	}
	l.processes.bind(pid, k)
	return nil
}

// DeregisterProcess is [Poll.DeregisterProcess], and stricter: Readable is not
// called any more.
func (l *Loop[M]) DeregisterProcess(pid int) error {
	l.processes.remove(pid)
	return l.poll.DeregisterProcess(pid)
}

// handleExit calls Readable for the exit of a process, and ends the registration
// unless the handler has done so.
func (l *Loop[M]) handleExit(h Handler[M], k slab.Key, ready Ready) (calls int) {
	p, ok := l.processes.get(k)
	if !ok {
		l.stats.Stale++
		return 0
	}
	l.stats.Readable++
	h.Readable(l, p.token, ready)
	if _, ok := l.processes.get(k); ok {
		l.DeregisterProcess(p.pid)
	}
	return 1
}
