package sockets

import (
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

// NewPipe makes a pipe whose ends are both non-blocking and close-on-exec. On
// Windows, whose pipes have no readiness, it is a pair of sockets connected
// over the loopback: there a write may still succeed just after the reader was
// closed, and the error that follows is ECONNRESET.
func NewPipe() (*PipeReader, *PipeWriter, error) {
	rfd, wfd, errno := sysPipe()
	if errno != 0 {
		return nil, nil, callError("pipe", errno)
	}
	r, w := &PipeReader{}, &PipeWriter{}
	r.own(rfd)
	w.own(wfd)
	return r, w, nil
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
