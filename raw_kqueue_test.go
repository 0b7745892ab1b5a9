//go:build unix && (!linux || kqueue_sim)

package metalio_test

import (
	"os"
	"testing"

	"github.com/metalio/metalio"
)

// An integer in kevent's pointer-typed udata must come back verbatim, and must
// not be taken for a pointer by the collector.
func TestZeroAllocsKevent(t *testing.T) {
	kq, errno := metalio.RawKqueue()
	if errno != 0 {
		t.Fatalf("RawKqueue: %v", errno)
	}
	defer metalio.RawClose(kq)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, err := w.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	conn, err := r.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Control(func(fd uintptr) { keventAllocs(t, kq, fd) }); err != nil {
		t.Fatal(err)
	}
}

// setWord stores what fits of v in a field as wide as a pointer.
func setWord[T uint64 | uintptr](field *T, v uint64) { *field = T(v) }

func keventAllocs(t *testing.T, kq int, fd uintptr) {
	for _, token := range []uint64{1, 0xc000000001} {
		allocs := testing.AllocsPerRun(100, func() {
			change := [1]metalio.KeventT{{Filter: metalio.EVFILT_READ, Flags: metalio.EV_ADD}}
			change[0].Ident = fd
			setWord(&change[0].Udata, token)
			var got [4]metalio.KeventT
			n, errno := metalio.RawKevent(kq, change[:], got[:], &metalio.Timespec{})
			if errno != 0 || n != 1 {
				panic(errno)
			}
			if got[0].Udata != change[0].Udata || got[0].Ident != fd || got[0].Data != 1 {
				panic("another event came back")
			}
			if _, errno := metalio.Kevent(kq, nil, got[:], &metalio.Timespec{Sec: 10}); errno != 0 {
				panic(errno)
			}
		})
		if allocs != 0 {
			t.Errorf("token %#x: %v allocations, want 0", token, allocs)
		}
	}
	if _, errno := metalio.RawKevent(-1, nil, nil, &metalio.Timespec{}); errno == 0 {
		t.Error("RawKevent on -1 succeeded")
	}
}
