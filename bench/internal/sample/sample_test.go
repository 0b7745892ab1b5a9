package sample

import (
	"slices"
	"testing"
	"time"
)

func TestOrderIsAPermutationAndAlwaysTheSame(t *testing.T) {
	order := Order(1000)
	if !slices.Equal(order, Order(1000)) {
		t.Fatal("another order")
	}
	if order[0] != 772 || order[1] != 766 || order[999] != 512 {
		t.Fatal("not the order of bench.h:", order[0], order[1], order[999])
	}
	slices.Sort(order)
	for i, n := range order {
		if n != uint32(i) {
			t.Fatalf("%d is not there, or twice", i)
		}
	}
}

// TestRandomIsThatOfTheCPrograms has the numbers that bench.h draws.
func TestRandomIsThatOfTheCPrograms(t *testing.T) {
	r := Random(88172645463325252)
	for i, want := range []uint64{8748534153485358512, 3040900993826735515, 3453997556048239312} {
		if got := r.Next(); got != want {
			t.Fatalf("number %d is %d, want %d", i, got, want)
		}
	}
}

func TestQuantile(t *testing.T) {
	values := []float64{5, 1, 4, 2, 3}
	for _, c := range []struct{ q, want float64 }{{0, 1}, {0.5, 3}, {0.99, 4}, {1, 5}} {
		if got := Quantile(slices.Clone(values), c.q); got != c.want {
			t.Errorf("%v: %v, want %v", c.q, got, c.want)
		}
	}
}

func TestOfCountsEachOperation(t *testing.T) {
	calls, told := 0, 0
	perOp := Of(time.Millisecond, func(n int) {
		told += n
		for range n {
			calls++
		}
	})
	if calls != told || calls == 0 || perOp < 0 {
		t.Fatal(calls, told, perOp)
	}
}
