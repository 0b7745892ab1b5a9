package reactor

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// TestZeroAllocsOfTheFirstWake starts a process whose first wake is counted.
func TestZeroAllocsOfTheFirstWake(t *testing.T) {
	if out, err := child("first_wake").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func init() { roles["first_wake"] = firstWake }

func firstWake() int {
	p, err := NewPoll(PollConfig{Wait: Block})
	if err != nil {
		println(err.Error())
		return 1
	}
	defer p.Close()
	w, err := p.NewWaker(1)
	if err != nil {
		println(err.Error())
		return 1
	}
	debug.SetGCPercent(-1)
	var before, after runtime.MemStats
	var events [1]Event
	runtime.ReadMemStats(&before)
	wakeErr := w.Wake()
	n, waitErr := p.Wait(events[:], 0)
	runtime.ReadMemStats(&after)
	if wakeErr != nil || n != 1 || waitErr != nil {
		println("the wake did not come")
		return 1
	}
	if mallocs := after.Mallocs - before.Mallocs; mallocs != 0 {
		println("allocations in the first wake:", mallocs)
		return 1
	}
	return 0
}
