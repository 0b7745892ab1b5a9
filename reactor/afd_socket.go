//go:build windows

package reactor

import (
	"math"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/metalio/metalio"
)

// startWinsock makes the calls below possible in a program that has opened no
// socket yet.
var startWinsock = sync.OnceValue(func() syscall.Errno {
	const version = 0x202 // 2.2, the last there is
	return syscall.Errno(metalio.WSAStartup(version, new(metalio.WSAData)))
})

// baseSocket returns the socket that AFD knows behind fd. Where a layered
// service provider is installed, the program's socket is the provider's own
// invention.
//
// Providers must leave SIO_BASE_HANDLE to the layer below, but some catch it.
// Of those, some answer at least one of the older requests with the socket of
// the next layer down, which is then asked the same.
func baseSocket(fd FD, ask func(socket uintptr, request uint32) (uintptr, syscall.Errno)) (uintptr, syscall.Errno) {
	const layers = 16 // more than any system has: a ring of layers must end, too
	socket := fd
	for range layers {
		base, errno := ask(socket, metalio.SIO_BASE_HANDLE)
		if errno == 0 || errno == metalio.WSAENOTSOCK {
			return base, errno
		}
		next := socket
		for _, request := range [...]uint32{metalio.SIO_BSP_HANDLE_SELECT, metalio.SIO_BSP_HANDLE_POLL, metalio.SIO_BSP_HANDLE} {
			if below, e := ask(socket, request); e == 0 && below != socket {
				next = below
				break
			}
		}
		if next == socket {
			return 0, errno
		}
		socket = next
	}
	return 0, metalio.WSAEINVAL
}

func askProvider(socket uintptr, request uint32) (uintptr, syscall.Errno) {
	var answer uintptr
	var n uint32
	errno := metalio.WSAIoctl(socket, request, nil, 0, unsafe.Pointer(&answer), uint32(unsafe.Sizeof(answer)), &n, nil, 0)
	return answer, errno
}

// isSocket reports whether fd is an open socket.
func isSocket(fd FD) bool {
	var kind, size int32 = 0, 4
	return metalio.Getsockopt(fd, metalio.SOL_SOCKET, metalio.SO_TYPE, unsafe.Pointer(&kind), &size) == 0
}

// refusal says why fd cannot be polled: errno, if it is a socket.
func refusal(fd FD, errno syscall.Errno) syscall.Errno {
	if isSocket(fd) {
		return errno
	}
	kind, err := windows.GetFileType(windows.Handle(fd))
	switch {
	case err != nil || kind == windows.FILE_TYPE_UNKNOWN:
		return syscall.EBADF
	case kind == windows.FILE_TYPE_DISK:
		return syscall.EPERM
	}
	return syscall.ENOTSUP
}

// unknownSocket says why a call on a socket without registration fails.
func unknownSocket(fd FD) syscall.Errno { return refusal(fd, syscall.ENOENT) }

// openAFD opens a handle of the AFD driver itself, through which sockets are
// polled, and ties it to port. The last part of the name is ours to choose.
func openAFD(port uintptr) (uintptr, syscall.Errno) {
	path := windows.StringToUTF16(`\Device\Afd\metalio`)
	name := metalio.UnicodeString{
		Length:        uint16(2 * (len(path) - 1)), // without the final zero
		MaximumLength: uint16(2 * len(path)),
		Buffer:        unsafe.SliceData(path),
	}
	attributes := metalio.ObjectAttributes{Length: metalio.SizeofObjectAttributes, ObjectName: &name}
	var afd uintptr
	var iosb metalio.IOStatusBlock
	// With neither of the two synchronous options the handle is asynchronous,
	// and with no extended attributes it is not a socket.
	status := metalio.NtCreateFile(&afd, metalio.SYNCHRONIZE, &attributes, &iosb, nil, 0,
		metalio.FILE_SHARE_READ|metalio.FILE_SHARE_WRITE, metalio.FILE_OPEN, 0, nil, 0)
	if status.Failed() {
		return 0, status.Errno()
	}
	if _, errno := metalio.CreateIoCompletionPort(afd, port, keyPoll, 0); errno != 0 {
		metalio.CloseHandle(afd)
		return 0, errno
	}
	// Otherwise each completion sets the event in the file object, for nobody.
	if errno := metalio.SetFileCompletionNotificationModes(afd, metalio.FILE_SKIP_SET_EVENT_ON_HANDLE); errno != 0 {
		metalio.CloseHandle(afd)
		return 0, errno
	}
	return afd, 0
}

// startPoll hands the record of slot to the kernel. It has failed, and no packet
// will come, if the status has.
func (r *pollRecord) startPoll(afd, base, word uintptr) metalio.NTStatus {
	r.asked = r.armed
	r.iosb.Status = metalio.STATUS_PENDING
	// Not exclusive: that would end the polls of other processes that share
	// the socket, as theirs would end ours.
	r.info = metalio.AFDPollInfo{
		Timeout:         math.MaxInt64,
		NumberOfHandles: 1,
		Handle:          metalio.AFDPollHandleInfo{Handle: base, Events: afdBits(r.armed)},
	}
	return metalio.NtDeviceIoControlFile(afd, 0, 0, word, &r.iosb, metalio.IOCTL_AFD_POLL,
		unsafe.Pointer(&r.info), metalio.SizeofAFDPollInfo,
		unsafe.Pointer(&r.info), metalio.SizeofAFDPollInfo)
}

// cancelPoll asks for the packet of a poll in flight now. There is nothing to
// ask for if the poll is done.
func (r *pollRecord) cancelPoll(afd uintptr) syscall.Errno {
	if r.isDone() {
		return 0
	}
	var iosb metalio.IOStatusBlock
	status := metalio.NtCancelIoFileEx(afd, &r.iosb, &iosb)
	if status.Failed() && status != metalio.STATUS_NOT_FOUND {
		return status.Errno()
	}
	return 0
}
