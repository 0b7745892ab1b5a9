//go:build !linux

package sockets

import "syscall"

// No other system has splice, and their sendfile calls differ too much for one
// raw call. ENOSYS is errors.ErrUnsupported.

const hasSplice = false

func sysSplice(to, from FD, size int) (int, syscall.Errno) { return 0, syscall.ENOSYS }

func sysSendfile(to, file FD, offset int64, count int) (int, syscall.Errno) {
	return 0, syscall.ENOSYS
}

func sysPipeSize(pipe FD, size int) (int, syscall.Errno) { return 0, syscall.ENOSYS }
