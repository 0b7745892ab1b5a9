package sockets

import (
	"syscall"

	"github.com/metalio/metalio"
)

const hasSplice = true

// sysSplice moves between two non-blocking descriptors, one of them a pipe.
func sysSplice(to, from FD, size int) (int, syscall.Errno) {
	for {
		n, errno := metalio.RawSplice(int(from), nil, int(to), nil, size, metalio.SPLICE_F_MOVE|metalio.SPLICE_F_NONBLOCK)
		if errno != syscall.EINTR {
			return n, errno
		}
	}
}

// sysSendfile takes the scheduler-aware form, because the socket does not block
// but a file's disk may.
func sysSendfile(to, file FD, offset int64, count int) (int, syscall.Errno) {
	if !validFD(file) {
		return 0, syscall.EBADF
	}
	for {
		n, errno := metalio.Sendfile(int(to), int(file), &offset, min(count, maxTransfer))
		if errno != syscall.EINTR {
			return n, errno
		}
	}
}

// sysPipeSize sets a pipe's size unless it is 0, and returns what it is.
func sysPipeSize(pipe FD, size int) (int, syscall.Errno) {
	if size == 0 {
		return metalio.RawFcntl(int(pipe), metalio.F_GETPIPE_SZ, 0)
	}
	if int(int32(size)) != size {
		return 0, syscall.EINVAL // the kernel would cut it to 32 bits
	}
	return metalio.RawFcntl(int(pipe), metalio.F_SETPIPE_SZ, size)
}
