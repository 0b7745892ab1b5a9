package main

import (
	"github.com/metalio/metalio/reactor"

	"github.com/metalio/metalio/bench/internal/sample"
)

type answerer struct {
	reactor.Unhandled[uint64]
	reply chan uint64
}

func (a *answerer) Message(_ *reactor.Loop[uint64], m uint64) { a.reply <- m }

func loop() func() {
	l := sample.Get(reactor.NewLoop[uint64](reactor.Config{Wait: sample.Policy(*wait)}))
	a := &answerer{reply: make(chan uint64, 1)}
	go func() { sample.Must(l.Run(a)) }()

	s, sent := l.Sender(), uint64(0)
	return func() {
		sent++
		sample.Must(s.TrySend(sent))
		if got := <-a.reply; got != sent {
			panic("another message came back")
		}
	}
}
