package msgq

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/metalio/metalio/internal/behaviours"
)

// consumer is the loop of doc.go, with everything that a test wants to know.
type consumer[M any] struct {
	q      *Queue[M]
	woken  ChanWaker
	wakes  atomic.Int64 // calls of the waker
	arms   int64
	sleeps int // times that Arm allowed it to sleep
}

func newConsumer[M any](capacity int) *consumer[M] {
	c := &consumer[M]{woken: make(ChanWaker, 1)}
	c.q = New[M](Config{Capacity: capacity, Waker: WakerFunc(func() error {
		c.wakes.Add(1)
		return c.woken.Wake()
	})})
	return c
}

// run handles messages, turns of at most perTurn, until the queue is drained.
func (c *consumer[M]) run(perTurn int, handle func(M)) {
	for !c.q.Drained() {
		for range perTurn {
			m, ok := c.q.Pop()
			if !ok {
				break
			}
			handle(m)
		}
		c.arms++
		if c.q.Arm() {
			c.sleeps++
			<-c.woken
		}
		c.q.Disarm()
	}
}

func mustSend[M any](t testing.TB, s Sender[M], m M) {
	t.Helper()
	if err := s.TrySend(m); err != nil {
		t.Fatalf("TrySend: %v", err)
	}
}

// rest pops everything.
func rest[M any](q *Queue[M]) (got []M) {
	for {
		m, ok := q.Pop()
		if !ok {
			return got
		}
		got = append(got, m)
	}
}

func wantMessages[M comparable](t testing.TB, got []M, want ...M) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("got messages %v; want %v", got, want)
	}
}

// TestWakersAndMessages has the behaviours that need no reactor, by name.
func TestWakersAndMessages(t *testing.T) {
	behaviours.Run(t, "wake_before_wait_is_delivered", func(t *testing.T) {
		c := newConsumer[int](4)
		if !c.q.Arm() {
			t.Fatal("Arm of an empty queue says that there is something to do")
		}
		mustSend(t, c.q.Sender(), 1) // after Arm, before the sleep
		<-c.woken
		c.q.Disarm()
		wantMessages(t, rest(c.q), 1)

		mustSend(t, c.q.Sender(), 2) // before Arm
		if c.q.Arm() {
			t.Fatal("Arm did not see the message that came before it")
		}
		c.q.Disarm()
		wantMessages(t, rest(c.q), 2)
	})

	behaviours.Run(t, "many_wakes_are_one_event", func(t *testing.T) {
		c := newConsumer[int](4)
		c.q.Arm()
		for range 1000 {
			if err := c.q.Word().Notify(); err != nil {
				t.Fatal(err)
			}
		}
		if n := c.wakes.Load(); n != 1 {
			t.Fatalf("1000 notifications of one sleep are %d wakes", n)
		}
	})

	behaviours.Run(t, "wake_from_another_goroutine", func(t *testing.T) {
		c := newConsumer[int](4)
		go func() {
			_ = c.q.Sender().TrySend(7)
			_ = c.q.Close()
		}()
		var got []int
		c.run(1, func(m int) { got = append(got, m) })
		wantMessages(t, got, 7)
	})

	behaviours.Run(t, "wakes_from_10_goroutines", func(t *testing.T) {
		c := newConsumer[int](4)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				for range 1000 {
					if err := c.q.Sender().Send(t.Context(), 1); err != nil {
						t.Error(err)
					}
				}
			})
		}
		go func() { wg.Wait(); _ = c.q.Close() }()
		sum := 0
		c.run(64, func(m int) { sum += m })
		if sum != 10_000 {
			t.Fatalf("%d messages of 10000 arrived", sum)
		}
		if wakes := c.wakes.Load(); wakes > c.arms {
			t.Errorf("%d wakes, but the word was armed %d times", wakes, c.arms)
		}
	})

	behaviours.Run(t, "no_lost_wake", testNoLostWake)
	behaviours.Run(t, "one_syscall_for_a_burst", testOneWakeForABurst)
	behaviours.Run(t, "none_while_awake", testNoneWhileAwake)
	behaviours.Run(t, "fifo_for_each_producer", testFIFO)
	behaviours.Run(t, "full_returns_ErrFull", testFull)
	behaviours.Run(t, "send_waits_for_room_and_honours_context", testSendWaits)
	behaviours.Run(t, "handler_sends_to_its_own_loop", testHandlerSends)
	behaviours.Run(t, "close_keeps_what_was_accepted", testCloseKeeps)
	behaviours.Run(t, "send_after_close_is_ErrClosed", testSendAfterClose)
	behaviours.Run(t, "loop_stop_with_blocked_senders", testCloseWithBlockedSenders)
}

// testNoLostWake plays ping-pong between two consumers that sleep whenever they
// have nothing to do: one wake lost, and the test hangs.
func testNoLostWake(t *testing.T) {
	rounds := behaviours.Budget(t, "no_lost_wake")
	ping, pong := newConsumer[int](1), newConsumer[int](1)
	go func() {
		ping.run(1, func(i int) {
			if err := pong.q.Sender().TrySend(i + 1); err != nil {
				t.Errorf("pong %d: %v", i, err)
			}
		})
		_ = pong.q.Close()
	}()
	mustSend(t, ping.q.Sender(), 0)
	last := 0
	pong.run(1, func(i int) {
		last = i
		if i == rounds {
			_ = ping.q.Close()
			return
		}
		if err := ping.q.Sender().TrySend(i); err != nil {
			t.Errorf("ping %d: %v", i, err)
		}
	})
	if last != rounds {
		t.Fatalf("%d of %d rounds", last, rounds)
	}
}

func testOneWakeForABurst(t *testing.T) {
	const producers, each = 4, 500
	c := newConsumer[int](producers * each)
	for round := range 100 {
		if !c.q.Arm() {
			t.Fatal("empty queue, but Arm says there is something to do")
		}
		var wg sync.WaitGroup
		for range producers {
			wg.Go(func() {
				for i := range each {
					if err := c.q.Sender().TrySend(i); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		<-c.woken
		c.q.Disarm()
		if n := len(rest(c.q)); n != producers*each {
			t.Fatalf("%d messages of %d", n, producers*each)
		}
		if n := c.wakes.Load(); n != int64(round+1) {
			t.Fatalf("%d wakes for %d sleeps", n, round+1)
		}
	}
}

func testNoneWhileAwake(t *testing.T) {
	c := newConsumer[int](64)
	for i := range 10_000 {
		mustSend(t, c.q.Sender(), i)
		if i%64 == 63 {
			rest(c.q)
		}
	}
	if err := c.q.Close(); err != nil {
		t.Fatal(err)
	}
	if n := c.wakes.Load(); n != 0 {
		t.Fatalf("%d wakes while the consumer was awake", n)
	}
}

func testFIFO(t *testing.T) {
	type message struct{ producer, seq int }
	const each = 20_000
	for _, producers := range []int{1, 2, 4, 16} {
		for _, capacity := range []int{1, 2, 7, 1024} {
			t.Run(fmt.Sprintf("producers=%d/capacity=%d", producers, capacity), func(t *testing.T) {
				c := newConsumer[message](capacity)
				var wg sync.WaitGroup
				for p := range producers {
					wg.Go(func() {
						for i := range each / producers {
							// Every third tries first, so that both ways compete.
							if i%3 == 0 && c.q.Sender().TrySend(message{p, i}) == nil {
								continue
							}
							if err := c.q.Sender().Send(t.Context(), message{p, i}); err != nil {
								t.Error(err)
							}
						}
					})
				}
				go func() { wg.Wait(); _ = c.q.Close() }()

				next := make([]int, producers)
				c.run(64, func(m message) {
					if m.seq != next[m.producer] {
						t.Errorf("producer %d: message %d instead of %d", m.producer, m.seq, next[m.producer])
					}
					next[m.producer] = m.seq + 1
				})
				for p, n := range next {
					if n != each/producers {
						t.Errorf("producer %d: %d messages of %d", p, n, each/producers)
					}
				}
			})
		}
	}
}

func testFull(t *testing.T) {
	for _, capacity := range []int{1, 2, 3, 100} {
		q := New[int](Config{Capacity: capacity})
		s := q.Sender()
		for i := range capacity {
			mustSend(t, s, i)
		}
		if err := s.TrySend(-1); !errors.Is(err, ErrFull) {
			t.Fatalf("message %d of %d: %v; want ErrFull", capacity+1, capacity, err)
		}
		if got, want := q.Len(), capacity; got != want || q.Cap() != want {
			t.Fatalf("Len, Cap = %d, %d; want %d", got, q.Cap(), want)
		}
		// The first Pop takes the half over, and the other one has room.
		if m, ok := q.Pop(); !ok || m != 0 {
			t.Fatalf("Pop = %d, %v", m, ok)
		}
		for i := range capacity {
			mustSend(t, s, capacity+i)
		}
		if err := s.TrySend(-1); !errors.Is(err, ErrFull) {
			t.Fatalf("after Pop: %v; want ErrFull", err)
		}
		for i, m := range rest(q) {
			if m != i+1 {
				t.Fatalf("message %d is %d", i+1, m)
			}
		}
	}
}

func testSendWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New[int](Config{Capacity: 1})
		s := q.Sender()
		mustSend(t, s, 0)

		sent := make(chan error, 3)
		for i := 1; i <= 3; i++ {
			go func() { sent <- s.Send(t.Context(), i) }()
			synctest.Wait() // in line before the next one comes
		}
		select {
		case err := <-sent:
			t.Fatalf("Send to a full queue returned %v at once", err)
		default:
		}
		for want := range 4 {
			if m, ok := q.Pop(); !ok || m != want {
				t.Fatalf("Pop = %d, %v; want %d: those who wait go first, in their order", m, ok, want)
			}
			synctest.Wait()
			if want < 3 {
				if err := <-sent; err != nil {
					t.Fatalf("Send: %v", err)
				}
			}
			if want < 2 {
				// The room went to the first of those who wait.
				if err := s.TrySend(99); !errors.Is(err, ErrFull) {
					t.Fatalf("TrySend overtakes a waiting Send: %v", err)
				}
			}
		}
		if _, ok := q.Pop(); ok {
			t.Fatal("a message too many")
		}

		mustSend(t, s, 0)
		ended, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("no longer wanted")
		time.AfterFunc(time.Minute, func() { cancel(cause) })
		before := time.Now()
		if err := s.Send(ended, 1); !errors.Is(err, cause) {
			t.Fatalf("Send with a context that ends: %v", err)
		}
		if waited := time.Since(before); waited != time.Minute {
			t.Fatalf("Send waited %v; its context ended after a minute", waited)
		}
		rest(q)
		if err := s.Send(ended, 1); !errors.Is(err, cause) {
			t.Fatalf("Send with a context that has ended: %v", err)
		}
		if q.Len() != 0 {
			t.Fatal("a message that was refused is in the queue")
		}
		deadline, cancelDeadline := context.WithTimeout(t.Context(), time.Second)
		defer cancelDeadline()
		mustSend(t, s, 0)
		if err := s.Send(deadline, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Send with a deadline: %v", err)
		}
		wantMessages(t, rest(q), 0)
	})
}

func testHandlerSends(t *testing.T) {
	c := newConsumer[int](2)
	mustSend(t, c.q.Sender(), 0)
	var got []int
	c.run(3, func(m int) {
		got = append(got, m)
		if m == 10 {
			_ = c.q.Close()
			return
		}
		mustSend(t, c.q.Sender(), m+1)
	})
	wantMessages(t, got, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	if c.sleeps != 0 || c.wakes.Load() != 0 {
		t.Fatalf("%d sleeps, %d wakes; the consumer always had something to do", c.sleeps, c.wakes.Load())
	}
}

func testCloseKeeps(t *testing.T) {
	q := New[int](Config{Capacity: 4})
	for i := range 4 {
		mustSend(t, q.Sender(), i)
	}
	q.Pop() // 1, 2, 3 are in the consumer's half
	mustSend(t, q.Sender(), 4)
	if q.Drained() {
		t.Fatal("drained before Close")
	}
	for range 2 {
		if err := q.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	for want := 1; want <= 4; want++ {
		if q.Drained() {
			t.Fatalf("drained before message %d", want)
		}
		if m, ok := q.Pop(); !ok || m != want {
			t.Fatalf("Pop = %d, %v; want %d", m, ok, want)
		}
	}
	if !q.Drained() {
		t.Fatal("not drained")
	}
	if m, ok := q.Pop(); ok {
		t.Fatalf("Pop of a drained queue = %d", m)
	}
}

func testSendAfterClose(t *testing.T) {
	full := New[int](Config{Capacity: 1})
	mustSend(t, full.Sender(), 0)
	for name, q := range map[string]*Queue[int]{"empty": New[int](Config{}), "full": full, "zero Sender": {}} {
		s := q.Sender()
		if name == "zero Sender" {
			s = Sender[int]{}
		} else if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.TrySend(1); !errors.Is(err, ErrClosed) {
			t.Errorf("%s: TrySend: %v", name, err)
		}
		if err := s.Send(t.Context(), 1); !errors.Is(err, ErrClosed) {
			t.Errorf("%s: Send: %v", name, err)
		}
	}
	wantMessages(t, rest(full), 0)
}

func testCloseWithBlockedSenders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New[int](Config{Capacity: 1})
		mustSend(t, q.Sender(), 0)
		const n = 10
		refused := make(chan error, n)
		for i := range n {
			go func() { refused <- q.Sender().Send(t.Context(), i+1) }()
		}
		synctest.Wait()
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		for range n {
			if err := <-refused; !errors.Is(err, ErrClosed) {
				t.Fatalf("blocked Send: %v; want ErrClosed", err)
			}
		}
		wantMessages(t, rest(q), 0)
	})
}

func TestCloseWakesSleeper(t *testing.T) {
	c := newConsumer[int](4)
	if !c.q.Arm() {
		t.Fatal("Arm")
	}
	if err := c.q.Close(); err != nil {
		t.Fatal(err)
	}
	<-c.woken
	c.q.Disarm()
	if c.q.Arm() {
		t.Fatal("a consumer may sleep on a closed queue")
	}
	if !c.q.Drained() {
		t.Fatal("not drained")
	}
}

// A handler that panics has one message; what comes after it must still be
// there, and the queue must still close.
func TestPanicInHandlerLosesNothing(t *testing.T) {
	c := newConsumer[int](8)
	for i := range 5 {
		mustSend(t, c.q.Sender(), i)
	}
	func() {
		defer func() { _ = recover() }()
		c.run(8, func(m int) {
			if m == 2 {
				panic("handler")
			}
		})
	}()
	mustSend(t, c.q.Sender(), 5)
	if err := c.q.Close(); err != nil {
		t.Fatal(err)
	}
	var got []int
	c.run(8, func(m int) { got = append(got, m) })
	wantMessages(t, got, 3, 4, 5)
}

func TestTake(t *testing.T) {
	q := New[int](Config{Capacity: 4})
	if got := q.Take(4); got != nil {
		t.Fatalf("Take of an empty queue: %v", got)
	}
	for i := range 4 {
		mustSend(t, q.Sender(), i+1)
	}
	for _, none := range []int{0, -1} {
		if got := q.Take(none); got != nil {
			t.Fatalf("Take(%d) = %v", none, got)
		}
	}
	view := q.Take(3)
	wantMessages(t, view, 1, 2, 3)
	if q.Len() != 1 || cap(view) != 3 {
		t.Fatalf("Len %d, cap %d", q.Len(), cap(view))
	}
	mustSend(t, q.Sender(), 5)
	wantMessages(t, view, 1, 2, 3) // until the next call
	if m, ok := q.Pop(); !ok || m != 4 {
		t.Fatalf("Pop = %d, %v; want 4", m, ok)
	}
	wantMessages(t, view, 0, 0, 0)
	wantMessages(t, q.Take(100), 5)
	if got := q.Take(1); got != nil {
		t.Fatalf("Take = %v", got)
	}
}

func TestDrainedElementsAreZeroed(t *testing.T) {
	for name, drain := range map[string]func(q *Queue[*int]){
		"Pop":  func(q *Queue[*int]) { rest(q) },
		"Take": func(q *Queue[*int]) { q.Take(2); q.Take(2); q.Take(2) },
	} {
		q := New[*int](Config{Capacity: 2})
		ctx, cancel := context.WithCancel(t.Context())
		for range 2 {
			mustSend(t, q.Sender(), new(int))
		}
		var wg sync.WaitGroup
		wg.Go(func() { _ = q.Sender().Send(ctx, new(int)) })
		for q.waiters() == 0 {
			runtime.Gosched()
		}
		drain(q)
		drain(q)
		cancel()
		wg.Wait()
		for _, half := range [][]*int{q.in, q.half} {
			for i, p := range half {
				if p != nil {
					t.Errorf("%s: element %d still refers to its message", name, i)
				}
			}
		}
		for w := q.waiting.spare; w != nil; w = w.next {
			if w.msg != nil {
				t.Errorf("%s: the record of a sender still refers to its message", name)
			}
		}
	}
}

func (q *Queue[M]) waiters() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for w := q.waiting.head; w != nil; w = w.next {
		n++
	}
	return n
}

// Senders give up and are admitted and refused at the same moments. Whatever
// Send returned must be true of the queue.
func TestCancelRacesAdmissionAndClose(t *testing.T) {
	const producers, each = 8, 300
	c := newConsumer[int](2)
	accepted := make([]atomic.Bool, producers*each)
	var wg sync.WaitGroup
	for p := range producers {
		wg.Go(func() {
			for i := range each {
				ctx, cancel := context.WithCancel(t.Context())
				go cancel()
				err := c.q.Sender().Send(ctx, p*each+i)
				switch {
				case err == nil:
					accepted[p*each+i].Store(true)
				case !errors.Is(err, context.Canceled) && !errors.Is(err, ErrClosed):
					t.Errorf("Send: %v", err)
				}
				if p == 0 && i == each-each/10 {
					_ = c.q.Close()
				}
			}
		})
	}
	got := make([]bool, producers*each)
	c.run(2, func(m int) {
		if got[m] {
			t.Errorf("message %d came twice", m)
		}
		got[m] = true
	})
	wg.Wait()
	for m := range got {
		if got[m] != accepted[m].Load() {
			t.Errorf("message %d: accepted %v, handled %v", m, accepted[m].Load(), got[m])
		}
	}
	if n := c.q.waiters(); n != 0 {
		t.Errorf("%d waiters left", n)
	}
}

// brokenWaker fails as long as it is told to.
type brokenWaker struct {
	broken bool
	wakes  int
}

var errBroken = errors.New("broken waker")

func (w *brokenWaker) Wake() error {
	w.wakes++
	if w.broken {
		return errBroken
	}
	return nil
}

func wantWakeError(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[*WakeError](err); !ok || !errors.Is(err, errBroken) {
		t.Fatalf("error %v; want a WakeError", err)
	}
}

func TestFailingWaker(t *testing.T) {
	w := &brokenWaker{broken: true}
	q := New[int](Config{Capacity: 2, Waker: w})
	s := q.Sender()
	q.Arm()

	err := s.TrySend(1) // accepted
	wantWakeError(t, err)
	if errors.Is(err, ErrFull) || errors.Is(err, ErrClosed) {
		t.Fatalf("%v: the message was accepted", err)
	}
	wantWakeError(t, s.Send(t.Context(), 2)) // accepted
	// Full, and the consumer sleeps: a refused sender must try to wake it too.
	for _, err := range []error{s.TrySend(3), s.Send(t.Context(), 3)} {
		wantWakeError(t, err)
		if !errors.Is(err, ErrFull) {
			t.Fatalf("%v; want ErrFull as well", err)
		}
	}
	if n := q.waiters(); n != 0 {
		t.Fatalf("%d waiters left", n)
	}
	wantWakeError(t, q.Word().Notify())

	w.broken, w.wakes = false, 0
	if err := s.TrySend(3); err != ErrFull {
		t.Fatalf("TrySend: %v; want ErrFull alone", err)
	}
	_ = s.TrySend(3)
	if w.wakes != 1 {
		t.Fatalf("%d wakes after the waker was repaired; want 1", w.wakes)
	}
	q.Disarm()
	wantMessages(t, rest(q), 1, 2)

	w.broken = true
	q.Arm()
	wantWakeError(t, q.Close())
	w.broken, w.wakes = false, 0
	if err := q.Close(); err != nil || w.wakes != 1 {
		t.Fatalf("second Close: %v, %d wakes; want another try", err, w.wakes)
	}
}

// One word for two queues and a stop flag, as a loop has it.
func TestSharedWord(t *testing.T) {
	woken := make(ChanWaker, 1)
	word := NewWakeWord(woken)
	a := New[int](Config{Capacity: 4, Word: word})
	b := New[string](Config{Capacity: 4, Word: word})
	var stop atomic.Bool

	const each = 10_000
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for i := range each {
				if err := a.Sender().Send(t.Context(), i); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range each {
				if err := b.Sender().Send(t.Context(), "x"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() {
		wg.Wait()
		stop.Store(true)
		if err := word.Notify(); err != nil {
			t.Error(err)
		}
	}()

	got := 0
	for {
		stopping := stop.Load()
		got += len(rest(a)) + len(rest(b))
		if stopping {
			break
		}
		word.Arm()
		if !a.Pending() && !b.Pending() && !stop.Load() {
			<-woken
		}
		word.Disarm()
	}
	if got != 4*each {
		t.Fatalf("%d messages of %d", got, 4*each)
	}
}

func TestChanWaker(t *testing.T) {
	w := make(ChanWaker, 1)
	for range 3 {
		if err := w.Wake(); err != nil {
			t.Fatal(err)
		}
	}
	if len(w) != 1 {
		t.Fatalf("%d wakes are stored", len(w))
	}
	if err := make(ChanWaker).Wake(); err == nil {
		t.Fatal("a channel without a buffer loses wakes and was not refused")
	}
}

func TestSenderIsComparable(t *testing.T) {
	a, b := New[int](Config{}), New[int](Config{})
	if a.Sender() != a.Sender() || a.Sender() == b.Sender() {
		t.Fatal("senders do not compare as their queues do")
	}
}

func TestZeroAllocs(t *testing.T) {
	const n = 128
	c := newConsumer[[3]*int](n)
	s := c.q.Sender()
	value := new(int)

	check := func(name string, f func()) {
		t.Helper()
		if allocs := testing.AllocsPerRun(200, f); allocs != 0 {
			t.Errorf("%s: %v allocations a run", name, allocs)
		}
	}
	check("TrySend, wake, Pop", func() {
		c.q.Arm()
		for range n + 1 { // the last one is refused
			_ = s.TrySend([3]*int{value})
		}
		<-c.woken
		c.q.Disarm()
		for range n {
			c.q.Pop()
		}
	})
	check("Send with room, Take", func() {
		for range n {
			_ = s.Send(t.Context(), [3]*int{value})
		}
		for len(c.q.Take(50)) > 0 {
		}
	})

	// A Send that waits uses the record of the one before.
	again := make(chan struct{})
	defer close(again)
	go func() {
		for range again {
			if err := s.Send(context.Background(), [3]*int{value}); err != nil {
				t.Error(err)
			}
		}
	}()
	check("Send that waits", func() {
		for range n {
			_ = s.TrySend([3]*int{value})
		}
		again <- struct{}{}
		for c.q.waiters() == 0 {
			runtime.Gosched()
		}
		for range n + 1 {
			if _, ok := c.q.Pop(); !ok {
				t.Error("a message is missing")
			}
		}
	})
}

// FuzzAgainstSlice runs one goroutine's operations against the obvious model:
// two slices, of which the second is full at capacity.
func FuzzAgainstSlice(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 1, 0, 0, 4, 1, 1, 1, 1}, uint8(2))
	f.Add([]byte{0, 0, 2, 7, 0, 0, 3, 0, 1, 2, 4, 0, 1}, uint8(3))
	f.Fuzz(func(t *testing.T, ops []byte, capacity uint8) {
		c := newConsumer[int](max(int(capacity), 1))
		q, s := c.q, c.q.Sender()
		var in, out []int
		closed, armed, wakes := false, false, int64(0)
		for i, op := range ops {
			switch op % 8 {
			case 0, 1, 2:
				want := error(nil)
				switch {
				case closed:
					want = ErrClosed
				case len(in) == q.Cap():
					want = ErrFull
				default:
					in = append(in, i)
				}
				if armed && !closed {
					armed, wakes = false, wakes+1
				}
				if err := s.TrySend(i); err != want {
					t.Fatalf("op %d: TrySend: %v; want %v", i, err, want)
				}
			case 3, 4:
				if len(out) == 0 {
					in, out = nil, in
				}
				m, ok := q.Pop()
				if ok != (len(out) > 0) || ok && m != out[0] {
					t.Fatalf("op %d: Pop = %d, %v; want one of %v", i, m, ok, out)
				}
				out = out[min(1, len(out)):]
			case 5:
				most := int(op / 8)
				if most > 0 && len(out) == 0 {
					in, out = nil, in
				}
				n := min(most, len(out))
				wantMessages(t, q.Take(most), out[:n]...)
				out = out[n:]
			case 6:
				want := len(in)+len(out) == 0 && !closed
				if got := q.Arm(); got != want {
					t.Fatalf("op %d: Arm = %v; want %v", i, got, want)
				}
				armed = true
				if !want {
					q.Disarm()
					armed = false
				}
			case 7:
				if err := q.Close(); err != nil {
					t.Fatal(err)
				}
				if armed {
					armed, wakes = false, wakes+1
				}
				closed = true
			}
			if got := q.Len(); got != len(in)+len(out) {
				t.Fatalf("op %d: Len = %d; want %d", i, got, len(in)+len(out))
			}
			if got, want := q.Drained(), closed && len(in)+len(out) == 0; got != want {
				t.Fatalf("op %d: Drained = %v; want %v", i, got, want)
			}
			if got := c.wakes.Load(); got != wakes {
				t.Fatalf("op %d: %d wakes; want %d", i, got, wakes)
			}
		}
	})
}
