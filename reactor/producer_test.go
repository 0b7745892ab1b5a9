//go:build unix || windows

package reactor

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/metalio/metalio/internal/behaviours"
	"github.com/metalio/metalio/msgq"
)

// returner sends each number back, less one, until it is zero.
type returner struct {
	Unhandled[int]
	to *msgq.Producer[int]
}

func (r *returner) Message(l *Loop[int], n int) {
	if n > 0 {
		if err := r.to.TrySend(n - 1); err != nil {
			panic(err) // the other loop would wait for ever
		}
	}
	if n <= 1 {
		l.Stop()
	}
}

// Two loops that send to each other sleep and are woken in every round.
func TestLoopsWithProducersLoseNoWake(t *testing.T) {
	forEachPolicy(t, func(t *testing.T, policy WaitPolicy) {
		checkLeaks(t)
		rounds := behaviours.Budget(t, "no_lost_wake") / 50
		if policy == Spin {
			rounds = min(rounds, 500) // see TestNoLostWake; here both sides spin
		}
		a, b := newLoop(t, Config{Wait: policy}), newLoop(t, Config{Wait: policy})
		toA, toB := a.NewProducer(2), b.NewProducer(2) // for one that is being handled, and its answer
		done := make(chan error)
		go func() { done <- b.Run(&returner{to: toA}) }()
		must(t, toA.TrySend(2*rounds))
		must(t, a.Run(&returner{to: toB}))
		must(t, <-done)
	})
}

func TestProducersBesideSenders(t *testing.T) {
	forEachPolicy(t, func(t *testing.T, policy WaitPolicy) {
		checkLeaks(t)
		const sources, each = 4, 5000
		l, h := newLoop(t, Config{Wait: policy, MessageCapacity: 64}), &scripted{}
		next := make([]int, sources)
		received := 0
		h.message = func(l *Loop[int], msg int) {
			source, i := msg/each, msg%each
			if next[source] != i {
				t.Errorf("source %d: %d, want %d", source, i, next[source])
			}
			next[source]++
			if received++; received == sources*each {
				l.Stop()
			}
		}
		var wg sync.WaitGroup
		for source := range sources {
			wg.Go(func() {
				send := l.Sender().Send
				if source > 0 {
					p := l.NewProducer(64)
					defer p.Close()
					send = p.Send
				}
				for i := range each {
					if err := send(context.Background(), source*each+i); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		must(t, l.Run(h))
		wg.Wait()
	})
}

// A handler that panics has had one message of those that the turn has taken;
// the others are of the next turn.
func TestPanicLeavesTakenMessages(t *testing.T) {
	l, h := newLoop(t, Config{}), &scripted{}
	p := l.NewProducer(8)
	for i := range 6 {
		must(t, p.TrySend(i))
	}
	var got []int
	h.message = func(_ *Loop[int], msg int) {
		got = append(got, msg)
		if msg%2 == 1 {
			panic(msg)
		}
	}
	for len(got) < 6 {
		func() {
			defer func() { _ = recover() }()
			if n, err := l.RunOnce(h, 0); n == 0 || err != nil {
				t.Fatalf("after %v: %d, %v", got, n, err)
			}
		}()
	}
	for i, msg := range got {
		if msg != i {
			t.Fatalf("messages %v", got)
		}
	}
}

// What a handler has seen is not kept while the loop sleeps.
func TestHandledMessagesAreNotKept(t *testing.T) {
	l, err := NewLoop[*[64]byte](Config{})
	must(t, err)
	defer l.Close()
	collected := make(chan struct{}, 2)
	s, p := l.Sender(), l.NewProducer(1)
	for _, send := range []func(*[64]byte) error{s.TrySend, p.TrySend} {
		m := new([64]byte)
		runtime.AddCleanup(m, func(c chan struct{}) { c <- struct{}{} }, collected)
		must(t, send(m))
	}
	if n, err := l.RunOnce(Unhandled[*[64]byte]{}, 0); n != 2 || err != nil {
		t.Fatalf("RunOnce = %d, %v", n, err)
	}
	for range 2 {
		for len(collected) == 0 {
			runtime.GC()
			runtime.Gosched()
		}
		<-collected
	}
	runtime.KeepAlive(l)
}

func TestZeroAllocsOfProducers(t *testing.T) {
	l := newLoop(t, Config{})
	p := l.NewProducer(64)
	h := Unhandled[int]{}
	burst := func() {
		for i := range 64 {
			must(t, p.TrySend(i))
		}
		if n, err := l.RunOnce(h, 0); n != 64 || err != nil {
			t.Fatalf("RunOnce = %d, %v", n, err)
		}
	}
	burst()
	if n := testing.AllocsPerRun(100, burst); n != 0 {
		t.Fatalf("%v allocations for a burst", n)
	}
}
