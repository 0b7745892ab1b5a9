package timers

import (
	"math/rand/v2"
	"testing"
)

func TestZeroAllocs(t *testing.T) {
	const n = 1000
	w := mustNew(t, Config{Capacity: n})
	random := rand.New(rand.NewPCG(9, 10))
	ids := make([]ID, n)
	var now int64
	round := func() {
		for i := range ids {
			w.Cancel(ids[i])
			deadline := now + random.Int64N(1<<(10+i%25))
			if i%10 == 0 {
				ids[i], _ = w.AddPeriodic(deadline, 1+random.Int64N(1<<25), uint64(i))
			} else {
				ids[i], _ = w.Add(deadline, uint64(i))
			}
			if i%3 == 0 {
				w.Reset(ids[i], now+random.Int64N(1<<30))
			}
		}
		if _, err := w.Add(0, 0); err != ErrFull {
			t.Fatal("not full:", err)
		}
		for range 20 {
			now += random.Int64N(1 << 24)
			w.Next()
			w.Advance(now)
			for range 20 {
				w.Pop()
			}
		}
		w.Advance(now + 1<<30)
	}
	if allocs := testing.AllocsPerRun(100, round); allocs != 0 {
		t.Fatalf("%v allocations in a round of everything", allocs)
	}
}
