package sockets

import (
	"io"
	"syscall"

	"github.com/metalio/metalio"
)

// Splicer moves data from one socket to another inside the kernel, without
// copying it through the program. It owns a pipe, and with the pipe what was
// taken from the source and is not yet delivered: use one Splicer for each
// direction of each pair of sockets. Use it from one goroutine at a time.
//
// Linux only; elsewhere NewSplicer returns errors.ErrUnsupported.
type Splicer struct {
	pipe     Pipe
	buffered int
	size     int
}

// NewSplicer makes a Splicer whose pipe holds about size bytes, which bounds
// what one system call moves; 0 takes the system's default (64 KiB). An
// unprivileged process is held to /proc/sys/fs/pipe-max-size.
func NewSplicer(size int) (*Splicer, error) {
	if !hasSplice {
		return nil, callError("splice", syscall.ENOSYS)
	}
	s := &Splicer{}
	if err := s.pipe.Open(); err != nil {
		return nil, err
	}
	var errno syscall.Errno
	if s.size, errno = sysPipeSize(s.pipe.W.FD(), size); errno != 0 {
		s.Close()
		return nil, callError("fcntl F_SETPIPE_SZ", errno)
	}
	return s, nil
}

// Splice moves data from src to dst and returns how many bytes dst took. It
// goes on until limit bytes are moved (n >= limit, no error; 0 is no limit), or
// something stops it:
//
//   - [ErrWouldBlock], and blocked says which side must become ready: Readable
//     that src has no more data, Writable that dst takes no more. Only that
//     side's Rearmer is told.
//   - [io.EOF]: src has ended and dst has everything. Pass the end on with
//     dst's CloseWrite.
//   - any other error of either side: what Buffered says is lost.
func (s *Splicer) Splice(dst, src Socket, limit int) (n int, blocked metalio.Interest, err error) {
	to, from := dst.core(), src.core()
	if !s.pipe.W.isOpen() || !to.isOpen() || !from.isOpen() {
		return 0, 0, errClosed
	}
	for limit <= 0 || n < limit {
		// The pipe is filled only when it is empty: then a refusal can
		// only mean that src has nothing.
		if s.buffered == 0 {
			m, errno := sysSplice(s.pipe.W.FD(), from.FD(), s.size)
			if errno != 0 {
				return stopped(n, from, errno, metalio.Readable)
			}
			if m == 0 {
				return n, 0, io.EOF
			}
			s.buffered = m
		}
		m, errno := sysSplice(to.FD(), s.pipe.R.FD(), s.buffered)
		if errno != 0 {
			return stopped(n, to, errno, metalio.Writable)
		}
		s.buffered -= m
		n += m
	}
	return n, 0, nil
}

func stopped(n int, s *socket, errno syscall.Errno, d metalio.Interest) (int, metalio.Interest, error) {
	err := s.failed(errno, d)
	if err != ErrWouldBlock {
		d = 0
	}
	return n, d, err
}

// Buffered returns how many bytes were taken from the source and wait for the
// destination.
func (s *Splicer) Buffered() int { return s.buffered }

// Close closes the pipe; what Buffered says is lost.
func (s *Splicer) Close() error {
	s.buffered = 0
	return s.pipe.Close()
}

// Sendfile sends count bytes of file, from offset on, and returns how many
// went; the file's own offset is neither used nor moved. n < count always comes
// with an error: [ErrWouldBlock] to go on at offset+n when the connection is
// Writable, io.ErrUnexpectedEOF when the file ends early. Reading the file may
// make the calling thread wait for its disk.
//
// Linux only; elsewhere the error is errors.ErrUnsupported.
func (s *stream) Sendfile(file FD, offset int64, count int) (n int, err error) {
	if !s.isOpen() {
		return 0, errClosed
	}
	for n < count {
		m, errno := sysSendfile(s.FD(), file, offset+int64(n), count-n)
		if errno != 0 {
			return n, s.failed(errno, metalio.Writable)
		}
		if m == 0 {
			return n, io.ErrUnexpectedEOF
		}
		n += m
	}
	return n, nil
}
