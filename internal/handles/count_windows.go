package handles

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/windows"
)

var getProcessHandleCount = windows.NewLazySystemDLL("kernel32.dll").NewProc("GetProcessHandleCount")

// Count returns how many handles a process has open, sockets among them.
func Count(pid int) (int, error) {
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return 0, err
	}
	defer windows.CloseHandle(process)
	var n uint32
	if ok, _, err := getProcessHandleCount.Call(uintptr(process), uintptr(unsafe.Pointer(&n))); ok == 0 {
		return 0, err
	}
	if n != 0 {
		return int(n), nil
	}
	// There is no process without handles: Wine 8 does not count them. It has
	// a list, though, which on Windows itself is a long one.
	return countListed(uintptr(pid))
}

// systemHandle is SYSTEM_HANDLE_TABLE_ENTRY_INFO_EX, one entry of the list.
type systemHandle struct {
	object     uintptr
	process    uintptr // its id
	handle     uintptr
	access     uint32
	_          [2]uint16
	attributes uint32
	_          uint32
}

// countListed goes through the handles of all processes, which are behind their
// number and a reserved word.
func countListed(pid uintptr) (n int, err error) {
	const head = 2 * unsafe.Sizeof(pid)
	for size := 1 << 10; size < 1<<22; size *= 2 {
		room := make([]systemHandle, size) // as aligned as the head needs
		bytes := unsafe.Sizeof(room[0]) * uintptr(size)
		err := windows.NtQuerySystemInformation(windows.SystemExtendedHandleInformation, unsafe.Pointer(&room[0]), uint32(bytes), nil)
		if err == windows.STATUS_INFO_LENGTH_MISMATCH {
			continue
		}
		if err != nil {
			return 0, err
		}
		count := *(*uintptr)(unsafe.Pointer(&room[0]))
		if count > (bytes-head)/unsafe.Sizeof(room[0]) {
			return 0, errors.New("handles: the system's list is longer than it says")
		}
		// Sound because the system has filled head and count entries of room.
		for _, h := range unsafe.Slice((*systemHandle)(unsafe.Add(unsafe.Pointer(&room[0]), head)), count) {
			if h.process == pid {
				n++
			}
		}
		return n, nil
	}
	return 0, errors.New("handles: the system's list is too long")
}
