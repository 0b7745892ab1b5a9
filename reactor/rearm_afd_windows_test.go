package reactor

import (
	"errors"
	"testing"
	"time"

	"github.com/metalio/metalio/sockets"
)

func TestRearmers(t *testing.T) {
	runBehaviours(t, []behaviour{
		{"edge_without_calls_for_a_source", func(t *testing.T, w *watcher) {
			r, pw, err := sockets.NewPipe()
			must(t, err)
			defer r.Close()
			defer pw.Close()
			must(t, w.RegisterSource(r, 1, Readable, Edge))
			for range 3 {
				_, err := pw.Write([]byte("x"))
				must(t, err)
				w.want(1, readyReadable)
				w.none() // nobody has read yet
				var buf [8]byte
				n, err := r.Read(buf[:])
				if n != 1 || err != nil {
					t.Fatal(n, err)
				}
				_, err = r.Read(buf[:])
				wantIs(t, err, sockets.ErrWouldBlock)
			}
			must(t, w.Deregister(r.FD()))
		}},
		{"would_block_after_close_is_would_block", func(t *testing.T, w *watcher) {
			r, pw, err := sockets.NewPipe()
			must(t, err)
			defer r.Close()
			defer pw.Close()
			must(t, w.RegisterSource(r, 1, Readable, Edge))
			must(t, w.Close())
			if _, err := r.Read(make([]byte, 1)); err != sockets.ErrWouldBlock {
				t.Fatal(err)
			}
		}},
		{"rearm_that_cannot_cancel_is_tried_again", func(t *testing.T, w *watcher) {
			a, b := pair(t)
			w.register(a, 1, Readable, Edge)
			write(t, b, "x")
			w.want(1, readyReadable)
			drain(t, a)
			w.none() // its poll for hang-ups is in flight
			slot, _ := w.slot(a)
			helper := &w.sel.helpers[slot/pollsPerHelper]
			good := *helper
			w.sel.waiting = true // as if another goroutine slept
			*helper = 0x7ffffff0 // no handle
			if err := w.Rearm(a, Readable); err == nil || errors.Is(err, errors.ErrUnsupported) {
				t.Fatal(err)
			}
			*helper = good
			w.sel.waiting = false
			write(t, b, "y")
			w.want(1, readyReadable)
		}},
		{"close_by_the_owner_while_blocked", func(t *testing.T, w *watcher) {
			r, pw, err := sockets.NewPipe()
			must(t, err)
			defer pw.Close()
			must(t, w.RegisterSource(r, 1, Readable, Edge))
			n, err := w.Wait(w.events[:], 10*time.Millisecond)
			must(t, err)
			if n != 0 {
				t.Fatal(n)
			}
			must(t, r.Close())
			if _, err := r.Read(make([]byte, 1)); err == nil || err == sockets.ErrWouldBlock {
				t.Fatal(err)
			}
			w.none()
		}},
	})
}
