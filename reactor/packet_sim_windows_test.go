package reactor

import (
	"sync"
	"testing"

	"golang.org/x/sys/windows"

	"github.com/metalio/metalio"
)

// simulatedPackets are wait completion packets for systems that have none, after
// Microsoft's pages on NtAssociateWaitCompletionPacket and
// NtCancelWaitCompletionPacket: a packet is in use from its association until
// what it has sent is picked up from the port or cancelled.
type simulatedPackets struct {
	t testing.TB

	mu   sync.Mutex
	last uintptr
	all  map[uintptr]*simulatedPacket

	stuck       int // how many of the next cancellations come at the wrong moment
	associated  int // calls so far
	cancelled   int
	silentFires bool // a target that is signalled already sends no packet
}

type simulatedPacket struct {
	port, key, context uintptr
	waiting            *simulatedWait // nil when no target is waited for
	sent               bool           // and perhaps picked up since
}

// simulatedWait is the goroutine that waits for a packet's target.
type simulatedWait struct {
	giveUp windows.Handle
}

// simulate gives w simulated packets, which the test may change from there on.
func simulate(t testing.TB, w *watcher) *simulatedPackets {
	t.Helper()
	p := &simulatedPackets{t: t, all: map[uintptr]*simulatedPacket{}}
	w.sel.timer.close()
	w.sel.packets = p
	w.sel.timer.open(p, w.sel.port)
	if w.sel.timer.timer == 0 {
		t.Fatal("no timer")
	}
	t.Cleanup(func() {
		w.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.all) != 0 {
			t.Errorf("%d packets were not destroyed", len(p.all))
		}
	})
	return p
}

func (s *simulatedPackets) create() (uintptr, metalio.NTStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	s.all[s.last] = &simulatedPacket{}
	return s.last, metalio.STATUS_SUCCESS
}

func (s *simulatedPackets) associate(packet, port, target, key, context uintptr) (bool, metalio.NTStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.associated++
	p, ok := s.all[packet]
	if !ok {
		return false, metalio.STATUS_INVALID_HANDLE
	}
	if p.waiting != nil || p.inPort(s.t) {
		return false, metalio.STATUS_INVALID_PARAMETER
	}
	*p = simulatedPacket{port: port, key: key, context: context}
	if e, _ := windows.WaitForSingleObject(windows.Handle(target), 0); e == windows.WAIT_OBJECT_0 {
		if !s.silentFires {
			p.send(s.t)
		}
		return true, metalio.STATUS_SUCCESS
	}
	s.wait(p, windows.Handle(target))
	return false, metalio.STATUS_SUCCESS
}

// wait sends p when target is signalled. The association outlives the caller's
// handle, and so needs one of its own.
func (s *simulatedPackets) wait(p *simulatedPacket, target windows.Handle) {
	giveUp, err := windows.CreateEvent(nil, 1, 0, nil)
	must(s.t, err)
	self := windows.CurrentProcess()
	must(s.t, windows.DuplicateHandle(self, target, self, &target, 0, false, windows.DUPLICATE_SAME_ACCESS))
	w := &simulatedWait{giveUp}
	p.waiting = w
	go func() {
		e, _ := windows.WaitForMultipleObjects([]windows.Handle{giveUp, target}, false, windows.INFINITE)
		s.mu.Lock()
		defer s.mu.Unlock()
		windows.CloseHandle(giveUp)
		windows.CloseHandle(target)
		if p.waiting == w && e == windows.WAIT_OBJECT_0+1 {
			p.waiting = nil
			p.send(s.t)
		}
	}()
}

func (s *simulatedPackets) cancel(packet uintptr) metalio.NTStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancelled++
	p, ok := s.all[packet]
	switch {
	case !ok:
		return metalio.STATUS_INVALID_HANDLE
	case p.waiting != nil && s.stuck > 0:
		// Its target is being signalled at this moment.
		s.stuck--
		p.stopWaiting()
		p.send(s.t)
		return metalio.STATUS_PENDING
	case p.waiting != nil:
		p.stopWaiting()
		return metalio.STATUS_SUCCESS
	case p.takeBack(s.t):
		return metalio.STATUS_SUCCESS
	}
	return metalio.STATUS_CANCELLED
}

func (s *simulatedPackets) destroy(packet uintptr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.all[packet]; p.waiting != nil {
		p.stopWaiting()
	}
	delete(s.all, packet)
}

// stopWaiting lets the goroutine end: it finds that it is not p's any more.
func (p *simulatedPacket) stopWaiting() {
	windows.SetEvent(p.waiting.giveUp)
	p.waiting = nil
}

func (p *simulatedPacket) send(t testing.TB) {
	p.sent = true
	mustErrno(t, metalio.PostQueuedCompletionStatus(p.port, 0, p.key, p.context))
}

// inPort reports whether what p has sent waits to be picked up.
func (p *simulatedPacket) inPort(t testing.TB) bool {
	if !p.takeBack(t) {
		return false
	}
	p.send(t)
	return true
}

// takeBack removes what p has sent from the port, if it is there still. The
// other packets keep their order.
func (p *simulatedPacket) takeBack(t testing.TB) (found bool) {
	if !p.sent {
		return false
	}
	p.sent = false
	var entries [256]metalio.OverlappedEntry
	var n uint32
	if metalio.GetQueuedCompletionStatusEx(p.port, entries[:], &n, 0, 0) != 0 {
		return false
	}
	for _, e := range entries[:n] {
		if e.Key == p.key && e.Overlapped == p.context {
			found = true
			continue
		}
		mustErrno(t, metalio.PostQueuedCompletionStatus(p.port, e.Bytes, e.Key, e.Overlapped))
	}
	return found
}
