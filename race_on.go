//go:build race

package metalio

import (
	"runtime"
	"unsafe"
)

const raceEnabled = true

// kernelSync stands for the kernel in the race detector's eyes: what is
// written to a descriptor happens before what is read from one. One variable
// for all descriptors is coarser than the truth, and never reports a race that
// is none.
var kernelSync byte

func raceRelease() { runtime.RaceReleaseMerge(unsafe.Pointer(&kernelSync)) }
func raceAcquire() { runtime.RaceAcquire(unsafe.Pointer(&kernelSync)) }

func raceRead(p unsafe.Pointer, n int) {
	if n > 0 {
		runtime.RaceReadRange(hide(p), n)
	}
}

func raceWrite(p unsafe.Pointer, n int) {
	if n > 0 {
		runtime.RaceWriteRange(hide(p), n)
	}
}

// hide keeps p from escaping into the detector's functions, which look at the
// memory and keep no pointer to it; else every buffer would move to the heap
// under -race alone. The pointer is used in the same expression, while the
// caller's own reference keeps the memory alive.
func hide(p unsafe.Pointer) unsafe.Pointer {
	u := uintptr(p)
	return *(*unsafe.Pointer)(unsafe.Pointer(&u))
}
