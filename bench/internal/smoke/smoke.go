// Package smoke tests rows: that they do not contradict themselves, that their
// programs build, and that each contender runs and reports each metric. It
// measures nothing.
package smoke

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/metalio/metalio/bench/internal/build"
	"github.com/metalio/metalio/bench/internal/run"
)

// length is that of each measurement. Programs go on until they have something
// to report.
const length = 20 * time.Millisecond

// Test runs each contender of the rows once. Contenders that need packages which
// are not installed are skipped; nothing is installed by a test.
func Test(t *testing.T, rows []run.Row, programs []build.Program) {
	if err := run.Check(rows); err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		t.Skip("building the programs takes a while")
	}
	bin := t.TempDir()
	missing := map[string][]string{} // packages, by program
	for _, p := range programs {
		if missing[p.Name] = p.Lacks(); len(missing[p.Name]) > 0 {
			continue
		}
		if err := p.Make(t.Context(), filepath.Join(bin, p.Name)); err != nil {
			t.Fatalf("building %s: %v", p.Name, err)
		}
	}
	for _, row := range rows {
		for _, c := range row.Contenders {
			t.Run(row.Name+"/"+c.Name, func(t *testing.T) {
				for _, need := range c.Needs {
					if !slices.ContainsFunc(programs, func(p build.Program) bool { return p.Name == need }) {
						t.Fatalf("nobody builds %s", need)
					}
					if lacks := missing[need]; len(lacks) > 0 {
						t.Skipf("%s needs packages that are not installed: %v", need, lacks)
					}
				}
				values, err := c.Run(t.Context(), run.Round{Length: length, Bin: bin, Cores: run.Cores{System: 0, Driver: 1}})
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range row.Metrics {
					if v, ok := values[m.Name]; !ok || v < 0 {
						t.Errorf("%s is %v, %v", m.Name, v, ok)
					}
				}
			})
		}
	}
}
