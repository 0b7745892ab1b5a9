package msgq_test

import (
	"fmt"

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
