package reactor

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// PollConfig configures a [Poll]. The zero value is good.
type PollConfig struct {
	// Wait says how Wait sleeps.
	Wait WaitPolicy

	// Capacity is the number of registrations to make room for, where the
	// room is the process's own: on Windows, in steps of 1024 records of 64
	// bytes; with kqueue, where it is the number of descriptors, from the
	// lowest on, at 16 bytes each. More of them allocate. On Linux the kernel
	// keeps the registrations, and Capacity has no effect.
	Capacity int
}

func (cfg PollConfig) check() error {
	if cfg.Wait >= policyCount {
		return fmt.Errorf("reactor: new poll: unknown wait policy %d: %w", cfg.Wait, syscall.EINVAL)
	}
	if cfg.Capacity < 0 {
		return fmt.Errorf("reactor: new poll: capacity %d is negative: %w", cfg.Capacity, syscall.EINVAL)
	}
	return nil
}

// Poll watches descriptors and tells which are ready. Make one with [NewPoll].
//
// All methods may be called from any goroutine, also while another one is in
// Wait; but only one goroutine at a time may be in Wait.
//
// Once Deregister has returned, no Wait that is entered later reports the
// registration. Events that an earlier Wait has put in the caller's slice are
// the caller's; [Loop] is the layer that drops those.
type Poll struct {
	gate   gate
	sel    selector
	policy WaitPolicy
	clock  stopwatch

	// Of the goroutine that is in Wait.
	parker parker
	spins  spinning
	yields yielding
	naps   naps
	pace   pace

	// slept says that the last wait has found nothing at first, and slept.
	slept bool

	// unparks counts the parks that unpark has ended.
	unparks uint64

	mu        sync.Mutex // guards what follows
	wakers    []*Waker
	processes map[int]int // what selector.openProcess has returned, by pid
}

// NewPoll opens a Poll. Its descriptors are close-on-exec. The error satisfies
// errors.Is with the system's errno (EMFILE, ENFILE, ENOMEM), with EINVAL for a
// bad configuration, and with [errors.ErrUnsupported] where metalio has no
// backend, or no way to [Park].
func NewPoll(cfg PollConfig) (*Poll, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	p := &Poll{policy: cfg.Wait, clock: stopwatch{time.Now()}, naps: naps{longNap}}
	if err := p.sel.open(cfg); err != nil {
		return nil, fmt.Errorf("reactor: new poll: %w", err)
	}
	if errno := p.openParker(); errno != 0 {
		p.sel.close()
		return nil, fmt.Errorf("reactor: new poll: wait policy %v: %w", cfg.Wait, errno)
	}
	return p, nil
}

// openParker opens what the policy needs. Auto does without where there is no
// parking.
func (p *Poll) openParker() syscall.Errno {
	if p.policy != Auto && p.policy != Park {
		return 0
	}
	errno := p.parker.open(&p.sel)
	if errno == syscall.ENOTSUP && p.policy == Auto {
		return 0
	}
	return errno
}

// Register watches fd for interest and reports readiness with token.
//
// The error is an [*OpError]. It satisfies errors.Is with EEXIST if fd is
// registered, EBADF if it is not open, EPERM if it is a file that is always
// ready and cannot be watched, EINVAL for an empty or unknown interest or mode,
// [ErrBlocking] for Edge on a descriptor in blocking mode, and [os.ErrClosed] if
// the Poll is closed. On Windows also with EBUSY if another Poll of the process
// watches fd, and with [errors.ErrUnsupported] if it is no socket.
func (p *Poll) Register(fd FD, token Token, interest Interest, mode Mode) error {
	return p.control(opRegister, fd, token, interest, mode)
}

// Reregister replaces the token, interest and mode of a registered descriptor.
// It arms a registration that is OneShot again, and readiness that is there
// already is reported, whatever the mode. The errors are those of Register, with
// ENOENT in the place of EEXIST if fd is not registered.
func (p *Poll) Reregister(fd FD, token Token, interest Interest, mode Mode) error {
	return p.control(opReregister, fd, token, interest, mode)
}

// control is what Register and Reregister have in common.
func (p *Poll) control(op operation, fd FD, token Token, interest Interest, mode Mode) error {
	if err := checkRegistration(fd, interest, mode); err != nil {
		return &OpError{op.String(), fd, err}
	}
	if !p.gate.enter() {
		return &OpError{op.String(), fd, os.ErrClosed}
	}
	var errno syscall.Errno
	if op == opRegister {
		errno = p.sel.register(fd, token, interest, mode)
	} else {
		errno = p.sel.reregister(fd, token, interest, mode)
	}
	p.leave()
	if errno != 0 {
		return &OpError{op.String(), fd, explain(errno)}
	}
	return nil
}

// Deregister stops watching fd. Call it before closing fd: a descriptor that
// was duplicated keeps its registration when this copy is closed. The errors,
// [*OpError], satisfy errors.Is with ENOENT if fd is not registered, EBADF if it
// is not open, and [os.ErrClosed] if the Poll is closed. Windows may not notice
// that fd is closed already, and then ends the registration without an error.
func (p *Poll) Deregister(fd FD) error {
	if !p.gate.enter() {
		return &OpError{opDeregister.String(), fd, os.ErrClosed}
	}
	errno := p.sel.deregister(fd)
	p.leave()
	if errno != 0 {
		return &OpError{opDeregister.String(), fd, errno}
	}
	return nil
}

// Rearm tells a backend that emulates Edge that an operation on fd in the
// direction blocked would have blocked. Only AFD needs to be told; elsewhere
// the kernel knows and Rearm does nothing. Sources from package sockets call it
// themselves. It is no error if fd is not registered, or not for Edge.
func (p *Poll) Rearm(fd FD, blocked Interest) error {
	if !p.gate.enter() {
		return &OpError{opRearm.String(), fd, os.ErrClosed}
	}
	errno := p.sel.rearm(fd, blocked)
	p.leave()
	if errno != 0 {
		return &OpError{opRearm.String(), fd, errno}
	}
	return nil
}

// Wait fills events with what is ready, sleeping for up to timeout until
// something is, and returns how many it filled. A negative timeout is for ever,
// zero never sleeps. Wait returns 0 only when timeout has passed: not before,
// and not because of a signal.
//
// Readiness that does not fit in events is reported by the next Wait, before
// that of descriptors that have been reported already. Wait does not allocate.
//
// It is an error if events is empty (EINVAL), if another goroutine is in Wait
// (EBUSY), or if the Poll is closed, before or meanwhile ([os.ErrClosed]).
func (p *Poll) Wait(events []Event, timeout time.Duration) (int, error) {
	return p.waitBeside(descriptorsOnly{}, events, timeout)
}

// waitBeside is Wait that also returns 0 when other is pending.
func (p *Poll) waitBeside(other sources, events []Event, timeout time.Duration) (int, error) {
	if len(events) == 0 {
		return 0, errNoRoom
	}
	switch p.gate.enterAlone() {
	case gateShut:
		return 0, errWaitClosed
	case gateTaken:
		return 0, errWaitTwice
	}
	n, errno := p.await(events, timeout, other)
	if p.leaveAlone() {
		return 0, errWaitClosed
	}
	if errno != 0 {
		return 0, fmt.Errorf("reactor: wait: %w", errno)
	}
	return n, nil
}

var (
	errNoRoom     = fmt.Errorf("reactor: wait: no room for events: %w", syscall.EINVAL)
	errWaitTwice  = fmt.Errorf("reactor: wait: another goroutine waits on this poll: %w", syscall.EBUSY)
	errWaitClosed = fmt.Errorf("reactor: wait: %w", os.ErrClosed)
)

// Close ends the Poll. A Wait that is under way returns [os.ErrClosed], and so
// does every later call. Wakers made by the Poll are closed with it; the
// registered descriptors are left open. The Poll's own descriptors are closed
// when the last call that uses them has returned. Closing again does nothing
// and returns nil.
func (p *Poll) Close() error {
	// Being inside, it keeps the selector open for the interruption.
	if !p.gate.enterToShut() {
		return nil
	}
	p.sel.interrupt()
	for _, w := range p.takeWakers() {
		w.release()
	}
	p.closeProcesses()
	p.leave()
	return nil
}

func (p *Poll) takeWakers() []*Waker {
	p.mu.Lock()
	defer p.mu.Unlock()
	wakers := p.wakers
	p.wakers = nil
	return wakers
}

// leave ends a call that gate.enter has admitted.
func (p *Poll) leave() {
	if p.gate.leave() {
		p.release()
	}
}

// leaveAlone ends a Wait, and reports whether the Poll has been closed.
func (p *Poll) leaveAlone() (closed bool) {
	closed, last := p.gate.leaveAlone()
	if last {
		p.release()
	}
	return closed
}

// release is the end of a Poll that nobody uses any more.
func (p *Poll) release() {
	p.parker.close()
	p.sel.close()
}
