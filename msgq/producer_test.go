package msgq

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func mustProduce[M any](t testing.TB, p *Producer[M], m M) {
	t.Helper()
	if err := p.TrySend(m); err != nil {
		t.Fatalf("TrySend of a Producer: %v", err)
	}
}

func TestProducerCapacity(t *testing.T) {
	q := New[int](Config{})
	for capacity, want := range map[int]int{-1: DefaultCapacity, 0: DefaultCapacity, 1: 1, 2: 2, 3: 4, 4: 4, 1000: 1024} {
		p := q.NewProducer(capacity)
		if got := p.Cap(); got != want {
			t.Errorf("NewProducer(%d).Cap() = %d; want %d", capacity, got, want)
		}
		for i := range want {
			mustProduce(t, p, i)
		}
		if err := p.TrySend(-1); err != ErrFull {
			t.Errorf("capacity %d: message %d: %v; want ErrFull", capacity, want+1, err)
		}
		if got := q.Len(); got != want {
			t.Errorf("capacity %d: Len = %d", capacity, got)
		}
		for i, m := range rest(q) {
			if m != i {
				t.Errorf("capacity %d: message %d is %d", capacity, i, m)
			}
		}
		// All of the room is free again, at whatever place in the ring.
		for range 3 {
			for i := range want {
				mustProduce(t, p, i)
			}
			if n := len(rest(q)); n != want {
				t.Errorf("capacity %d: %d messages", capacity, n)
			}
		}
	}
}

// All sources of a queue compete, and each Producer's messages keep their order,
// the Senders' theirs.
func TestProducersKeepTheirOrder(t *testing.T) {
	type message struct{ source, seq int }
	const each = 20_000
	for _, producers := range []int{1, 2, 7} {
		for _, capacity := range []int{1, 2, 8, 1024} {
			t.Run(fmt.Sprintf("producers=%d/capacity=%d", producers, capacity), func(t *testing.T) {
				c := newConsumer[message](capacity)
				var wg sync.WaitGroup
				send := func(source int, trySend func(message) error, send func(context.Context, message) error) {
					for i := range each / producers {
						if i%3 == 0 && trySend(message{source, i}) == nil {
							continue
						}
						if err := send(t.Context(), message{source, i}); err != nil {
							t.Error(err)
						}
					}
				}
				for source := range producers {
					wg.Go(func() {
						p := c.q.NewProducer(capacity) // while others are at it
						send(source, p.TrySend, p.Send)
						p.Close()
					})
				}
				wg.Go(func() { send(producers, c.q.Sender().TrySend, c.q.Sender().Send) })
				go func() { wg.Wait(); _ = c.q.Close() }()

				next := make([]int, producers+1)
				c.run(64, func(m message) {
					if m.seq != next[m.source] {
						t.Errorf("source %d: message %d instead of %d", m.source, m.seq, next[m.source])
					}
					next[m.source] = m.seq + 1
				})
				for source, n := range next {
					if n != each/producers {
						t.Errorf("source %d: %d messages of %d", source, n, each/producers)
					}
				}
				rest(c.q) // forgets those that are done
				if n := len(c.q.producers) + len(c.q.known); n != 0 {
					t.Errorf("%d records of producers are left", n)
				}
			})
		}
	}
}

// Ping-pong between two consumers that sleep whenever they have nothing to do,
// through rings: one wake lost, and the test hangs.
func TestProducerLosesNoWake(t *testing.T) {
	const rounds = 100_000
	ping, pong := newConsumer[int](1), newConsumer[int](1)
	toPing, toPong := ping.q.NewProducer(1), pong.q.NewProducer(1)
	go func() {
		ping.run(1, func(i int) {
			if err := toPong.TrySend(i + 1); err != nil {
				t.Errorf("pong %d: %v", i, err)
			}
		})
		_ = pong.q.Close()
	}()
	mustProduce(t, toPing, 0)
	last := 0
	pong.run(1, func(i int) {
		last = i
		if i == rounds {
			_ = ping.q.Close()
			return
		}
		if err := toPing.TrySend(i); err != nil {
			t.Errorf("ping %d: %v", i, err)
		}
	})
	if last != rounds {
		t.Fatalf("%d of %d rounds", last, rounds)
	}
}

func TestProducerWakesOnceForABurst(t *testing.T) {
	const each = 512
	c := newConsumer[int](1)
	producers := [3]*Producer[int]{}
	for i := range producers {
		producers[i] = c.q.NewProducer(each)
	}
	rest(c.q) // meets them
	for round := range 100 {
		if !c.q.Arm() {
			t.Fatal("empty queue, but Arm says there is something to do")
		}
		var wg sync.WaitGroup
		for _, p := range producers {
			wg.Go(func() {
				for i := range each {
					if err := p.TrySend(i); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		<-c.woken
		c.q.Disarm()
		if n := len(rest(c.q)); n != each*len(producers) {
			t.Fatalf("%d messages of %d", n, each*len(producers))
		}
		if n := c.wakes.Load(); n != int64(round+1) {
			t.Fatalf("%d wakes for %d sleeps", n, round+1)
		}
	}
	for i := range each {
		mustProduce(t, producers[0], i) // awake
	}
	if n := c.wakes.Load(); n != 100 {
		t.Fatalf("%d wakes while the consumer was awake", n-100)
	}
}

// A source that is never empty leaves the others their turn.
func TestNoSourceStarvesAnother(t *testing.T) {
	const capacity = 64
	q := New[string](Config{Capacity: capacity})
	s, busy, quiet := q.Sender(), q.NewProducer(capacity), q.NewProducer(capacity)
	fill := func() {
		for s.TrySend("sender") == nil {
		}
		for busy.TrySend("busy") == nil {
		}
	}
	fill()
	mustProduce(t, quiet, "quiet")
	got := map[string]int{}
	for range 4 * capacity {
		m, ok := q.Pop()
		if !ok {
			t.Fatal("nothing, though two sources are full")
		}
		got[m]++
		fill()
	}
	if got["quiet"] != 1 || got["sender"] < capacity || got["busy"] < capacity/4 {
		t.Fatalf("of %d messages: %v", 4*capacity, got)
	}
}

func TestProducerSendWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New[int](Config{Capacity: 1})
		p := q.NewProducer(2)
		sent := make(chan error, 1)
		go func() {
			for i := range 5 {
				if err := p.Send(t.Context(), i); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		synctest.Wait()
		select {
		case err := <-sent:
			t.Fatalf("five messages have found room in a ring of two: %v", err)
		default:
		}
		for want := range 5 {
			if m, ok := q.Pop(); !ok || m != want {
				t.Fatalf("Pop = %d, %v; want %d", m, ok, want)
			}
			synctest.Wait()
		}
		if err := <-sent; err != nil {
			t.Fatalf("Send: %v", err)
		}

		mustProduce(t, p, 0)
		mustProduce(t, p, 1)
		ended, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("no longer wanted")
		time.AfterFunc(time.Minute, func() { cancel(cause) })
		before := time.Now()
		if err := p.Send(ended, 2); !errors.Is(err, cause) {
			t.Fatalf("Send with a context that ends: %v", err)
		}
		if waited := time.Since(before); waited != time.Minute {
			t.Fatalf("Send waited %v; its context ended after a minute", waited)
		}
		wantMessages(t, rest(q), 0, 1)
		if err := p.Send(ended, 3); !errors.Is(err, cause) || q.Len() != 0 {
			t.Fatalf("Send with a context that has ended: %v, and %d messages", err, q.Len())
		}
		// What the Send that was cancelled has left behind is no room.
		for i := range 4 {
			go func() { sent <- p.Send(t.Context(), i) }()
			synctest.Wait()
			if i < 2 {
				if err := <-sent; err != nil {
					t.Fatal(err)
				}
				continue
			}
			select {
			case err := <-sent:
				t.Fatalf("Send to a full ring: %v", err)
			default:
			}
			q.Pop()
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestProducerClose(t *testing.T) {
	for name, end := range map[string]func(*Queue[int], *Producer[int]){
		"Producer.Close": func(_ *Queue[int], p *Producer[int]) { p.Close(); p.Close() },
		"Queue.Close":    func(q *Queue[int], _ *Producer[int]) { _ = q.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := New[int](Config{Capacity: 2})
				p, other := q.NewProducer(2), q.NewProducer(2)
				mustProduce(t, p, 0)
				mustProduce(t, p, 1)
				sent := make(chan error)
				go func() { sent <- p.Send(t.Context(), 2) }()
				synctest.Wait()
				end(q, p)
				if err := <-sent; err != ErrClosed {
					t.Fatalf("a Send that waits: %v", err)
				}
				if err := p.TrySend(3); err != ErrClosed {
					t.Fatalf("TrySend with no room: %v", err)
				}
				if q.Drained() {
					t.Fatal("drained before the messages were got")
				}
				wantMessages(t, rest(q), 0, 1)
				for range 2 {
					if err := p.TrySend(4); err != ErrClosed {
						t.Fatalf("TrySend with room: %v", err)
					}
				}
				if err := p.Send(t.Context(), 5); err != ErrClosed {
					t.Fatalf("Send: %v", err)
				}
				closed := name == "Queue.Close"
				if got := q.Drained(); got != closed {
					t.Fatalf("Drained = %v", got)
				}
				if err := other.TrySend(6); (err == ErrClosed) != closed {
					t.Fatalf("another Producer: %v", err)
				}
				late := q.NewProducer(1)
				if err := late.TrySend(7); (err == ErrClosed) != closed {
					t.Fatalf("a new Producer: %v", err)
				}
				if closed {
					wantMessages(t, rest(q))
				} else {
					wantMessages(t, rest(q), 6, 7)
				}
				if q.Arm(); q.Pending() != closed {
					t.Fatalf("Pending = %v", q.Pending())
				}
			})
		})
	}
	var zero Producer[int]
	zero.Close()
	if err := zero.TrySend(1); err != ErrClosed {
		t.Errorf("zero Producer: TrySend: %v", err)
	}
	if err := zero.Send(t.Context(), 1); err != ErrClosed {
		t.Errorf("zero Producer: Send: %v", err)
	}
}

// Closing and sending at the same moment: what was accepted arrives, and nothing
// else.
func TestProducerCloseRacesSend(t *testing.T) {
	for round := range 2000 {
		c := newConsumer[int](4)
		p := c.q.NewProducer(4)
		accepted := make(chan int, 1)
		var ready atomic.Int32
		meet := func() {
			for ready.Add(1); ready.Load() < 2; {
				runtime.Gosched()
			}
		}
		go func() {
			meet()
			n := 0
			for p.Send(t.Context(), n) == nil {
				n++
			}
			accepted <- n
		}()
		go func() {
			meet()
			if round%2 == 0 {
				p.Close()
			}
			_ = c.q.Close()
		}()
		got := 0
		c.run(3, func(m int) {
			if m != got {
				t.Errorf("message %d instead of %d", m, got)
			}
			got++
		})
		if n := <-accepted; n != got {
			t.Fatalf("round %d: %d messages were accepted, and %d arrived", round, n, got)
		}
	}
}

func TestProducerWithFailingWaker(t *testing.T) {
	w := &brokenWaker{broken: true}
	q := New[int](Config{Waker: w})
	p := q.NewProducer(2)
	rest(q)
	q.Arm()
	wantWakeError(t, p.TrySend(1))           // accepted
	wantWakeError(t, p.Send(t.Context(), 2)) // accepted
	for _, err := range []error{p.TrySend(3), p.Send(t.Context(), 3)} {
		wantWakeError(t, err)
		if !errors.Is(err, ErrFull) {
			t.Fatalf("%v; want ErrFull as well", err)
		}
	}
	w.broken, w.wakes = false, 0
	if err := p.TrySend(3); err != ErrFull || w.wakes != 1 {
		t.Fatalf("TrySend: %v, and %d wakes; want ErrFull and one", err, w.wakes)
	}
	q.Disarm()
	wantMessages(t, rest(q), 1, 2)
}

// A consumer that has taken all, and sleeps before it has given the room back,
// is woken by a producer that needs it.
func TestProducerOutOfRoomWakesWhoHasTakenAll(t *testing.T) {
	c := newConsumer[int](1)
	p := c.q.NewProducer(1)
	mustProduce(t, p, 1)
	wantMessages(t, c.q.Take(1), 1)
	if !c.q.Arm() {
		t.Fatal("there is nothing to do")
	}
	sent := make(chan error)
	go func() { sent <- p.Send(t.Context(), 2) }()
	<-c.woken
	c.q.Disarm()
	wantMessages(t, c.q.Take(1))
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	wantMessages(t, rest(c.q), 2)
}

func TestProducerPanicInHandlerLosesNothing(t *testing.T) {
	c := newConsumer[int](1)
	p := c.q.NewProducer(8)
	for i := range 8 {
		mustProduce(t, p, i)
	}
	p.Close()
	_ = c.q.Close()
	var got []int
	handle := func(m int) {
		got = append(got, m)
		if m%3 == 0 {
			panic(m)
		}
	}
	for !c.q.Drained() {
		func() {
			defer func() { _ = recover() }()
			c.run(4, handle)
		}()
	}
	wantMessages(t, got, 0, 1, 2, 3, 4, 5, 6, 7)
}

func TestProducerRingIsZeroed(t *testing.T) {
	for name, drain := range map[string]func(q *Queue[*int]){
		"Pop": func(q *Queue[*int]) { rest(q) },
		"Take": func(q *Queue[*int]) {
			for len(q.Take(3)) > 0 {
			}
		},
	} {
		q := New[*int](Config{})
		p := q.NewProducer(8)
		for range 8 {
			mustProduce(t, p, new(int))
		}
		drain(q)
		for range 3 {
			mustProduce(t, p, new(int))
		}
		drain(q)
		p.Close()
		_ = p.TrySend(new(int)) // refused
		for i, m := range p.ring {
			if m != nil {
				t.Errorf("%s: element %d still refers to its message", name, i)
			}
		}
	}
}

// A position is never mistaken for one of the round before, and the bit of Close
// is out of its reach.
func TestProducerPositions(t *testing.T) {
	q := New[int](Config{})
	p := q.NewProducer(4)
	const start = math.MaxUint32 - 10 // over the end of 32 bits
	p.published.Store(start)
	p.taken.Store(start)
	p.tail, p.limit, p.over = start, start, start
	for i := range 100 {
		for j := range 4 {
			mustProduce(t, p, 4*i+j)
		}
		if err := p.TrySend(-1); err != ErrFull {
			t.Fatalf("round %d: %v", i, err)
		}
		wantMessages(t, rest(q), 4*i, 4*i+1, 4*i+2, 4*i+3)
	}
}

func TestZeroAllocsOfProducer(t *testing.T) {
	const n = 128
	c := newConsumer[[3]*int](n)
	p := c.q.NewProducer(n)
	value := [3]*int{new(int)}
	check := func(name string, f func()) {
		t.Helper()
		if allocs := testing.AllocsPerRun(200, f); allocs != 0 {
			t.Errorf("%s: %v allocations a run", name, allocs)
		}
	}
	rest(c.q)
	check("TrySend, wake, Pop", func() {
		c.q.Arm()
		for range n + 1 { // the last one is refused
			_ = p.TrySend(value)
		}
		<-c.woken
		c.q.Disarm()
		for range n {
			c.q.Pop()
		}
	})
	check("Send with room, Take", func() {
		for range n {
			_ = p.Send(t.Context(), value)
		}
		for len(c.q.Take(50)) > 0 {
		}
	})
	again, sent := make(chan struct{}), make(chan struct{})
	defer close(again)
	go func() {
		for range again {
			if err := p.Send(context.Background(), value); err != nil {
				t.Error(err)
			}
			sent <- struct{}{}
		}
	}()
	check("Send that waits", func() {
		for range n {
			_ = p.TrySend(value)
		}
		again <- struct{}{}
		for !p.starved.Load() {
			runtime.Gosched()
		}
		for got := 0; got < n+1; {
			if _, ok := c.q.Pop(); ok {
				got++
			}
		}
		<-sent
	})
}

// FuzzSourcesAgainstSlices runs one goroutine's operations on two producers and
// a Sender against a slice for each.
func FuzzSourcesAgainstSlices(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 0, 0, 1, 3, 3, 4, 5, 6, 3, 7, 3, 3}, uint8(2))
	f.Add([]byte{1, 1, 1, 1, 11, 1, 1, 12, 3, 3, 3, 6, 3, 14, 2, 2, 3, 3}, uint8(4))
	f.Fuzz(func(t *testing.T, ops []byte, capacity uint8) {
		type message struct{ source, id int }
		c := newConsumer[message](max(int(capacity), 1))
		q := c.q
		var producers [2]*Producer[message]
		for i := range producers {
			producers[i] = q.NewProducer(int(capacity))
		}
		var sent [3][]message // and not got
		closed, armed := [3]bool{}, false
		got := func(i int, m message) {
			line := sent[m.source]
			if len(line) == 0 || line[0] != m {
				t.Fatalf("op %d: got %v; the sources have %v", i, m, sent)
			}
			sent[m.source] = line[1:]
		}
		count := func() int { return len(sent[0]) + len(sent[1]) + len(sent[2]) }
		for i, op := range ops {
			switch op % 8 {
			case 0, 1, 2:
				source, m := int(op%8), message{int(op % 8), i}
				trySend, room := q.Sender().TrySend, q.Cap()
				if source < 2 {
					trySend, room = producers[source].TrySend, producers[source].Cap()
				}
				err := trySend(m)
				switch {
				case closed[source]:
					if err != ErrClosed {
						t.Fatalf("op %d: TrySend to a closed source: %v", i, err)
					}
				case err == nil:
					sent[source] = append(sent[source], m)
					if source < 2 && len(sent[source]) > room {
						t.Fatalf("op %d: %d messages in a ring of %d", i, len(sent[source]), room)
					}
				case err != ErrFull:
					t.Fatalf("op %d: TrySend: %v", i, err)
				case len(sent[source]) < room-max(room/4, 1):
					// What was taken over at most is no room yet.
					t.Fatalf("op %d: ErrFull with %d messages of %d", i, len(sent[source]), room)
				}
				armed = false
				q.Disarm()
			case 3:
				m, ok := q.Pop()
				if ok != (count() > 0) {
					t.Fatalf("op %d: Pop = %v, %v; want one of %v", i, m, ok, sent)
				}
				if ok {
					got(i, m)
				}
			case 4:
				batch := q.Take(int(op / 8))
				if len(batch) == 0 && count() > 0 && op/8 > 0 {
					t.Fatalf("op %d: nothing taken of %v", i, sent)
				}
				for _, m := range batch {
					got(i, m)
				}
			case 5:
				// May be told once too often that there is something to do, never
				// that there is nothing while there is.
				if armed = q.Arm(); armed && count() > 0 {
					t.Fatalf("op %d: may sleep on %v", i, sent)
				}
				q.Disarm()
			case 6:
				source := int(op/8) % 2
				producers[source].Close()
				closed[source] = true
			case 7:
				if op/8%4 != 0 {
					continue
				}
				if err := q.Close(); err != nil {
					t.Fatal(err)
				}
				closed = [3]bool{true, true, true}
			}
			if n := q.Len(); n != count() {
				t.Fatalf("op %d: Len = %d; want %d", i, n, count())
			}
			if got, want := q.Drained(), closed[2] && count() == 0; got != want {
				t.Fatalf("op %d: Drained = %v; want %v", i, got, want)
			}
		}
	})
}
