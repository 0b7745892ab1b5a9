package main

import (
	"context"

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

func (c *channel) newSend() func(uint64) {
	return func(message uint64) { c.in <- message }
}

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
	newSender func() sender
	sum       uint64
	out       chan total
}

// sender is what a msgq.Sender and a msgq.Producer have in common.
type sender interface {
	TrySend(message uint64) error
	Send(ctx context.Context, message uint64) error
}

func newLoop() consumer {
	l := sample.Get(reactor.NewLoop[uint64](reactor.Config{
		Wait:            sample.Policy(*wait),
		MessageCapacity: capacity,
	}))
	h := &loop{out: make(chan total, 1)}
	h.newSender = func() sender { return l.Sender() }
	if *own {
		h.newSender = func() sender { return l.NewProducer(capacity) }
	}
	go func() { sample.Must(l.Run(h)) }()
	return h
}

// newSend returns a function that waits for room if it must, like a channel.
func (h *loop) newSend() func(uint64) {
	s := h.newSender()
	return func(message uint64) {
		if err := s.TrySend(message); err != nil {
			sample.Must(s.Send(background, message))
		}
	}
}

func (h *loop) totals() <-chan total { return h.out }

func (h *loop) Message(l *reactor.Loop[uint64], message uint64) {
	h.sum += message
	if message == 0 {
		h.out <- total{h.sum, l.Stats().Wakes}
	}
}
