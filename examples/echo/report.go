package main

import (
	"os"
	"runtime"
	"strconv"
)

// report writes a line of numbers in a buffer of its own: the line says how
// much was allocated, and must not add to it.
type report struct {
	buf      [256]byte
	mem      runtime.MemStats
	mallocs  uint64 // at the last line
	accepted uint64
	messages uint64
	open     int
}

func (r *report) writeIfChanged(s *server) {
	if r.accepted != s.accepted || r.messages != s.messages || r.open != s.conns.Len() {
		r.write(s)
	}
}

// write reports the connections and messages since the start, and the
// allocations since the line before.
func (r *report) write(s *server) {
	runtime.ReadMemStats(&r.mem)
	r.open, r.accepted, r.messages = s.conns.Len(), s.accepted, s.messages
	line := r.buf[:0]
	line = appendNumber(line, uint64(r.open), " open connections, ")
	line = appendNumber(line, r.accepted, " accepted, ")
	line = appendNumber(line, r.messages, " messages, ")
	line = appendNumber(line, r.mem.Mallocs-r.mallocs, " allocations\n")
	r.mallocs = r.mem.Mallocs
	os.Stdout.Write(line)
}

func appendNumber(line []byte, n uint64, what string) []byte {
	return append(strconv.AppendUint(line, n, 10), what...)
}
