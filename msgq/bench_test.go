package msgq_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/metalio/metalio/msgq"
)

// message8, message32 and message64 are what is sent, by size in bytes.
type (
	message8  [1]uint64
	message32 struct {
		kind    uint64
		payload []byte
	}
	message64 struct {
		kind, conn uint64
		payload    []byte
		at         [3]uint64
	}
)

// flood runs f in n goroutines, again and again until it reports false.
func flood(n int, f func() bool) *sync.WaitGroup {
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for f() {
			}
		})
	}
	return &wg
}

// BenchmarkThroughput is one message received by one consumer, which does
// nothing else, while several producers send as fast as they find room. Divide
// chan by another line of the same run: single ones depend on what else the
// machine does.
//
//	chan         a buffered channel of the same capacity
//	asleep       a queue whose consumer sleeps when there is nothing to do
//	awake        a queue whose consumer yields instead
//	take, pop    whether it gets messages by Take, 256 at most, or by Pop
func BenchmarkThroughput(b *testing.B) {
	b.Run("8B", throughput[message8])
	b.Run("32B", throughput[message32])
	b.Run("64B", throughput[message64])
}

func throughput[M any](b *testing.B) {
	for _, producers := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("producers=%d", producers), func(b *testing.B) {
			b.Run("chan", func(b *testing.B) { throughChannel[M](b, producers) })
			b.Run("asleep/take", func(b *testing.B) { throughQueue(b, producers, asleep[M], take[M]) })
			b.Run("asleep/pop", func(b *testing.B) { throughQueue(b, producers, asleep[M], pop[M]) })
			b.Run("awake/take", func(b *testing.B) { throughQueue(b, producers, awake[M], take[M]) })
			b.Run("awake/pop", func(b *testing.B) { throughQueue(b, producers, awake[M], pop[M]) })
		})
	}
}

func throughChannel[M any](b *testing.B, producers int) {
	b.ReportAllocs()
	c := make(chan M, msgq.DefaultCapacity)
	var done atomic.Bool
	wg := flood(producers, func() bool {
		var m M
		c <- m
		return !done.Load()
	})
	for b.Loop() {
		<-c
	}
	done.Store(true)
	go func() {
		wg.Wait()
		close(c)
	}()
	for range c {
	}
}

// benchConsumer receives the messages of one queue.
type benchConsumer[M any] struct {
	q     *msgq.Queue[M]
	woken msgq.ChanWaker
	batch []M
}

// asleep, awake: what a consumer does when there is nothing to do.
func asleep[M any](c *benchConsumer[M]) {
	if c.q.Arm() {
		<-c.woken
	}
	c.q.Disarm()
}

func awake[M any](*benchConsumer[M]) { runtime.Gosched() }

// take, pop: how it gets one message, if there is one.
func take[M any](c *benchConsumer[M]) bool {
	if len(c.batch) == 0 {
		c.batch = c.q.Take(256)
	}
	if len(c.batch) == 0 {
		return false
	}
	c.batch = c.batch[1:]
	return true
}

func pop[M any](c *benchConsumer[M]) bool {
	_, ok := c.q.Pop()
	return ok
}

func throughQueue[M any](b *testing.B, producers int, wait func(*benchConsumer[M]), get func(*benchConsumer[M]) bool) {
	b.ReportAllocs()
	woken := make(msgq.ChanWaker, 1)
	c := &benchConsumer[M]{q: msgq.New[M](msgq.Config{Waker: woken}), woken: woken}
	s := c.q.Sender()
	wg := flood(producers, func() bool {
		var m M
		return s.Send(context.Background(), m) == nil
	})
	for b.Loop() {
		for !get(c) {
			wait(c)
		}
	}
	if err := c.q.Close(); err != nil {
		b.Error(err)
	}
	wg.Wait()
}

// BenchmarkProducer is one message sent by a goroutine that has the queue, or
// the channel, for itself: the work alone, without waiting for a cache line of
// another processor. BenchmarkConsumer is one message received in that way.
// Filling and emptying 4096 messages at a time is not counted.
func BenchmarkProducer(b *testing.B) {
	b.Run("8B", producer[message8])
	b.Run("64B", producer[message64])
}

func producer[M any](b *testing.B) {
	var m M
	b.Run("chan", func(b *testing.B) {
		c := make(chan M, msgq.DefaultCapacity)
		for b.Loop() {
			if len(c) == cap(c) {
				b.StopTimer()
				for len(c) > 0 {
					<-c
				}
				b.StartTimer()
			}
			c <- m
		}
	})
	b.Run("msgq", func(b *testing.B) {
		q := msgq.New[M](msgq.Config{})
		s := q.Sender()
		for b.Loop() {
			if s.TrySend(m) != nil {
				b.StopTimer()
				for _, ok := q.Pop(); ok; _, ok = q.Pop() {
				}
				b.StartTimer()
			}
		}
	})
}

func BenchmarkConsumer(b *testing.B) {
	b.Run("8B", receiver[message8])
	b.Run("64B", receiver[message64])
}

func receiver[M any](b *testing.B) {
	var m M
	b.Run("chan", func(b *testing.B) {
		c := make(chan M, msgq.DefaultCapacity)
		for b.Loop() {
			if len(c) == 0 {
				b.StopTimer()
				for range cap(c) {
					c <- m
				}
				b.StartTimer()
			}
			<-c
		}
	})
	b.Run("msgq", func(b *testing.B) {
		q := msgq.New[M](msgq.Config{})
		s := q.Sender()
		for b.Loop() {
			if _, ok := q.Pop(); !ok {
				b.StopTimer()
				for s.TrySend(m) == nil {
				}
				b.StartTimer()
			}
		}
	})
}
