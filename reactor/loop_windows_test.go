package reactor

import (
	"syscall"
	"testing"
)

func TestLoopOverAFD(t *testing.T) {
	runLoopBehaviours(t, Auto, []loopBehaviour{
		{"closed_socket_answers_for_its_number_until_deregister", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			a, peer := pair(t)
			must(t, l.Register(a, 1, Readable, Level))
			once(t, l, h, 0)
			write(t, peer, "x")
			once(t, l, h, patience) // no poll is in flight from here on
			h.want(t, call{"readable", 1})
			closeFD(t, a)
			b, c, found := pairWith(t, a)
			if !found {
				return // as pairWith has logged
			}
			wantIs(t, l.Register(b, 2, Readable, Level), syscall.EEXIST)
			must(t, l.Deregister(a))
			must(t, l.Register(b, 2, Readable, Level))
			write(t, c, "x")
			once(t, l, h, patience)
			h.want(t, call{"readable", 2})
		}},
		{"closed_socket_is_forgotten_when_a_turn_hears_of_it", Config{}, func(t *testing.T, l *Loop[int], h *scripted) {
			a, _ := pair(t)
			must(t, l.Register(a, 1, Readable, Level))
			once(t, l, h, 0)
			closeFD(t, a)
			once(t, l, h, 0)
			if n := openDescriptors(t).claimed; n != 0 {
				t.Fatalf("%d sockets are claimed still", n)
			}
			wantIs(t, l.Deregister(a), syscall.EBADF)
			h.want(t)
		}},
	})
}
