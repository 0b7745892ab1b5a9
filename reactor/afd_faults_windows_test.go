package reactor

import (
	"math"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/metalio/metalio"
)

func TestAFDFaults(t *testing.T) {
	runBehaviours(t, []behaviour{
		{"foreign_cancellation_polls_again", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, OneShot)
			w.none()
			slot, r := w.slot(a)
			mustErrno(t, r.cancelPoll(w.sel.helpers[slot/pollsPerHelper]))
			w.none()
			if r.state != pollPending || r.isDone() {
				t.Fatalf("state %d, status %#x", r.state, r.iosb.Status)
			}
			write(t, b, "x")
			w.want(1, readyReadable)
		}},
		{"exclusive_poll_of_another_polls_again", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Level)
			w.none()
			other := newWatcher(t)
			slot := other.sel.slab.take()
			r := other.sel.slab.record(slot)
			r.iosb.Status = metalio.STATUS_PENDING
			r.info = metalio.AFDPollInfo{
				Timeout:         math.MaxInt64,
				NumberOfHandles: 1,
				Exclusive:       1,
				Handle:          metalio.AFDPollHandleInfo{Handle: a, Events: metalio.AFD_POLL_RECEIVE_EXPEDITED},
			}
			status := metalio.NtDeviceIoControlFile(other.sel.helpers[0], 0, 0, other.sel.slab.word(slot), &r.iosb, metalio.IOCTL_AFD_POLL,
				unsafe.Pointer(&r.info), metalio.SizeofAFDPollInfo, unsafe.Pointer(&r.info), metalio.SizeofAFDPollInfo)
			if status.Failed() {
				t.Fatal(status)
			}
			r.state = pollPending
			other.sel.inFlight++
			w.none()
			write(t, b, "x")
			w.want(1, readyReadable)
			mustErrno(t, r.cancelPoll(other.sel.helpers[0]))
			other.none()
		}},
		{"poll_that_cannot_start_is_an_error_event", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			c, d := pair(t)
			w.register(a, 1, Readable, Level)
			w.register(c, 2, Readable, Level)
			slot, _ := w.slot(a)
			base := w.sel.slab.watched[slot].base
			w.sel.slab.watched[slot].base = 0x7ffffff0 // no socket
			write(t, d, "x")
			got := map[Token]Ready{}
			for range 2 {
				n, err := w.Wait(w.events[:], 5*time.Second)
				must(t, err)
				for _, ev := range w.events[:n] {
					got[ev.Token()] |= ev.Ready()
				}
			}
			if !got[1].IsError() || !got[1].IsReadable() || got[2] != readyReadable {
				t.Fatal(got)
			}
			w.sel.slab.watched[slot].base = base
			drain(t, c)
			w.Wait(w.events[:], 0) // what was reported before
			write(t, b, "x")
			w.want(1, readyReadable)
		}},
		{"closed_before_the_first_wait", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			w.register(a, 1, Readable, Level)
			closeFD(t, a)
			w.none()
			if _, ok := w.sel.bySocket.get(a); ok || w.sel.inFlight != 0 {
				t.Fatal("the registration of a closed socket is there still")
			}
		}},
		{"closed_while_another_goroutine_waits", func(t *testing.T, w *watcher) {
			a, _ := pair(t)
			w.register(a, 1, Readable|Writable, OneShot)
			w.one(1)
			var wg sync.WaitGroup
			wg.Go(func() {
				waitForPort(w.Poll)
				closeFD(t, a)
			})
			n, err := w.Wait(w.events[:], 200*time.Millisecond)
			wg.Wait()
			if n != 0 || err != nil {
				t.Fatal(n, err)
			}
			if openDescriptors(t).claimed != 0 {
				t.Fatal("the socket is claimed still")
			}
		}},
	})
}
