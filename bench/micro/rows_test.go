package micro

import (
	"slices"
	"testing"

	"github.com/metalio/metalio/bench/internal/run"
	"github.com/metalio/metalio/bench/internal/smoke"
)

func TestEveryContenderRuns(t *testing.T) {
	// The same programs run with fewer timers.
	rows := slices.DeleteFunc(Rows(), func(r run.Row) bool { return r.Name == timersName(100_000) || r.Name == timersName(1_000_000) })
	t.Chdir("..") // where the sources are named from
	smoke.Test(t, rows, Programs())
}
