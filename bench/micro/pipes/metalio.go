package main

import (
	"github.com/metalio/metalio"
	"github.com/metalio/metalio/reactor"

	"github.com/metalio/metalio/bench/internal/sample"
)

// byteCalls read and write one byte, with the calls of the loop under test. They
// report success.
type byteCalls struct {
	read, write func(fd int) bool
}

var calls = map[string]byteCalls{
	"poll": {readRaw, writeRaw},
	"loop": {readRaw, writeRaw},
	"xsys": {readXsys, writeXsys},
}

func readRaw(fd int) bool {
	var b [1]byte
	n, errno := metalio.RawRead(fd, b[:])
	return n == 1 && errno == 0
}

func writeRaw(fd int) bool {
	b := [1]byte{'e'}
	n, errno := metalio.RawWrite(fd, b[:])
	return n == 1 && errno == 0
}

// batch is how many events a turn takes: what a Loop takes by default.
const batch = 256

type poll struct {
	*reactor.Poll
	events [batch]reactor.Event
}

func newPoll(int) watcher {
	return &poll{Poll: sample.Get(reactor.NewPoll(reactor.PollConfig{}))}
}

func (p *poll) watch(i, fd int) {
	sample.Must(p.Register(reactor.FD(fd), reactor.Token(i), reactor.Readable, reactor.Level))
}

func (p *poll) unwatch(_, fd int) { sample.Must(p.Deregister(reactor.FD(fd))) }

func (p *poll) turn(b *bench) {
	n := sample.Get(p.Wait(p.events[:], 0))
	for i := range p.events[:n] {
		b.readable(int(p.events[i].Token()))
	}
}

type loop struct {
	*reactor.Loop[struct{}]
	h handler
}

type handler struct {
	reactor.Unhandled[struct{}]
	b *bench
}

func (h *handler) Readable(_ *reactor.Loop[struct{}], token reactor.Token, _ reactor.Ready) {
	h.b.readable(int(token))
}

func newLoop(pipes int) watcher {
	return &loop{Loop: sample.Get(reactor.NewLoop[struct{}](reactor.Config{Capacity: pipes}))}
}

func (l *loop) watch(i, fd int) {
	sample.Must(l.Register(reactor.FD(fd), reactor.Token(i), reactor.Readable, reactor.Level))
}

func (l *loop) unwatch(_, fd int) { sample.Must(l.Deregister(reactor.FD(fd))) }

func (l *loop) turn(b *bench) {
	l.h.b = b
	sample.Get(l.RunOnce(&l.h, 0))
}
