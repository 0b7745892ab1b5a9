//go:build windows

package reactor

import (
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/metalio/metalio"
)

// pollRecord is one AFD poll: what the kernel reads and writes while the poll
// is in flight, and what its packet is translated with. It is one cache line.
type pollRecord struct {
	iosb metalio.IOStatusBlock
	info metalio.AFDPollInfo

	token      Token
	generation uint32
	state      pollState
	mode       Mode
	armed      Interest // what is to be reported, and hangup
	asked      Interest // what the poll in flight asks for
}

var _ = [64]byte([unsafe.Sizeof(pollRecord{})]byte{})

// pollState says who may write a pollRecord's first two fields.
type pollState uint8

const (
	pollIdle      pollState = iota // ours
	pollPending                    // the kernel's; its packet is to be delivered
	pollCancelled                  // the kernel's; its packet is to be dropped
)

// watched is what only registration needs to know of a record.
type watched struct {
	fd         FD
	base       uintptr // the socket that AFD knows, see baseSocket
	interest   Interest
	registered bool // false also while a deregistered record awaits its packet
	queued     bool // in the selector's queue of changes
}

// afdSlab holds the records in memory of the system's own, outside Go's heap:
// the kernel writes to them after the call that started a poll has returned,
// even if the Poll has been lost without Close by then.
type afdSlab struct {
	chunks  []*[chunkRecords]pollRecord
	watched []watched
	free    []uint32
}

// chunkRecords fill 64 KiB, the unit in which VirtualAlloc hands out addresses.
const chunkRecords = 64 << 10 / 64

func (b *afdSlab) record(slot uint32) *pollRecord {
	return &b.chunks[slot/chunkRecords][slot%chunkRecords]
}

// grow makes room for one more chunk of records.
func (b *afdSlab) grow() syscall.Errno {
	const size = chunkRecords * unsafe.Sizeof(pollRecord{})
	addr, err := windows.VirtualAlloc(0, size, windows.MEM_RESERVE|windows.MEM_COMMIT, windows.PAGE_READWRITE)
	if err != nil {
		return systemError(err)
	}
	// Sound because addr is no Go memory: nothing moves or frees it but
	// freeAll. It is read through a pointer because go vet cannot know that.
	b.chunks = append(b.chunks, *(**[chunkRecords]pollRecord)(unsafe.Pointer(&addr)))

	first := len(b.watched)
	b.watched = append(b.watched, make([]watched, chunkRecords)...)
	for slot := len(b.watched) - 1; slot >= first; slot-- {
		b.free = append(b.free, uint32(slot)) // the lowest is taken first
	}
	return 0
}

// freeAll gives the memory back. No poll may be in flight.
func (b *afdSlab) freeAll() {
	for _, chunk := range b.chunks {
		windows.VirtualFree(uintptr(unsafe.Pointer(chunk)), 0, windows.MEM_RELEASE)
	}
	*b = afdSlab{}
}

// take needs a free slot.
func (b *afdSlab) take() uint32 {
	slot := b.free[len(b.free)-1]
	b.free = b.free[:len(b.free)-1]
	return slot
}

// give takes slot back. Packets that carry its old word find nothing from here.
func (b *afdSlab) give(slot uint32) {
	b.record(slot).generation++
	b.free = append(b.free, slot)
}

// word is what the packet of a poll brings back. It is never 0: a poll with
// that context would complete without a packet.
func (b *afdSlab) word(slot uint32) uintptr {
	return uintptr(uint64(b.record(slot).generation)<<32 | uint64(slot+1))
}

// find is the reverse of word, and fails for the word of an earlier generation.
func (b *afdSlab) find(word uintptr) (slot uint32, ok bool) {
	slot = uint32(word) - 1
	if uint64(slot) >= uint64(len(b.watched)) {
		return 0, false
	}
	return slot, b.word(slot) == word
}

// isDone reports that the kernel has finished with the record, whose packet may
// still be on its way. The kernel writes the status last.
func (r *pollRecord) isDone() bool {
	return atomic.LoadUint32((*uint32)(&r.iosb.Status)) != uint32(metalio.STATUS_PENDING)
}

// sawClose reports that the socket has been closed under a poll whose packet
// is still on its way. What a cancelled poll has seen is of a registration
// before this one, and perhaps of another socket that had the number.
func (r *pollRecord) sawClose() bool {
	return r.state == pollPending && r.isDone() && r.found(r.iosb.Status)&metalio.AFD_POLL_LOCAL_CLOSE != 0
}

// found is the events of a poll that has ended with status.
func (r *pollRecord) found(status metalio.NTStatus) uint32 {
	switch {
	case status == metalio.STATUS_CANCELLED:
		return 0
	case status.Failed():
		return metalio.AFD_POLL_CONNECT_FAIL
	case r.info.NumberOfHandles == 0:
		return 0 // another process has polled the socket exclusively
	}
	return r.info.Handle.Events
}

// systemError is the errno in an error of package windows.
func systemError(err error) syscall.Errno {
	if errno, ok := err.(syscall.Errno); ok && errno != 0 {
		return errno
	}
	return syscall.EINVAL
}
