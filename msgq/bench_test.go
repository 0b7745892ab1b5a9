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

// flood runs in n goroutines what begin returns to each, again and again until
// it reports false.
func flood(n int, begin func() func() bool) *sync.WaitGroup {
	var wg sync.WaitGroup
	for range n {
		send := begin()
		wg.Go(func() {
			for send() {
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
//	sender       a queue to which all send through a Sender
//	producer     one to which each sends through a Producer of its own
//	asleep       the consumer sleeps when there is nothing to do
//	awake        it yields instead
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
			for _, by := range []struct {
				name string
				via  func(*msgq.Queue[M]) sending[M]
			}{{"sender", senders[M]}, {"producer", producersOf[M]}} {
				b.Run(by.name, func(b *testing.B) {
					b.Run("asleep/take", func(b *testing.B) { throughQueue(b, producers, by.via, asleep[M], take[M]) })
					b.Run("asleep/pop", func(b *testing.B) { throughQueue(b, producers, by.via, asleep[M], pop[M]) })
					b.Run("awake/take", func(b *testing.B) { throughQueue(b, producers, by.via, awake[M], take[M]) })
					b.Run("awake/pop", func(b *testing.B) { throughQueue(b, producers, by.via, awake[M], pop[M]) })
				})
			}
		})
	}
}

func throughChannel[M any](b *testing.B, producers int) {
	b.ReportAllocs()
	c := make(chan M, msgq.DefaultCapacity)
	var done atomic.Bool
	wg := flood(producers, func() func() bool {
		return func() bool {
			var m M
			c <- m
			return !done.Load()
		}
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

// sending is what a Sender and a Producer have in common.
type sending[M any] interface {
	TrySend(M) error
	Send(context.Context, M) error
}

// senders, producersOf: what each goroutine sends through.
func senders[M any](q *msgq.Queue[M]) sending[M]     { return q.Sender() }
func producersOf[M any](q *msgq.Queue[M]) sending[M] { return q.NewProducer(0) }

func throughQueue[M any](b *testing.B, producers int, through func(*msgq.Queue[M]) sending[M],
	wait func(*benchConsumer[M]), get func(*benchConsumer[M]) bool) {
	b.ReportAllocs()
	woken := make(msgq.ChanWaker, 1)
	c := &benchConsumer[M]{q: msgq.New[M](msgq.Config{Waker: woken}), woken: woken}
	wg := flood(producers, func() func() bool {
		s := through(c.q)
		return func() bool {
			var m M
			return s.Send(context.Background(), m) == nil
		}
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

// BenchmarkSend is one message sent by a goroutine that has the queue, or the
// channel, for itself: the work alone, without waiting for a cache line of
// another processor. BenchmarkReceive is one message received in that way.
// Filling and emptying 4096 messages at a time is not counted.
func BenchmarkSend(b *testing.B) {
	b.Run("8B", send[message8])
	b.Run("64B", send[message64])
}

func send[M any](b *testing.B) {
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
	b.Run("sender", func(b *testing.B) { sendAlone(b, senders[M]) })
	b.Run("producer", func(b *testing.B) { sendAlone(b, producersOf[M]) })
}

func sendAlone[M any](b *testing.B, sending func(*msgq.Queue[M]) sending[M]) {
	var m M
	q := msgq.New[M](msgq.Config{})
	s := sending(q)
	for b.Loop() {
		if s.TrySend(m) != nil {
			b.StopTimer()
			for _, ok := q.Pop(); ok; _, ok = q.Pop() {
			}
			b.StartTimer()
		}
	}
}

func BenchmarkReceive(b *testing.B) {
	b.Run("8B", receive[message8])
	b.Run("64B", receive[message64])
}

func receive[M any](b *testing.B) {
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
	b.Run("sender", func(b *testing.B) { receiveAlone(b, senders[M]) })
	b.Run("producer", func(b *testing.B) { receiveAlone(b, producersOf[M]) })
}

func receiveAlone[M any](b *testing.B, sending func(*msgq.Queue[M]) sending[M]) {
	var m M
	q := msgq.New[M](msgq.Config{})
	s := sending(q)
	for b.Loop() {
		if _, ok := q.Pop(); !ok {
			b.StopTimer()
			for s.TrySend(m) == nil {
			}
			b.StartTimer()
		}
	}
}
