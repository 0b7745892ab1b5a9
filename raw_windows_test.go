package metalio_test

import (
	"syscall"
	"testing"

	"golang.org/x/sys/windows"

	"github.com/metalio/metalio"
)

// A completion port carries the key and the context verbatim, integers in
// pointer-typed slots included.
func TestZeroAllocsCompletionPort(t *testing.T) {
	port, errno := metalio.CreateIoCompletionPort(^uintptr(0), 0, 0, 1)
	if errno != 0 {
		t.Fatalf("CreateIoCompletionPort: %v", errno)
	}
	defer metalio.CloseHandle(port)
	for _, token := range []uintptr{1, 0xc000000001} {
		allocs := testing.AllocsPerRun(100, func() {
			var entries [4]metalio.OverlappedEntry
			if errno := metalio.PostQueuedCompletionStatus(port, 7, token, token); errno != 0 {
				panic(errno)
			}
			var n uint32
			if errno := metalio.GetQueuedCompletionStatusEx(port, entries[:], &n, 0, 0); errno != 0 || n != 1 {
				panic(errno)
			}
			if entries[0].Key != token || entries[0].Overlapped != token || entries[0].Bytes != 7 {
				panic("another packet came back")
			}
		})
		if allocs != 0 {
			t.Errorf("token %#x: %v allocations, want 0", token, allocs)
		}
	}
	var entries [1]metalio.OverlappedEntry
	var n uint32
	if errno := metalio.GetQueuedCompletionStatusEx(port, entries[:], &n, 0, 0); errno != syscall.Errno(windows.WAIT_TIMEOUT) {
		t.Errorf("GetQueuedCompletionStatusEx of an empty port: %v, want WAIT_TIMEOUT", errno)
	}
	if errno := metalio.CloseHandle(0); errno == 0 {
		t.Error("CloseHandle(0) succeeded")
	}
}

func TestNTStatus(t *testing.T) {
	if s := metalio.STATUS_INVALID_HANDLE; !s.Failed() || s.Errno() != windows.ERROR_INVALID_HANDLE {
		t.Errorf("STATUS_INVALID_HANDLE: failed %v, errno %v", s.Failed(), s.Errno())
	}
	if s := metalio.STATUS_PENDING; s.Failed() {
		t.Error("STATUS_PENDING is no failure")
	}
	if metalio.STATUS_SUCCESS.Errno() != 0 {
		t.Error("STATUS_SUCCESS has an errno")
	}
}

// The wrapper of an export that this system lacks says so, and the others reach
// the system.
func TestOptionalExports(t *testing.T) {
	const absent = metalio.STATUS_PROCEDURE_NOT_FOUND
	for _, export := range []struct {
		dll, name string
		has       func() bool
		isAbsent  func() bool
	}{
		{"ntdll.dll", "NtCreateWaitCompletionPacket", metalio.HasNtCreateWaitCompletionPacket, func() bool {
			var packet uintptr
			status := metalio.NtCreateWaitCompletionPacket(&packet, metalio.GENERIC_ALL, nil)
			if !status.Failed() {
				metalio.CloseHandle(packet)
			}
			return status == absent
		}},
		{"ntdll.dll", "NtAssociateWaitCompletionPacket", metalio.HasNtAssociateWaitCompletionPacket, func() bool {
			return metalio.NtAssociateWaitCompletionPacket(0, 0, 0, 0, 0, 0, 0, nil) == absent
		}},
		{"ntdll.dll", "NtCancelWaitCompletionPacket", metalio.HasNtCancelWaitCompletionPacket, func() bool {
			return metalio.NtCancelWaitCompletionPacket(0, 0) == absent
		}},
		{"ws2_32.dll", "ProcessSocketNotifications", metalio.HasProcessSocketNotifications, func() bool {
			errno := metalio.ProcessSocketNotifications(0, nil, 0, nil, new(uint32))
			return syscall.Errno(errno) == windows.ERROR_PROC_NOT_FOUND
		}},
	} {
		t.Run(export.name, func(t *testing.T) {
			has := windows.NewLazySystemDLL(export.dll).NewProc(export.name).Find() == nil
			t.Log("exported here:", has)
			if export.has() != has {
				t.Errorf("Has%s() = %v", export.name, export.has())
			}
			if export.isAbsent() == has {
				t.Errorf("the wrapper says absent: %v", !has)
			}
		})
	}
}
