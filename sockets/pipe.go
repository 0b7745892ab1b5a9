package sockets

import (
	"errors"

	"github.com/metalio/metalio"
)

// PipeReader is the reading end of a pipe. Use it from one goroutine at a time.
type PipeReader struct {
	socket
}

// PipeWriter is the writing end of a pipe. Use it from one goroutine at a time.
type PipeWriter struct {
	socket
}

// Pipe is both ends of a pipe in one value, for a record that owns both. The
// zero value is closed, and ready for Open. Each end may be closed by itself.
//
// On Windows, whose pipes have no readiness, a pipe is a pair of sockets
// connected over the loopback: there a write may still succeed just after the
// reader was closed, and the error that follows is ECONNRESET or
// ECONNABORTED.
type Pipe struct {
	R PipeReader
	W PipeWriter
}

// Open makes the pipe; p must be closed. Both ends are non-blocking and
// close-on-exec.
func (p *Pipe) Open() error {
	if p.R.isOpen() || p.W.isOpen() {
		return errOpen
	}
	r, w, errno := sysPipe()
	if errno != 0 {
		return callError("pipe", errno)
	}
	p.R.own(r)
	p.W.own(w)
	return nil
}

// Close closes the ends that are open. When neither is, the error satisfies
// errors.Is with os.ErrClosed.
func (p *Pipe) Close() error {
	if !p.R.isOpen() && !p.W.isOpen() {
		return errClosed
	}
	return errors.Join(closeIfOpen(&p.W.socket), closeIfOpen(&p.R.socket))
}

func closeIfOpen(s *socket) error {
	if !s.isOpen() {
		return nil
	}
	return s.Close()
}

// NewPipe opens a new Pipe and returns its ends.
func NewPipe() (*PipeReader, *PipeWriter, error) {
	p := &Pipe{}
	if err := p.Open(); err != nil {
		return nil, nil, err
	}
	return &p.R, &p.W, nil
}

// Read reads up to len(p) bytes. It returns (0, io.EOF) when every writer is
// closed and the pipe is empty, [ErrWouldBlock] when it is only empty, and
// (0, nil) for an empty p.
func (r *PipeReader) Read(p []byte) (int, error) {
	if !r.isOpen() {
		return 0, errClosed
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, errno := sysRead(r.FD(), p)
	return r.readResult(n, errno)
}

// Write writes p until the pipe is full; n < len(p) always comes with an
// error, [ErrWouldBlock] for the full pipe. EPIPE says that every reader is
// closed. As for every Go program, the runtime absorbs the SIGPIPE that the
// kernel sends with it, unless the program asked for it with signal.Notify.
func (w *PipeWriter) Write(p []byte) (n int, err error) {
	if !w.isOpen() {
		return 0, errClosed
	}
	for n < len(p) {
		m, errno := sysWrite(w.FD(), p[n:])
		if errno != 0 {
			return n, w.failed(errno, metalio.Writable)
		}
		n += m
	}
	return n, nil
}
