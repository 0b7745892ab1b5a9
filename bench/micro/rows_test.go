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

func TestTheLongRowsAreConsistent(t *testing.T) {
	if err := run.Check(Rows()); err != nil {
		t.Fatal(err)
	}
}

func TestChartsShowRowsThatExist(t *testing.T) {
	rows := map[string]run.Row{}
	for _, r := range Rows() {
		rows[r.Name] = r
	}
	check := func(chart, row, metric string) {
		t.Helper()
		r, ok := rows[row]
		if !ok {
			t.Errorf("chart %s: no row %s", chart, row)
			return
		}
		if _, ok := r.Metric(metric); !ok {
			t.Errorf("chart %s: row %s has no metric %s", chart, row, metric)
		}
	}
	for _, b := range Bars() {
		for _, p := range b.Panels {
			check(b.Name, p.Row, p.Metric)
		}
	}
	for _, l := range Lines() {
		for _, p := range l.Points {
			check(l.Name, p.Row, p.Metric)
		}
	}
}
