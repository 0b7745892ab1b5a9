package behaviours

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func eachBehaviour(visit func(g *Group, b *Behaviour)) {
	for i := range Table {
		for j := range Table[i].Behaviours {
			visit(&Table[i], &Table[i].Behaviours[j])
		}
	}
}

func TestTable(t *testing.T) {
	names := map[string]string{}
	eachBehaviour(func(g *Group, b *Behaviour) {
		if other, twice := names[b.Name]; twice {
			t.Errorf("%s is in %s and in %s", b.Name, other, g.Name)
		}
		names[b.Name] = g.Name
		if strings.ContainsAny(b.Name, " /#") {
			t.Errorf("%q cannot be the name of a subtest", b.Name)
		}
		excepted := map[Backend]bool{}
		for _, e := range b.Except {
			if e.Why == "" {
				t.Errorf("%s: an exception without a reason", b.Name)
			}
			for _, on := range e.On {
				if excepted[on] || !slices.Contains(Backends, on) || !slices.Contains(g.On, on) {
					t.Errorf("%s: exception on %q: twice, or no backend, or not one of this behaviour", b.Name, on)
				}
				excepted[on] = true
			}
		}
		if len(excepted) == len(g.On) {
			t.Errorf("%s is held nowhere", b.Name)
		}
		for _, name := range packages(g, b) {
			if tests, _ := filepath.Glob(filepath.Join("..", "..", name, "*_test.go")); len(tests) == 0 {
				t.Errorf("%s: package %s has no tests", b.Name, name)
			}
		}
	})
}

func TestBudgets(t *testing.T) {
	b := Times{Native: 100, Race: 10, Wine: 5}
	for _, c := range []struct {
		on   Backend
		race bool
		want int
	}{
		{Linux, false, 100}, {Linux, true, 10}, {Darwin, true, 10}, {Windows, false, 100},
		{Wine, false, 5}, {Wine, true, 5}, {QEMU, false, 100}, {KqueueSim, true, 10},
	} {
		if got := b.on(c.on, c.race); got != c.want {
			t.Errorf("on %s, race %t: %d, want %d", c.on, c.race, got, c.want)
		}
	}
}

func TestRun(t *testing.T) {
	row := &Table[0].Behaviours[0]
	defer func(saved Behaviour) { *row = saved }(*row)

	ran := 0
	Run(t, row.Name, func(*testing.T) { ran++ })
	Run(t, "not in the table", func(*testing.T) { ran++ })
	if ran != 2 {
		t.Errorf("%d of 2 tests ran", ran)
	}

	elsewhere := slices.DeleteFunc(slices.Clone(Backends), func(b Backend) bool { return b == Here() })
	row.Except = []Exception{{elsewhere, "not here"}}
	if why := exceptedHere(row.Name); why != "" {
		t.Errorf("excepted here: %s", why)
	}
	row.Except = append(row.Except, Exception{[]Backend{Here()}, "here"})
	if why := exceptedHere(row.Name); why != "here" {
		t.Errorf("excepted here: %q", why)
	}

	row.Budget = Times{Native: 1000, Race: 1000}
	if n := Budget(t, row.Name); n != 1000 && !(testing.Short() && n == 10) {
		t.Errorf("Budget = %d", n)
	}
}

// TestForTestsOnly proves that no program carries the table and package testing.
func TestForTestsOnly(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && strings.HasPrefix(name, ".") && path != root {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if strings.Contains(string(source), `"`+module+`internal/behaviours"`) {
			t.Errorf("%s imports this package", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
