//go:build windows

package reactor

import (
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/windows"

	"github.com/metalio/metalio"
)

// exit is a process whose end is to be a packet of the port: by a wait completion
// packet where the system has those, else by a thread of the system's pool, which
// waits for the process and posts.
type exit struct {
	owner    *selector
	token    Token
	process  windows.Handle
	packet   uintptr // one of these two is 0
	wait     uintptr
	reported bool // guarded by the owner's mu
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
	process, errno := handleOf(uint32(pid))
	if errno != 0 {
		return 0, errno
	}
	x := &exit{owner: s, token: token, process: process}
	id := addExit(x) // before the first packet may come
	if errno := x.watch(id); errno != 0 {
		removeExit(id)
		windows.CloseHandle(process)
		return 0, errno
	}
	return int(id), 0
}

// handleOf opens the process pid.
func handleOf(pid uint32) (windows.Handle, syscall.Errno) {
	process, err := windows.OpenProcess(windows.SYNCHRONIZE|windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	if err == windows.ERROR_INVALID_PARAMETER {
		return 0, syscall.ESRCH
	}
	if err != nil {
		return 0, systemError(err)
	}
	// Process IDs are handles of a table in the kernel, and the two lowest bits
	// of a handle are ignored: the process may be one with another number.
	if opened, err := windows.GetProcessId(process); err != nil || opened != pid {
		windows.CloseHandle(process)
		return 0, syscall.ESRCH
	}
	return process, 0
}

func (s *selector) closeProcess(id int) {
	x := removeExit(uintptr(id))
	x.unwatch()
	windows.CloseHandle(x.process)
}

func (x *exit) watch(id uintptr) syscall.Errno {
	if x.owner.packets != nil {
		return x.associate(id)
	}
	return metalio.RegisterWaitForSingleObject(&x.wait, uintptr(x.process), exitCallback(), id, metalio.INFINITE, metalio.WT_EXECUTEONLYONCE)
}

func (x *exit) associate(id uintptr) syscall.Errno {
	packets := x.owner.packets
	packet, status := packets.create()
	if status.Failed() {
		return status.Errno()
	}
	signaled, status := packets.associate(packet, x.owner.port, uintptr(x.process), keyExit, id)
	if status.Failed() {
		packets.destroy(packet)
		return status.Errno()
	}
	x.packet = packet
	if signaled {
		// Whether the system has sent a packet of its own is not documented.
		postUntilDone(x.owner.port, keyExit, id)
	}
	return 0
}

// unwatch is after removeExit: a packet that still comes finds no exit.
func (x *exit) unwatch() {
	if x.packet != 0 {
		x.owner.packets.cancel(x.packet)
		x.owner.packets.destroy(x.packet)
		return
	}
	const untilCallbackDone = metalio.INVALID_HANDLE_VALUE
	metalio.UnregisterWaitEx(x.wait, untilCallbackDone)
}

// report is called for each packet, and makes an event of the first.
func (x *exit) report() (Event, bool) {
	first := !x.reported
	x.reported = true
	return Event{x.token, readyExited}, first
}

// postUntilDone posts a packet that must come. Should the system have no memory
// for it, it has some later.
func postUntilDone(port, key, overlapped uintptr) {
	for metalio.PostQueuedCompletionStatus(port, 0, key, overlapped) != 0 {
		time.Sleep(time.Millisecond)
	}
}
