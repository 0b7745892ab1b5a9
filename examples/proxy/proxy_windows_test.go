package main

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

func prepareProxy() {}

var procGetProcessHandleCount = syscall.NewLazyDLL("kernel32.dll").NewProc("GetProcessHandleCount")

// ownDescriptors is what a warm proxy may have more than a cold one: the loop
// keeps a handle for each 32 sockets that it ever had at one time, and Go a few
// for each thread.
const ownDescriptors = 110

// descriptors counts the proxy's handles.
func (p *child) descriptors() int {
	p.t.Helper()
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_INFORMATION, false, uint32(p.cmd.Process.Pid))
	must(p.t, err)
	defer windows.CloseHandle(h)
	var n uint32
	if ok, _, err := procGetProcessHandleCount.Call(uintptr(h), uintptr(unsafe.Pointer(&n))); ok == 0 {
		p.t.Fatal(err)
	}
	return int(n)
}

// hasReset reports whether closing with zero linger resets a connection. Under
// Wine, whose server shuts a socket down before it closes it, it does not.
func hasReset() bool {
	return syscall.NewLazyDLL("ntdll.dll").NewProc("wine_get_version").Find() != nil
}
