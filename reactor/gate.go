package reactor

import "sync/atomic"

// gate counts the calls that are using a descriptor and puts its closing off
// until the last of them has left. Without it a call could use a number that
// was closed, and given to something else, in the meantime.
//
// Whoever is told that it is the last one closes the descriptor. Nobody is
// admitted after enterToShut, so that happens once.
type gate struct {
	state atomic.Uint64 // bits shutBit and aloneBit, and below them the number of calls
}

const (
	shutBit  = 1 << 63
	aloneBit = 1 << 62
)

// admission is the answer of gate.enterAlone.
type admission uint8

const (
	gateEntered admission = iota
	gateShut
	gateTaken
)

// enter admits a call, unless the gate is shut.
func (g *gate) enter() bool {
	for {
		s := g.state.Load()
		if s&shutBit != 0 {
			return false
		}
		if g.state.CompareAndSwap(s, s+1) {
			return true
		}
	}
}

// enterAlone admits the one call of its kind, beside those of enter.
func (g *gate) enterAlone() admission {
	for {
		s := g.state.Load()
		if s&shutBit != 0 {
			return gateShut
		}
		if s&aloneBit != 0 {
			return gateTaken
		}
		if g.state.CompareAndSwap(s, (s|aloneBit)+1) {
			return gateEntered
		}
	}
}

// leave ends a call, and reports whether it was the last one of a shut gate.
func (g *gate) leave() (last bool) {
	return g.state.Add(^uint64(0)) == shutBit
}

// leaveAlone is leave for a call that enterAlone has admitted. It also reports
// whether the gate has been shut.
func (g *gate) leaveAlone() (closed, last bool) {
	s := g.state.Add(^uint64(aloneBit)) // minus aloneBit, minus one
	return s&shutBit != 0, s == shutBit
}

// enterToShut admits a call and closes the gate behind it. It fails if the gate
// is shut already.
func (g *gate) enterToShut() bool {
	for {
		s := g.state.Load()
		if s&shutBit != 0 {
			return false
		}
		if g.state.CompareAndSwap(s, (s|shutBit)+1) {
			return true
		}
	}
}

// isShut reports whether the gate has been shut.
func (g *gate) isShut() bool { return g.state.Load()&shutBit != 0 }
