package network

import (
	"testing"

	"github.com/metalio/metalio/bench/internal/run"
)

func TestTogether(t *testing.T) {
	// 300 messages in 600 ns of processor time: one generator has seen 100
	// of them, the other 200.
	got := together([]run.Values{{"rate": 100, "p99": 7, "cpu": 6}, {"rate": 200, "p99": 5, "cpu": 3}})
	if got["rate"] != 300 || got["p99"] != 7 || got["cpu"] != 2 {
		t.Fatal(got)
	}
}
