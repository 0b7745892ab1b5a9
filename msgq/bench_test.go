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
	b.Run("uint64", func(b *testing.B) {
		throughput(b, uint64(1))
	})
	b.Run("struct48", func(b *testing.B) {
		type message struct {
			kind, conn uint64
			payload    []byte
			at         int
		}
		throughput(b, message{payload: make([]byte, 100)})
	})
}

func throughput[M any](b *testing.B, message M) {
	for _, producers := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("producers=%d/chan", producers), func(b *testing.B) {
			c := make(chan M, msgq.DefaultCapacity)
			wg := produce(producers, b.N, func(count int) {
				for range count {
					c <- message
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
				q := msgq.New[M](msgq.Config{Waker: woken})
				s := q.Sender()
				wg := produce(producers, b.N, func(count int) {
					for range count {
						if s.TrySend(message) != nil {
							_ = s.Send(b.Context(), message)
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
