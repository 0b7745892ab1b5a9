package msgq_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/metalio/metalio/msgq"
)

// The consumer is a plain goroutine that sleeps on a channel.
func Example() {
	woken := make(msgq.ChanWaker, 1)
	q := msgq.New[string](msgq.Config{Capacity: 16, Waker: woken})

	sender := q.Sender()
	go func() {
		for _, m := range []string{"to", "whom", "it", "may", "concern"} {
			if err := sender.TrySend(m); err != nil {
				fmt.Println(err)
			}
		}
		_ = q.Close() // what was accepted still arrives
	}()

	for !q.Drained() {
		for _, m := range q.Take(4) {
			fmt.Println(m)
		}
		if q.Arm() {
			<-woken
		}
		q.Disarm()
	}
	fmt.Println(sender.TrySend("too late"))
	// Output:
	// to
	// whom
	// it
	// may
	// concern
	// msgq: closed
}

func ExampleQueue() {
	q := msgq.New[int](msgq.Config{Capacity: 2})
	sender := q.Sender()
	for i := range 3 {
		if err := sender.TrySend(i); errors.Is(err, msgq.ErrFull) {
			fmt.Println("no room for", i)
		}
	}
	fmt.Println(q.Len(), "of", q.Cap())

	q.Close()
	fmt.Println(errors.Is(sender.TrySend(4), msgq.ErrClosed))
	for q.Pending() {
		m, ok := q.Pop()
		if !ok {
			break // pending is also that the queue is closed
		}
		fmt.Println("got", m)
	}
	fmt.Println(msgq.New[int](msgq.Config{}).Cap() == msgq.DefaultCapacity)
	// Output:
	// no room for 2
	// 2 of 2
	// true
	// got 0
	// got 1
	// true
}

// Each of two goroutines has a ring of its own.
func ExampleProducer() {
	q := msgq.New[string](msgq.Config{Capacity: 1})
	north, south := q.NewProducer(8), q.NewProducer(5)
	fmt.Println(south.Cap()) // a power of two
	north.TrySend("snow")
	south.TrySend("sun")
	south.TrySend("sand")
	for m, ok := q.Pop(); ok; m, ok = q.Pop() {
		fmt.Println(m)
	}
	south.Close()
	fmt.Println(south.TrySend("sea"))
	// Output:
	// 8
	// snow
	// sun
	// sand
	// msgq: closed
}

// A consumer that waits for two queues and a flag is woken through one word.
func ExampleWakeWord() {
	woken := make(chan struct{}, 1)
	wakes := 0
	var waker msgq.Waker = msgq.WakerFunc(func() error {
		wakes++
		woken <- struct{}{}
		return nil
	})
	word := msgq.NewWakeWord(waker)
	orders := msgq.New[string](msgq.Config{Capacity: 8, Word: word})
	prices := msgq.New[float64](msgq.Config{Capacity: 8, Word: word})
	fmt.Println(orders.Word() == prices.Word())

	word.Arm()
	if !orders.Pending() && !prices.Pending() {
		// While the consumer sleeps here, others send. It is woken once.
		orders.Sender().TrySend("buy")
		prices.Sender().TrySend(1.5)
		word.Notify() // for what is in no queue
		<-woken
	}
	word.Disarm()
	order, _ := orders.Pop()
	price, _ := prices.Pop()
	fmt.Println(order, "at", price, "after", wakes, "wake")
	// Output:
	// true
	// buy at 1.5 after 1 wake
}

// A consumer that cannot be woken is the sender's to hear of, and the message
// waits for it all the same.
func ExampleWakeError() {
	q := msgq.New[string](msgq.Config{Waker: msgq.WakerFunc(func() error { return os.ErrClosed })})
	q.Arm()
	err := q.Sender().TrySend("hello")
	var failed *msgq.WakeError
	fmt.Println(errors.As(err, &failed) && failed.Err == os.ErrClosed)
	q.Disarm()
	fmt.Println(q.Pop())
	// Output:
	// true
	// hello true
}
