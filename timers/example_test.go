package timers_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/metalio/metalio/timers"
)

func ms(n int64) int64 { return n * int64(time.Millisecond) }

func Example() {
	w, err := timers.New(timers.Config{Capacity: 16})
	if err != nil {
		fmt.Println(err)
		return
	}
	w.Add(ms(30), 3)
	w.Add(ms(10), 1)
	idle, _ := w.Add(ms(20), 2)
	w.Reset(idle, ms(40)) // there was traffic

	for now, ok := w.Next(); ok; now, ok = w.Next() {
		// A loop would sleep until then.
		w.Advance(now)
		for e, ok := w.Pop(); ok; e, ok = w.Pop() {
			fmt.Println(time.Duration(e.Deadline), "token", e.Token)
		}
	}
	// Output:
	// 10ms token 1
	// 30ms token 3
	// 40ms token 2
}

func ExampleWheel_AddPeriodic() {
	w, err := timers.New(timers.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	w.AddPeriodic(ms(10), ms(10), 7)
	for _, now := range []int64{10, 25, 61, 70} {
		w.Advance(ms(now))
		e, _ := w.Pop()
		fmt.Printf("at %d ms: for %v, %d more missed\n", now, time.Duration(e.Deadline), e.Overruns)
	}
	// Output:
	// at 10 ms: for 10ms, 0 more missed
	// at 25 ms: for 20ms, 0 more missed
	// at 61 ms: for 30ms, 3 more missed
	// at 70 ms: for 70ms, 0 more missed
}

func ExampleWheel_Cancel() {
	w, err := timers.New(timers.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	id, _ := w.Add(ms(5), 1)
	w.Advance(ms(5)) // due, but not popped
	fmt.Println(w.Cancel(id), w.Cancel(id))
	_, ok := w.Pop()
	fmt.Println(ok)
	// Output:
	// true false
	// false
}

func ExampleWheel_Add() {
	w, err := timers.New(timers.Config{Capacity: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	first, _ := w.Add(ms(10), 1)
	w.Add(ms(20), 2)
	_, err = w.Add(ms(30), 3)
	fmt.Println(err == timers.ErrFull, w.Len(), w.Cap())

	deadline, ok := w.Deadline(first)
	fmt.Println(time.Duration(deadline), ok)
	w.Advance(ms(10))
	w.Pop()
	_, ok = w.Deadline(first)
	fmt.Println(ok)
	// Output:
	// true 2 2
	// 10ms true
	// false
}

// The zero Config is good, and what cannot be right is refused.
func ExampleNew() {
	w, err := timers.New(timers.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(w.Cap() == timers.DefaultCapacity, timers.DefaultTick)
	_, err = timers.New(timers.Config{Capacity: timers.MaxCapacity + 1})
	fmt.Println(errors.Is(err, timers.ErrInvalid))
	// Output:
	// true 131.072µs
	// true
}
