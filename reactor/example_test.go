//go:build unix || windows

package reactor_test

import (
	"context"
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

// A goroutine that sends much has a Producer, which shares nothing with other
// senders.
func ExampleLoop_NewProducer() {
	loop, err := reactor.NewLoop[string](reactor.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer loop.Close()

	producer := loop.NewProducer(64)
	go func() {
		defer producer.Close() // what was sent still arrives
		for _, msg := range []string{"one", "by", "one", "goodbye"} {
			if err := producer.Send(context.Background(), msg); err != nil {
				log.Print(err)
			}
		}
	}()
	if err := loop.Run(printer{}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// one
	// by
	// one
	// goodbye
}

// Ready says what an event is about. All its bits are hints.
func ExampleReady() {
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
	if err := poll.RegisterSource(w, 1, reactor.Writable, reactor.Level); err != nil {
		log.Fatal(err)
	}
	events := make([]reactor.Event, 16)
	n, err := poll.Wait(events, -1)
	if err != nil {
		log.Fatal(err)
	}
	for _, ev := range events[:n] {
		switch ready := ev.Ready(); {
		case ready.IsError() || ready.IsWriteClosed():
			fmt.Println("writing will tell the error")
		case ready.IsPriority():
			fmt.Println("out-of-band data")
		case ready.IsReadable():
			fmt.Println("read, or accept")
		case ready.IsWritable():
			fmt.Println("write")
		}
	}
	// Output: write
}

// A Waker ends the Wait of another goroutine. Loops have messages for that.
func ExampleWaker() {
	poll, err := reactor.NewPoll(reactor.PollConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer poll.Close()
	waker, err := poll.NewWaker(99)
	if err != nil {
		log.Fatal(err)
	}
	defer waker.Close()
	go waker.Wake()
	events := make([]reactor.Event, 16)
	if _, err := poll.Wait(events, -1); err != nil {
		log.Fatal(err)
	}
	fmt.Println(events[0].Token())
	// Output: 99
}

// A loop with a processor of its own need never sleep.
func ExampleWaitPolicy() {
	cfg := reactor.Config{Wait: reactor.Spin}
	loop, err := reactor.NewLoop[string](cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer loop.Close()
	var whoever reactor.WaitPolicy // the zero value
	fmt.Println(cfg.Wait, whoever)
	// Output: spin auto
}

// reader reads what there is and counts it.
type reader struct {
	reactor.Unhandled[string]
	conn *sockets.PipeReader
	read int
}

var _ reactor.Handler[string] = (*reader)(nil)

func (r *reader) Readable(l *reactor.Loop[string], _ reactor.Token, _ reactor.Ready) {
	var buf [64]byte
	n, _ := r.conn.Read(buf[:])
	r.read += n
	l.Stop()
}

// Register is for descriptors that are no Source, such as those of other
// packages; see FDOf.
func ExampleLoop_Register() {
	loop, err := reactor.NewLoop[string](reactor.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer loop.Close()
	r, w, err := sockets.NewPipe()
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	var source reactor.Source = r
	if err := loop.Register(source.FD(), 1, reactor.Readable, reactor.Level); err != nil {
		log.Fatal(err)
	}
	w.Write([]byte("hello"))
	h := &reader{conn: r}
	if err := loop.Run(h); err != nil {
		log.Fatal(err)
	}
	fmt.Println(h.read, "bytes in", loop.Stats().Readable, "call")
	// Output: 5 bytes in 1 call
}
