//go:build !windows

package reactor

import (
	"testing"

	"github.com/metalio/metalio"
	"github.com/metalio/metalio/sockets"
)

// deaf is a Source that must not be given a Rearmer.
type deaf struct {
	fd FD
	t  *testing.T
}

func (d deaf) FD() FD                     { return d.fd }
func (d deaf) SetRearmer(metalio.Rearmer) { d.t.Error("a Rearmer that nobody needs was set") }

// A Rearmer costs a call for each operation that would have blocked.
func TestSourcesGetNoRearmer(t *testing.T) {
	p, err := NewPoll(PollConfig{})
	must(t, err)
	defer p.Close()
	l, err := NewLoop[int](Config{})
	must(t, err)
	defer l.Close()
	for _, mode := range []Mode{Level, Edge, OneShot} {
		r, w, err := sockets.NewPipe()
		must(t, err)
		defer r.Close()
		defer w.Close()
		must(t, p.RegisterSource(deaf{r.FD(), t}, 1, Readable, mode))
		must(t, l.RegisterSource(deaf{w.FD(), t}, 2, Writable, mode))
		must(t, p.Deregister(r.FD()))
		must(t, l.Deregister(w.FD()))
	}
}
