package main

import (
	"os"
	"runtime"
	"strconv"
)

// figures are what a server has done so far. They are the messages that the
// loops send to the first one.
type figures struct {
	index              int
	open               int
	accepted, messages uint64
}

// report writes a line of numbers in a buffer of its own: the line says how
// much was allocated, and must not add to it.
type report struct {
	buf     [256]byte
	mem     runtime.MemStats
	mallocs uint64 // at the last line
	written figures
	latest  []figures // of each server
}

func newReport(servers int) report { return report{latest: make([]figures, servers)} }

// take replaces the figures of one server.
func (r *report) take(f figures) { r.latest[f.index] = f }

func (r *report) sum() (sum figures) {
	for _, f := range r.latest {
		sum.open += f.open
		sum.accepted += f.accepted
		sum.messages += f.messages
	}
	return sum
}

func (r *report) writeIfChanged() {
	if r.sum() != r.written {
		r.write()
	}
}

// write reports the connections and messages since the start, and the
// allocations since the line before.
func (r *report) write() {
	runtime.ReadMemStats(&r.mem)
	r.written = r.sum()
	line := r.buf[:0]
	line = appendNumber(line, uint64(r.written.open), " open connections, ")
	line = appendNumber(line, r.written.accepted, " accepted, ")
	line = appendNumber(line, r.written.messages, " messages, ")
	line = appendNumber(line, r.mem.Mallocs-r.mallocs, " allocations\n")
	r.mallocs = r.mem.Mallocs
	os.Stdout.Write(line)
}

func appendNumber(line []byte, n uint64, what string) []byte {
	return append(strconv.AppendUint(line, n, 10), what...)
}
