package main

import (
	"github.com/metalio/metalio/msgq"
	"github.com/metalio/metalio/reactor"

	"github.com/metalio/metalio/bench/internal/sample"
)

// channel is the consumer that Go programs have.
type channel struct {
	in  chan uint64
	out chan total
}

func newChannel() consumer {
	c := &channel{make(chan uint64, capacity), make(chan total, 1)}
	go c.receive()
	return c
}

func (c *channel) send(message uint64)  { c.in <- message }
func (c *channel) totals() <-chan total { return c.out }

func (c *channel) receive() {
	var t total
	for message := range c.in {
		t.sum += message
		if message == 0 {
			c.out <- t
		}
	}
}

// loop is a metalio Loop.
type loop struct {
	reactor.Unhandled[uint64]
	s   msgq.Sender[uint64]
	sum uint64
	out chan total
}

func newLoop() consumer {
	l := sample.Get(reactor.NewLoop[uint64](reactor.Config{
		Wait:            sample.Policy(*wait),
		MessageCapacity: capacity,
	}))
	h := &loop{s: l.Sender(), out: make(chan total, 1)}
	go func() { sample.Must(l.Run(h)) }()
	return h
}

// send waits for room if it must, like a channel.
func (h *loop) send(message uint64) {
	if err := h.s.TrySend(message); err != nil {
		sample.Must(h.s.Send(background, message))
	}
}

func (h *loop) totals() <-chan total { return h.out }

func (h *loop) Message(l *reactor.Loop[uint64], message uint64) {
	h.sum += message
	if message == 0 {
		h.out <- total{h.sum, l.Stats().Wakes}
	}
}
