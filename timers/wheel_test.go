package timers

import (
	"cmp"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/metalio/metalio/internal/behaviours"
)

// popAll pops what is due and returns the tokens.
func popAll(w *Wheel) []uint64 {
	var tokens []uint64
	for {
		e, ok := w.Pop()
		if !ok {
			return tokens
		}
		tokens = append(tokens, e.Token)
	}
}

func advance(w *Wheel, now int64) []uint64 {
	w.Advance(now)
	return popAll(w)
}

func add(t testing.TB, w *Wheel, deadline int64, token uint64) ID {
	t.Helper()
	id, err := w.Add(deadline, token)
	if err != nil {
		t.Fatalf("Add(%d): %v", deadline, err)
	}
	return id
}

func wantTokens(t *testing.T, got []uint64, want ...uint64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("tokens %v, want %v", got, want)
	}
}

func wantNext(t *testing.T, w *Wheel, want int64) {
	t.Helper()
	if got, ok := w.Next(); got != want || !ok {
		t.Fatalf("Next() = %d, %v, want %d", got, ok, want)
	}
}

func wantEmpty(t *testing.T, w *Wheel) {
	t.Helper()
	check(t, w)
	if deadline, ok := w.Next(); ok || w.Len() != 0 {
		t.Fatalf("Next() = %d, %v, Len() = %d of an empty wheel", deadline, ok, w.Len())
	}
}

// ticks are the grains that a behaviour is tried with: one nanosecond, the
// default, and one so wide that all deadlines share it.
var ticks = []time.Duration{1, DefaultTick, 1 << 40}

func TestTimers(t *testing.T) {
	ofOneWheel := map[string]func(t *testing.T, w *Wheel){
		"order":                   testOrder,
		"same_deadline_fifo":      testSameDeadlineFIFO,
		"later_then_earlier":      testLaterThenEarlier,
		"never_early":             testNeverEarly,
		"cancel_before":           testCancelBefore,
		"cancel_inside_handler":   testCancelInsideHandler,
		"cancel_twice":            testCancelTwice,
		"stale_id_after_reuse":    testStaleID,
		"reset_later_and_sooner":  testReset,
		"reset_inside_handler":    testResetInsideHandler,
		"set_inside_handler":      testSetInsideHandler,
		"wheel_wrap":              testWheelWrap,
		"cascade_boundaries":      testCascadeBoundaries,
		"long_gap_catch_up":       testLongGap,
		"expiry_budget":           testBudget,
		"huge_delay":              testHugeDelay,
		"time_that_stands_still":  testTimeStandsStill,
		"time_that_goes_back":     testTimeGoesBack,
		"cancel_and_reset_of_due": testDueIsPending,
		"zero_and_negative_delay_fire_on_the_next_turn_not_this_one": testZeroDelay,
		"periodic_without_drift_reports_overruns":                    testPeriodic,
		"periodic_arithmetic_is_clamped":                             testPeriodicClamped,
		"periodic_is_cancelled_and_reset_inside_handler":             testPeriodicHandler,
	}
	for name, test := range ofOneWheel {
		behaviours.Run(t, name, func(t *testing.T) {
			for _, tick := range ticks {
				w := mustNew(t, Config{Tick: tick, Capacity: 4096})
				test(t, w)
				check(t, w)
			}
		})
	}
	behaviours.Run(t, "slab_full_is_an_error_or_grows_as_configured", testFull)
	behaviours.Run(t, "million_timers", testMillion)
	behaviours.Run(t, "cancel_does_not_spin", testCancelDoesNotSpin)
	behaviours.Run(t, "exact_next_expiry", testExactNextExpiry)
	behaviours.Run(t, "wheel_against_sorted_slice", testAgainstSortedSlice)
	t.Run("what_cancel_leaves_behind_is_bounded", testChurn)
}

func testOrder(t *testing.T, w *Wheel) {
	const n = 2000
	random := rand.New(rand.NewPCG(5, 6))
	var want []uint64
	for range n {
		// The deadline is the token; duplicates are unlikely to matter and
		// are covered by same_deadline_fifo.
		d := random.Int64N(int64(1) << (10 + random.IntN(40)))
		add(t, w, d, uint64(d))
		want = append(want, uint64(d))
	}
	slices.Sort(want)
	var got []uint64
	for w.Len() > 0 {
		now, _ := w.Next()
		got = append(got, advance(w, now+random.Int64N(1<<30))...)
	}
	wantTokens(t, got, want...)
	wantEmpty(t, w)
}

func testSameDeadlineFIFO(t *testing.T, w *Wheel) {
	// Armed at different distances, so that they start on different levels;
	// one lazily moved and one moved sooner are behind those armed before.
	const d = 1 << 34
	lazy := add(t, w, 5, 8)
	sooner := add(t, w, d+12345, 9)
	for token := range uint64(8) {
		wantTokens(t, advance(w, int64(token)*(d/8)/2))
		add(t, w, d, token)
		if token == 0 {
			w.Reset(lazy, d/2)
		}
	}
	w.Reset(lazy, d)
	w.Reset(sooner, d)
	add(t, w, d, 10)
	wantTokens(t, advance(w, d), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	wantEmpty(t, w)
}

func testLaterThenEarlier(t *testing.T, w *Wheel) {
	add(t, w, 1<<32, 1)
	wantNext(t, w, 1<<32)
	add(t, w, 1<<20, 2)
	wantNext(t, w, 1<<20)
	add(t, w, 1<<20-1, 3)
	wantNext(t, w, 1<<20-1)
	wantTokens(t, advance(w, 1<<33), 3, 2, 1)
}

func testNeverEarly(t *testing.T, w *Wheel) {
	for _, d := range []int64{1, 63, 64, 1000, 100_000, DefaultTick.Nanoseconds(), 3_100_000, 1 << 41} {
		add(t, w, d, uint64(d))
		wantTokens(t, advance(w, d-1))
		wantTokens(t, advance(w, d), uint64(d))
	}
}

func testCancelBefore(t *testing.T, w *Wheel) {
	a, b := add(t, w, 10, 1), add(t, w, 20, 2)
	if !w.Cancel(a) {
		t.Fatal("Cancel of a pending timer = false")
	}
	wantNext(t, w, 20)
	wantTokens(t, advance(w, 100), 2)
	if w.Cancel(b) {
		t.Fatal("Cancel of a fired timer = true")
	}
	wantEmpty(t, w)
}

func testCancelInsideHandler(t *testing.T, w *Wheel) {
	ids := []ID{add(t, w, 1, 0), add(t, w, 2, 1), add(t, w, 2, 2), add(t, w, 3, 3)}
	w.Advance(10)
	var got []uint64
	for e, ok := w.Pop(); ok; e, ok = w.Pop() {
		got = append(got, e.Token)
		if w.Cancel(e.ID) {
			t.Fatal("a one-shot timer could be cancelled while it fires")
		}
		if e.Token == 0 && !(w.Cancel(ids[1]) && w.Cancel(ids[3])) {
			t.Fatal("a due timer could not be cancelled")
		}
	}
	wantTokens(t, got, 0, 2)
	wantEmpty(t, w)
}

func testCancelTwice(t *testing.T, w *Wheel) {
	id := add(t, w, 10, 1)
	if !w.Cancel(id) || w.Cancel(id) {
		t.Fatal("Cancel must be true once")
	}
	wantEmpty(t, w)
}

func testStaleID(t *testing.T, w *Wheel) {
	stale := add(t, w, 10, 1)
	w.Cancel(stale)
	fresh := add(t, w, 20, 2)
	if uint32(stale) != uint32(fresh) {
		t.Fatal("the place was not used again; the test shows nothing")
	}
	invented := []ID{0, stale, stale + 1<<32, fresh + 1<<32, 1, 1 << 32, 1<<32 | 2, math.MaxUint64, 1<<32 | math.MaxUint32}
	for _, id := range invented {
		if _, ok := w.Deadline(id); ok || w.Cancel(id) || w.Reset(id, 5) {
			t.Fatalf("ID %#x is valid", id)
		}
	}
	if d, ok := w.Deadline(fresh); d != 20 || !ok {
		t.Fatalf("Deadline = %d, %v", d, ok)
	}
	wantTokens(t, advance(w, 100), 2)
}

func testReset(t *testing.T, w *Wheel) {
	a, b, c := add(t, w, 1000, 1), add(t, w, 1<<30, 2), add(t, w, 1<<31, 3)
	if !w.Reset(a, 1<<35) || !w.Reset(b, 500) || !w.Reset(c, 1<<31) {
		t.Fatal("Reset of a pending timer = false")
	}
	if d, _ := w.Deadline(a); d != 1<<35 {
		t.Fatalf("Deadline = %d after Reset", d)
	}
	wantNext(t, w, 500)
	wantTokens(t, advance(w, 1<<29), 2)
	if w.Reset(b, 1<<36) {
		t.Fatal("Reset of a fired timer = true")
	}
	wantNext(t, w, 1<<31)
	w.Reset(a, 1<<40)
	w.Reset(a, 1<<33) // sooner again, while it is still in its first slot
	wantTokens(t, advance(w, 1<<35), 3, 1)
	wantEmpty(t, w)
}

func testResetInsideHandler(t *testing.T, w *Wheel) {
	ids := []ID{add(t, w, 1, 0), add(t, w, 2, 1), add(t, w, 3, 2)}
	w.Advance(5)
	w.Pop()
	if !w.Reset(ids[1], 100) || !w.Reset(ids[2], 4) {
		t.Fatal("Reset of a due timer = false")
	}
	wantTokens(t, popAll(w))
	wantTokens(t, advance(w, 5), 2)
	wantTokens(t, advance(w, 99))
	wantTokens(t, advance(w, 100), 1)
}

func testSetInsideHandler(t *testing.T, w *Wheel) {
	add(t, w, 10, 0)
	var got []uint64
	for now := int64(0); now <= 1000; now += 10 {
		w.Advance(now)
		for e, ok := w.Pop(); ok; e, ok = w.Pop() {
			got = append(got, e.Token)
			if e.Token < 5 {
				add(t, w, e.Deadline+15, e.Token+1)
			}
		}
	}
	wantTokens(t, got, 0, 1, 2, 3, 4, 5)
}

func testWheelWrap(t *testing.T, w *Wheel) {
	// Every slot number comes around many times, on several levels, with one
	// timer always pending across the wrap.
	tick := int64(1) << w.shift
	now := int64(0)
	for i := range uint64(20_000) {
		d := now + tick*63
		add(t, w, d, i)
		wantTokens(t, advance(w, d-1))
		wantTokens(t, advance(w, d), i)
		now = d
		if d > math.MaxInt64/2 {
			return
		}
	}
}

func testCascadeBoundaries(t *testing.T, w *Wheel) {
	for _, start := range []int64{0, 1, -1, 63, -64, 4095, 1<<40 + 12345, -1 << 50} {
		for k := uint(0); k*slotBits+uint(w.shift) < 62; k++ {
			for off := int64(-1); off <= 1; off++ {
				span := (int64(1)<<(k*slotBits) + off) << w.shift
				w := mustNew(t, Config{Tick: time.Duration(1) << w.shift, Start: start})
				d := start + span
				add(t, w, d, 1)
				wantNext(t, w, d)
				wantTokens(t, advance(w, max(start, d-1)), when(d <= start)...)
				if span > 0 {
					wantTokens(t, advance(w, d), 1)
				}
				wantEmpty(t, w)
			}
		}
	}
}

func when(ok bool) []uint64 {
	if ok {
		return []uint64{1}
	}
	return nil
}

func testLongGap(t *testing.T, w *Wheel) {
	// Steps are counted in visits to timers: with none on the way a gap of
	// centuries must cost nothing, which this proves by ending at all with a
	// tick of 1 ns.
	add(t, w, 1, 1)
	add(t, w, 1<<20, 2)
	far := add(t, w, 1<<62, 3)
	wantTokens(t, advance(w, 1<<61), 1, 2)
	wantNext(t, w, 1<<62)
	for i := range int64(1000) {
		wantTokens(t, advance(w, 1<<61+i<<40))
	}
	wantTokens(t, advance(w, math.MaxInt64), 3)
	if w.Cancel(far) {
		t.Fatal("fired timer was pending")
	}
}

func testBudget(t *testing.T, w *Wheel) {
	const n, budget = 100, 7
	for i := range uint64(n) {
		add(t, w, int64(i), i)
	}
	var got []uint64
	for now := int64(n); len(got) < n; now++ {
		w.Advance(now)
		wantNext(t, w, int64(len(got)))
		// Due at once and earlier than the rest, but the rest waits longer.
		id := add(t, w, -5, 1000)
		for range budget {
			if e, ok := w.Pop(); ok {
				got = append(got, e.Token)
			}
		}
		if !w.Cancel(id) {
			t.Fatal("a timer of this turn overtook one that was due")
		}
	}
	for i, token := range got {
		if token != uint64(i) {
			t.Fatalf("popped %v", got)
		}
	}
}

func testHugeDelay(t *testing.T, w *Wheel) {
	day := int64(24 * time.Hour)
	delays := []int64{day * 25, day * 50, day * 366, day * 36500, math.MaxInt64 - 1, math.MaxInt64}
	for i, d := range delays {
		add(t, w, d, uint64(i))
	}
	add(t, w, math.MinInt64, 100)
	for i, d := range delays {
		w.Advance(d - 1)
		e, ok := w.Pop()
		if ok != (i == 0) || ok && e.Token != 100 {
			t.Fatalf("at %d: popped %+v, %v", d-1, e, ok)
		}
		wantNext(t, w, d)
		wantTokens(t, advance(w, d), uint64(i))
	}
	wantEmpty(t, w)
}

func testTimeStandsStill(t *testing.T, w *Wheel) {
	add(t, w, 100, 1)
	for range 10 {
		wantTokens(t, advance(w, 50))
		wantNext(t, w, 100)
	}
	add(t, w, 50, 2)
	wantTokens(t, advance(w, 50), 2)
	wantTokens(t, advance(w, 50))
	wantTokens(t, advance(w, 100), 1)
}

func testTimeGoesBack(t *testing.T, w *Wheel) {
	add(t, w, 1<<40+10, 1)
	wantTokens(t, advance(w, 1<<40))
	add(t, w, 1<<30, 2)
	wantTokens(t, advance(w, 1<<30-1)) // not early, by the time that is given
	wantTokens(t, advance(w, math.MinInt64))
	wantNext(t, w, 1<<30)
	wantTokens(t, advance(w, 1<<30), 2)
	wantTokens(t, advance(w, 1<<40+10), 1)
}

func testDueIsPending(t *testing.T, w *Wheel) {
	a, b := add(t, w, 1, 1), add(t, w, 2, 2)
	if n := w.Advance(5); n != 2 || w.Len() != 2 {
		t.Fatalf("Advance = %d, Len = %d", n, w.Len())
	}
	if d, ok := w.Deadline(b); d != 2 || !ok {
		t.Fatalf("Deadline of a due timer = %d, %v", d, ok)
	}
	wantNext(t, w, 1)
	w.Cancel(a)
	wantNext(t, w, 2)
	w.Reset(b, 7)
	wantNext(t, w, 7)
	wantTokens(t, popAll(w))
	wantTokens(t, advance(w, 7), 2)
}

func testZeroDelay(t *testing.T, w *Wheel) {
	w.Advance(1 << 30)
	add(t, w, 1<<30, 0)
	for turn := range uint64(10) {
		w.Advance(1 << 30)
		e, ok := w.Pop()
		if !ok || e.Token != turn {
			t.Fatalf("turn %d: popped %+v, %v", turn, e, ok)
		}
		add(t, w, 1<<30-int64(turn%2), turn+1)
		if e, ok := w.Pop(); ok {
			t.Fatalf("turn %d: %+v fired in the turn that added it", turn, e)
		}
	}
}

func testPeriodic(t *testing.T, w *Wheel) {
	const first, period = 100, 1000
	id, err := w.AddPeriodic(first, period, 7)
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		now      int64
		deadline int64
		overruns uint32
	}{
		{100, 100, 0},
		{1150, 1100, 0},        // late, and the next is not
		{2100, 2100, 0},        //
		{5099, 3100, 1},        // 4100 missed, 5100 not
		{5100, 5100, 0},        //
		{1_000_000, 6100, 993}, // 999100 is the last that passed
		{1_000_100, 1_000_100, 0},
	}
	for _, s := range steps {
		w.Advance(s.now)
		want := Expired{ID: id, Token: 7, Deadline: s.deadline, Overruns: s.overruns}
		if e, ok := w.Pop(); e != want || !ok {
			t.Fatalf("at %d: popped %+v, %v, want %+v", s.now, e, ok, want)
		}
		if e, ok := w.Pop(); ok {
			t.Fatalf("at %d: a second pop %+v", s.now, e)
		}
		if next, _ := w.Next(); next <= s.now || (next-first)%period != 0 {
			t.Fatalf("at %d: next is %d", s.now, next)
		}
	}
	if !w.Cancel(id) {
		t.Fatal("a periodic timer is not pending after it fired")
	}
	wantEmpty(t, w)
}

func testPeriodicClamped(t *testing.T, w *Wheel) {
	cases := []struct {
		first, period, now int64
		overruns           uint32
		next               int64
	}{
		{math.MinInt64, 1, math.MaxInt64, math.MaxUint32, math.MaxInt64},
		{math.MinInt64, math.MaxInt64, math.MaxInt64, 2, math.MaxInt64},
		{math.MaxInt64, math.MaxInt64, math.MaxInt64, 0, math.MaxInt64},
		{0, math.MaxInt64, 5, 0, math.MaxInt64},
		{0, 1 << 62, 1<<62 + 1, 1, math.MaxInt64},
		{0, 1, 1 << 40, math.MaxUint32, 1<<40 + 1},
		{math.MinInt64, math.MaxInt64, -2, 0, -1},
	}
	for _, c := range cases {
		w := mustNew(t, Config{Tick: time.Duration(1) << w.shift, Start: math.MinInt64})
		if _, err := w.AddPeriodic(c.first, c.period, 0); err != nil {
			t.Fatal(err)
		}
		w.Advance(c.now)
		e, ok := w.Pop()
		if !ok || e.Deadline != c.first || e.Overruns != c.overruns {
			t.Errorf("%+v: popped %+v, %v", c, e, ok)
		}
		if _, ok := w.Pop(); ok {
			t.Errorf("%+v: fired twice in one turn", c)
		}
		wantNext(t, w, c.next)
	}
}

func testPeriodicHandler(t *testing.T, w *Wheel) {
	a, _ := w.AddPeriodic(10, 10, 1)
	b, _ := w.AddPeriodic(10, 10, 2)
	w.Advance(10)
	w.Pop()
	if !w.Cancel(a) {
		t.Fatal("a periodic timer could not be cancelled while it fires")
	}
	w.Pop()
	if !w.Reset(b, 15) {
		t.Fatal("a periodic timer could not be reset while it fires")
	}
	wantNext(t, w, 15)
	wantTokens(t, advance(w, 15), 2)
	wantNext(t, w, 25) // counts from the new deadline
	w.Cancel(b)
	wantEmpty(t, w)
}

func testFull(t *testing.T) {
	for _, capacity := range []int{1, 2, 3, 100} {
		w := mustNew(t, Config{Capacity: capacity})
		var last ID
		for i := range capacity {
			last = add(t, w, int64(i), 0)
		}
		if id, err := w.Add(5, 0); !errors.Is(err, ErrFull) || id != 0 {
			t.Fatalf("Add to a full wheel: %v, %v", id, err)
		}
		if id, err := w.AddPeriodic(5, 5, 0); !errors.Is(err, ErrFull) || id != 0 {
			t.Fatalf("AddPeriodic to a full wheel: %v, %v", id, err)
		}
		w.Advance(int64(capacity)) // what is due still has its place
		if _, err := w.Add(5, 0); !errors.Is(err, ErrFull) {
			t.Fatalf("Add to a wheel full of due timers: %v", err)
		}
		w.Cancel(last)
		add(t, w, 5, 0)
		check(t, w)

		w = mustNew(t, Config{Capacity: capacity, Grow: true})
		ids := make([]ID, 10*capacity)
		for i := range ids {
			ids[i] = add(t, w, int64(i), uint64(i))
			if i == capacity/2 {
				w.Advance(0)
			}
		}
		for i, id := range ids { // IDs outlive the move
			if d, ok := w.Deadline(id); d != int64(i) || !ok {
				t.Fatalf("Deadline of %d = %d, %v", i, d, ok)
			}
		}
		if n := len(advance(w, 1<<20)); n != len(ids) || w.Cap() > 20*capacity {
			t.Fatalf("%d of %d fired, Cap %d", n, len(ids), w.Cap())
		}
		wantEmpty(t, w)
	}
}

func testMillion(t *testing.T) {
	n := behaviours.Budget(t, "million_timers")
	w := mustNew(t, Config{Capacity: n})
	random := rand.New(rand.NewPCG(7, 8))
	ids := make([]ID, n)
	for i := range ids {
		ids[i] = add(t, w, random.Int64N(int64(time.Minute)), uint64(i))
	}
	for i, id := range ids {
		switch i % 4 {
		case 0:
			w.Cancel(id)
		case 1:
			w.Reset(id, random.Int64N(int64(time.Minute)))
		}
	}
	fired, last := 0, int64(-1)
	for now := int64(0); w.Len() > 0; now += int64(100 * time.Millisecond) {
		w.Advance(now)
		for e, ok := w.Pop(); ok; e, ok = w.Pop() {
			if e.Deadline < last || e.Deadline > now || e.Deadline <= now-int64(100*time.Millisecond) {
				t.Fatalf("at %d, after %d: popped %+v", now, last, e)
			}
			last = e.Deadline
			fired++
		}
	}
	if fired != n*3/4 {
		t.Fatalf("%d fired, want %d", fired, n*3/4)
	}
	wantEmpty(t, w)
}

// testCancelDoesNotSpin counts, instead of timing, the joins and moves that
// Next and Cancel make when the earliest of n timers in one slot is cancelled,
// or moved later, n times in a row.
func testCancelDoesNotSpin(t *testing.T) {
	const n = 1 << 14
	drop := map[string]func(w *Wheel, id ID){
		"cancelled":   func(w *Wheel, id ID) { w.Cancel(id) },
		"moved later": func(w *Wheel, id ID) { w.Reset(id, 1<<61) },
	}
	patterns := map[string]func(i int) int64{
		"ascending":  func(i int) int64 { return 1<<60 + int64(i) },
		"descending": func(i int) int64 { return 1<<60 - int64(i) },
		"equal":      func(int) int64 { return 1 << 60 },
		"scattered":  func(i int) int64 { return 1<<60 + int64(uint32(i)*2654435761) },
	}
	for dropName, drop := range drop {
		for patternName, pattern := range patterns {
			w := mustNew(t, Config{Capacity: n})
			byDeadline := make([]ID, 0, n)
			for i := range n {
				byDeadline = append(byDeadline, add(t, w, pattern(i), uint64(i)))
			}
			slices.SortStableFunc(byDeadline, func(a, b ID) int {
				x, _ := w.Deadline(a)
				y, _ := w.Deadline(b)
				return cmp.Compare(x, y)
			})
			before := w.visits
			for _, id := range byDeadline {
				d, _ := w.Deadline(id)
				wantNext(t, w, d)
				drop(w, id)
			}
			// A pairing heap needs at most some log₂ n joins for each.
			if visits := w.visits - before; visits > 3*14*n {
				t.Errorf("%s, %s: %d visits for %d timers", dropName, patternName, visits, n)
			}
			check(t, w)
		}
	}
}

// testChurn cancels and adds, or moves sooner, again and again without letting
// time pass, so that stale entries pile up. Counted, not timed, the work for
// each must stay small, whether the wheel is full or nearly empty and whether
// its timers share a slot or have one each; and no memory may be added.
func testChurn(t *testing.T) {
	deadlines := map[string]func(i int) int64{
		"one slot":   func(i int) int64 { return 1<<60 - int64(i) },
		"many slots": func(i int) int64 { return 1<<50 - int64(i)<<(i%50)>>16 },
	}
	churn := map[string]func(w *Wheel, id *ID, deadline int64){
		"cancelled": func(w *Wheel, id *ID, deadline int64) {
			w.Cancel(*id)
			*id, _ = w.Add(deadline, 0)
		},
		"moved": func(w *Wheel, id *ID, deadline int64) { w.Reset(*id, deadline) },
	}
	for _, size := range []struct{ capacity, live int }{{1, 1}, {64, 64}, {1024, 1024}, {1 << 12, 10}, {1 << 12, 1 << 12}} {
		for churnName, churn := range churn {
			for deadlineName, deadline := range deadlines {
				w := mustNew(t, Config{Capacity: size.capacity})
				ids := make([]ID, size.live)
				for i := range ids {
					ids[i] = add(t, w, deadline(i), 0)
				}
				words, before := cap(w.pool.words), w.visits
				rounds := 10_000 + 5*size.capacity
				for i := range rounds {
					id := &ids[i*7919%len(ids)]
					churn(w, id, deadline(size.live+i))
					if _, ok := w.Deadline(*id); !ok {
						t.Fatalf("%v, %s, %s: no room after %d rounds", size, churnName, deadlineName, i)
					}
				}
				if visits := w.visits - before; visits > 4*uint64(rounds) {
					t.Errorf("%v, %s, %s: %d visits in %d rounds", size, churnName, deadlineName, visits, rounds)
				}
				if cap(w.pool.words) != words || w.Len() != size.live {
					t.Errorf("%v, %s, %s: %d words, were %d; %d timers", size, churnName, deadlineName, cap(w.pool.words), words, w.Len())
				}
				check(t, w)
			}
		}
	}
}

func TestConfig(t *testing.T) {
	for _, cfg := range []Config{{Capacity: -1}, {Capacity: MaxCapacity + 1}, {Tick: -1}} {
		if w, err := New(cfg); w != nil || !errors.Is(err, ErrInvalid) {
			t.Errorf("New(%+v) = %v, %v", cfg, w, err)
		}
	}
	w := mustNew(t, Config{})
	if w.Cap() != DefaultCapacity {
		t.Errorf("zero Config: Cap() = %d", w.Cap())
	}
	for _, period := range []int64{0, -1, math.MinInt64} {
		if id, err := w.AddPeriodic(10, period, 0); id != 0 || !errors.Is(err, ErrInvalid) {
			t.Errorf("AddPeriodic with period %d = %v, %v", period, id, err)
		}
	}
	for _, tick := range []time.Duration{1, 2, 3, 1000, time.Millisecond, math.MaxInt64} {
		w := mustNew(t, Config{Tick: tick, Start: -12345})
		add(t, w, -12344, 1)
		add(t, w, math.MaxInt64, 2)
		wantTokens(t, advance(w, 1<<20), 1)
		wantNext(t, w, math.MaxInt64)
	}
}

// TestDueIsCompacted keeps half of the room due while timers that became due
// are cancelled again and again: the queue must neither grow nor lose any.
func TestDueIsCompacted(t *testing.T) {
	const n = 64
	w := mustNew(t, Config{Capacity: n})
	for i := range uint64(n / 2) {
		add(t, w, 0, i)
	}
	w.Advance(0)
	room := cap(w.due.entries)
	for i := range int64(1000) {
		id := add(t, w, i, 1000)
		w.Advance(i)
		w.Cancel(id)
		check(t, w)
	}
	if cap(w.due.entries) != room {
		t.Fatalf("room for due timers grew from %d to %d", room, cap(w.due.entries))
	}
	for i := range uint64(n / 2) {
		if e, ok := w.Pop(); !ok || e.Token != i {
			t.Fatalf("popped %+v, %v, want token %d", e, ok, i)
		}
	}
	wantEmpty(t, w)
}
