//go:build linux

package reactor_test

import (
	"fmt"
	"log"

	"github.com/metalio/metalio/reactor"
	"github.com/metalio/metalio/sockets"
)

func ExamplePoll() {
	poll, err := reactor.NewPoll(reactor.PollConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer poll.Close()
	r, w, err := sockets.NewPipe()
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	defer w.Close()

	if err := poll.RegisterSource(r, 42, reactor.Readable, reactor.Level); err != nil {
		log.Fatal(err)
	}
	w.Write([]byte("hello"))

	events := make([]reactor.Event, 16)
	n, err := poll.Wait(events, -1)
	if err != nil {
		log.Fatal(err)
	}
	for _, ev := range events[:n] {
		fmt.Println(ev.Token(), ev.Ready())
	}
	// Output: 42 readable
}

// printer handles the messages of one loop, and nothing else.
type printer struct {
	reactor.Unhandled[string]
}

func (printer) Message(l *reactor.Loop[string], msg string) {
	fmt.Println(msg)
	if msg == "goodbye" {
		l.Stop()
	}
}

func ExampleLoop() {
	loop, err := reactor.NewLoop[string](reactor.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer loop.Close()

	sender := loop.Sender()
	go func() {
		sender.TrySend("hello")
		sender.TrySend("goodbye")
	}()
	if err := loop.Run(printer{}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// hello
	// goodbye
}
