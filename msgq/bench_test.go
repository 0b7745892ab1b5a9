package msgq_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/metalio/metalio/msgq"
)

// produce runs f(i) in n goroutines, each in its share of total, and waits.
func produce(n, total int, f func(count int)) *sync.WaitGroup {
	var wg sync.WaitGroup
	for i := range n {
		count := total / n
		if i < total%n {
			count++
		}
		wg.Go(func() { f(count) })
	}
	return &wg
}

// BenchmarkThroughput is one message from one of several producers to one
// consumer, which does nothing else: "asleep" sleeps whenever it has nothing to
// do, "awake" yields instead.
func BenchmarkThroughput(b *testing.B) {
	type message [6]uint64

	for _, producers := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("producers=%d/chan", producers), func(b *testing.B) {
			c := make(chan message, msgq.DefaultCapacity)
			wg := produce(producers, b.N, func(count int) {
				for i := range count {
					c <- message{uint64(i)}
				}
			})
			for range b.N {
				<-c
			}
			wg.Wait()
		})
		for _, sleep := range []bool{true, false} {
			name := "awake"
			if sleep {
				name = "asleep"
			}
			b.Run(fmt.Sprintf("producers=%d/msgq/%s", producers, name), func(b *testing.B) {
				b.ReportAllocs()
				woken := make(msgq.ChanWaker, 1)
				q := msgq.New[message](msgq.Config{Waker: woken})
				s := q.Sender()
				wg := produce(producers, b.N, func(count int) {
					for i := range count {
						if s.TrySend(message{uint64(i)}) != nil {
							_ = s.Send(b.Context(), message{uint64(i)})
						}
					}
				})
				for got := 0; got < b.N; {
					before := got
					for batch := q.Take(256); len(batch) > 0; batch = q.Take(256) {
						got += len(batch)
					}
					if got == b.N || got > before {
						continue
					}
					if !sleep {
						runtime.Gosched()
						continue
					}
					if q.Arm() {
						<-woken
					}
					q.Disarm()
				}
				wg.Wait()
			})
		}
	}
}
