package reactor

import (
	"fmt"
	"testing"

	"github.com/metalio/metalio"
)

// BenchmarkChangePoll cancels one of 512 polls in flight, takes its packet and
// starts it again, which is what asking for more costs, with so many of the polls
// started through one handle of the driver. Cancelling searches those.
func BenchmarkChangePoll(b *testing.B) {
	for _, perHelper := range []int{1, 8, 32, 128, 512} {
		b.Run(fmt.Sprintf("perHelper=%d", perHelper), func(b *testing.B) { benchmarkChangePoll(b, perHelper) })
	}
}

func benchmarkChangePoll(b *testing.B, perHelper int) {
	const polls = 512
	s := &newWatcher(b).sel
	var helpers []uintptr
	for range polls / perHelper {
		afd, errno := openAFD(s.port)
		mustErrno(b, errno)
		helpers = append(helpers, afd)
	}
	slots := make([]uint32, polls)
	for i := range slots {
		socket, _ := udp(b)
		slots[i] = s.slab.take()
		s.slab.watched[slots[i]].base = socket
		s.slab.record(slots[i]).armed = Readable
		begin(b, s, slots[i], helpers[i/perHelper])
	}
	next := 0
	for b.Loop() {
		slot, afd := slots[next], helpers[next/perHelper]
		end(b, s, slot, afd)
		begin(b, s, slot, afd)
		next = (next + 1) % polls
	}
	for i, slot := range slots {
		end(b, s, slot, helpers[i/perHelper])
	}
	for _, afd := range helpers {
		metalio.CloseHandle(afd)
	}
}

func begin(b *testing.B, s *selector, slot uint32, afd uintptr) {
	if status := s.slab.record(slot).startPoll(afd, s.slab.watched[slot].base, s.slab.word(slot)); status.Failed() {
		b.Fatal(status)
	}
}

// end takes the packet too.
func end(b *testing.B, s *selector, slot uint32, afd uintptr) {
	mustErrno(b, s.slab.record(slot).cancelPoll(afd))
	var n uint32
	errno := metalio.GetQueuedCompletionStatusEx(s.port, s.entries[:1], &n, 5000, 0)
	if errno != 0 || s.entries[0].Overlapped != s.slab.word(slot) {
		b.Fatal(errno, s.entries[0])
	}
}
