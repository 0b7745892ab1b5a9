//go:build unix || windows

package reactor

import "testing"

func BenchmarkWaitNothingReady(b *testing.B) {
	w := newWatcher(b)
	b.ReportAllocs()
	for b.Loop() {
		w.Wait(w.events[:], 0)
	}
}

func BenchmarkWaitOneReady(b *testing.B) {
	w := newWatcher(b)
	a, _ := pair(b)
	w.register(a, 1, Writable, Level)
	b.ReportAllocs()
	for b.Loop() {
		w.Wait(w.events[:], -1)
	}
}

func BenchmarkWakeAndWait(b *testing.B) {
	w := newWatcher(b)
	waker, err := w.NewWaker(1)
	must(b, err)
	b.ReportAllocs()
	for b.Loop() {
		waker.Wake()
		w.Wait(w.events[:], -1)
	}
}

func BenchmarkReregister(b *testing.B) {
	w := newWatcher(b)
	a, _ := pair(b)
	w.register(a, 1, Readable, Level)
	b.ReportAllocs()
	for b.Loop() {
		w.Reregister(a, 1, Readable, Level)
	}
}

// BenchmarkLoopTurn is a turn with one event, which the handler reads.
func BenchmarkLoopTurn(b *testing.B) {
	l := newLoop(b, Config{})
	x, y := pair(b)
	must(b, l.Register(x, 1, Readable, Level))
	h := &reader{fd: x}
	msg := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		writeFD(y, msg)
		l.RunOnce(h, -1)
	}
}

type reader struct {
	Unhandled[int]
	fd  FD
	buf [64]byte
}

func (r *reader) Readable(*Loop[int], Token, Ready) { readFD(r.fd, r.buf[:]) }

func BenchmarkLoopMessage(b *testing.B) {
	l := newLoop(b, Config{})
	s, h := l.Sender(), &idle{}
	b.ReportAllocs()
	for b.Loop() {
		s.TrySend(1)
		l.RunOnce(h, -1)
	}
}
