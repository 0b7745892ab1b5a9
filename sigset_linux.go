package metalio

import (
	"syscall"
	"unsafe"
)

// Add puts sig in the set. It panics if the kernel has no signal of that number.
func (s *Sigset) Add(sig syscall.Signal) {
	// The kernel's set is an array of C's unsigned long, which is as wide as a
	// uintptr and aligned no stricter than Bits.
	const wordBits = 8 * unsafe.Sizeof(uintptr(0))
	words := (*[8 * SizeofSigset / wordBits]uintptr)(unsafe.Pointer(s))
	bit := uint(sig) - 1
	words[bit/uint(wordBits)] |= 1 << (bit % uint(wordBits))
}
