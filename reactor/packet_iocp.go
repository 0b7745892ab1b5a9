//go:build windows

package reactor

import "github.com/metalio/metalio"

// waitPackets are the system's wait completion packets: each has a port receive
// one packet when an object is signalled, without a thread that waits for it.
// Where the system lacks them, tests put a simulation in their place.
type waitPackets interface {
	create() (packet uintptr, status metalio.NTStatus)

	// associate has port receive a packet with key and context once target
	// is signalled, and tells if it was already. It fails if the packet is
	// associated, also if what it has sent is in the port still.
	associate(packet, port, target, key, context uintptr) (signaled bool, status metalio.NTStatus)

	// cancel ends an association, and takes what it has sent out of the port.
	// STATUS_SUCCESS and STATUS_CANCELLED, which says that there was nothing
	// to cancel any more, leave the packet free. STATUS_PENDING does not:
	// the target is being signalled at this moment.
	cancel(packet uintptr) metalio.NTStatus

	// destroy closes a packet. What it has sent may be in the port still.
	destroy(packet uintptr)
}

// systemPackets is nil where there are none: before Windows 8, and in Wine 8.
func systemPackets() waitPackets {
	if !metalio.HasNtCreateWaitCompletionPacket() ||
		!metalio.HasNtAssociateWaitCompletionPacket() ||
		!metalio.HasNtCancelWaitCompletionPacket() {
		return nil
	}
	return ntPackets{}
}

type ntPackets struct{}

func (ntPackets) create() (packet uintptr, status metalio.NTStatus) {
	status = metalio.NtCreateWaitCompletionPacket(&packet, metalio.GENERIC_ALL, nil)
	return packet, status
}

func (ntPackets) associate(packet, port, target, key, context uintptr) (bool, metalio.NTStatus) {
	var signaled uint8
	status := metalio.NtAssociateWaitCompletionPacket(packet, port, target, key, context, metalio.STATUS_SUCCESS, 0, &signaled)
	return signaled != 0, status
}

func (ntPackets) cancel(packet uintptr) metalio.NTStatus {
	const removeSignaled = 1
	return metalio.NtCancelWaitCompletionPacket(packet, removeSignaled)
}

func (ntPackets) destroy(packet uintptr) { metalio.CloseHandle(packet) }
