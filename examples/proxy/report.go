package main

import (
	"os"
	"runtime"
	"strconv"
)

// totals is what there is to report.
type totals struct {
	open, accepted, refused uint64
	moved                   [2]uint64
}

// report writes a line of numbers in a buffer of its own: the line says how
// much was allocated, and must not add to it.
type report struct {
	buf     [256]byte
	mem     runtime.MemStats
	mallocs uint64 // at the last line
	last    totals
}

func (p *proxy) totals() totals {
	return totals{uint64(p.ends.Len() / 2), p.accepted, p.refused, p.moved}
}

func (r *report) writeIfChanged(p *proxy) {
	if r.last != p.totals() {
		r.write(p)
	}
}

// write reports the connections and bytes since the start, the allocations
// since the line before, and for how long the loop was away from its sockets at
// a time, but for one time in a hundred.
func (r *report) write(p *proxy) {
	runtime.ReadMemStats(&r.mem)
	r.last = p.totals()
	line := r.buf[:0]
	line = appendNumber(line, r.last.open, " open connections, ")
	line = appendNumber(line, r.last.accepted, " accepted, ")
	line = appendNumber(line, r.last.refused, " refused, ")
	line = appendNumber(line, r.last.moved[client], " bytes up, ")
	line = appendNumber(line, r.last.moved[upstream], " bytes down, ")
	line = appendNumber(line, r.mem.Mallocs-r.mallocs, " allocations, ")
	stats := p.loop.Stats()
	line = appendNumber(line, uint64(stats.TurnLag.Quantile(0.99).Microseconds()), " µs lag\n")
	r.mallocs = r.mem.Mallocs
	os.Stdout.Write(line)
}

func appendNumber(line []byte, n uint64, what string) []byte {
	return append(strconv.AppendUint(line, n, 10), what...)
}
