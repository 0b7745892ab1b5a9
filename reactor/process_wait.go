//go:build windows

package reactor

import (
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/windows"

	"github.com/metalio/metalio"
)

// exit is a process that a thread of the system's pool waits for. When it ends
// the thread posts a packet. (A wait completion packet would need no thread, but
// Windows documents it only for its own runtime's use, and Wine 8 has none.)
type exit struct {
	owner   *selector
	token   Token
	process windows.Handle
	wait    uintptr
}

// exits finds an exit by what the pool's thread and the packet know of it. IDs
// are not used again, so that of an exit that was closed finds nothing.
var exits struct {
	sync.Mutex
	last uintptr
	byID map[uintptr]*exit
}

// exitCallback is made once: Go never frees a callback.
var exitCallback = sync.OnceValue(func() uintptr { return syscall.NewCallback(postExit) })

// postExit runs on a thread of the pool. closeProcess waits for it, so the port
// is open.
func postExit(id, _ uintptr) uintptr {
	if x := findExit(id); x != nil {
		postUntilDone(x.owner.port, keyExit, id)
	}
	return 0
}

func findExit(id uintptr) *exit {
	exits.Lock()
	defer exits.Unlock()
	return exits.byID[id]
}

func addExit(x *exit) (id uintptr) {
	exits.Lock()
	defer exits.Unlock()
	if exits.byID == nil {
		exits.byID = make(map[uintptr]*exit)
	}
	exits.last++
	exits.byID[exits.last] = x
	return exits.last
}

func removeExit(id uintptr) *exit {
	exits.Lock()
	defer exits.Unlock()
	x := exits.byID[id]
	delete(exits.byID, id)
	return x
}

func (s *selector) openProcess(pid int, token Token) (int, syscall.Errno) {
	process, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(pid))
	if err == windows.ERROR_INVALID_PARAMETER {
		return 0, syscall.ESRCH
	}
	if err != nil {
		return 0, systemError(err)
	}
	x := &exit{owner: s, token: token, process: process}
	id := addExit(x) // before the callback may run
	errno := metalio.RegisterWaitForSingleObject(&x.wait, uintptr(process), exitCallback(), id, metalio.INFINITE, metalio.WT_EXECUTEONLYONCE)
	if errno != 0 {
		removeExit(id)
		windows.CloseHandle(process)
		return 0, errno
	}
	return int(id), 0
}

func (s *selector) closeProcess(id int) {
	x := removeExit(uintptr(id))
	const untilCallbackDone = metalio.INVALID_HANDLE_VALUE
	metalio.UnregisterWaitEx(x.wait, untilCallbackDone)
	windows.CloseHandle(x.process)
}

// postUntilDone posts a packet that must come. Should the system have no memory
// for it, it has some later.
func postUntilDone(port, key, overlapped uintptr) {
	for metalio.PostQueuedCompletionStatus(port, 0, key, overlapped) != 0 {
		time.Sleep(time.Millisecond)
	}
}
