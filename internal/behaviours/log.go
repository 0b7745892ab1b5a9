package behaviours

import (
	"fmt"
	"slices"
	"strings"
)

const module = "github.com/metalio/metalio/"

// Log holds the results of one run of `go test -json` on one backend, and
// compares them with the table.
type Log struct {
	run     string // what TestHere has said it is: see runName
	results map[test]string
}

type test struct{ pkg, path string }

// Add takes the action of a test that has ended: "pass", "fail" or "skip".
// Packages and paths are as `go test -json` gives them.
func (l *Log) Add(pkg, path, action string) {
	pkg = strings.TrimPrefix(pkg, module)
	if run, ok := strings.CutPrefix(path, "TestHere/"); ok && pkg == "internal/behaviours" && action == "pass" {
		l.run = run
	}
	if l.results == nil {
		l.results = map[test]string{}
	}
	l.results[test{pkg, path}] = action
}

// runName is how TestHere tells the Log what it runs on.
func runName(on Backend, race bool) string {
	if race {
		return string(on) + raceSuffix
	}
	return string(on)
}

const raceSuffix = "-race"

// Run names the backend, with "-race" if the run had the race detector. It is
// empty if TestHere was not part of the run, or did not say, as with -short:
// such a run is not to be held against the table.
func (l *Log) Run() string { return l.run }

func (l *Log) backend() Backend { return Backend(strings.TrimSuffix(l.run, raceSuffix)) }

// Problem is a behaviour about which a run and the table disagree.
type Problem struct{ Group, Name, Package, What string }

func (p Problem) String() string {
	return fmt.Sprintf("%s: %s: %s: %s", p.Group, p.Name, p.Package, p.What)
}

// Problems returns all of them, in the order of the table.
func (l *Log) Problems() []Problem {
	tests := l.named()
	var problems []Problem
	for i := range Table {
		g := &Table[i]
		for j := range g.Behaviours {
			b := &g.Behaviours[j]
			for _, pkg := range packagesOn(g, b, l.backend()) {
				if what := l.problem(b, tests[test{pkg, b.Name}]); what != "" {
					problems = append(problems, Problem{g.Name, b.Name, pkg, what})
				}
			}
		}
	}
	return problems
}

func (l *Log) problem(b *Behaviour, outcomes []string) string {
	passed, why := slices.Contains(outcomes, "pass"), b.exception(l.backend())
	switch {
	case why != "" && passed:
		return "passes, but the table excepts it: " + why
	case why != "":
		return ""
	case slices.Contains(outcomes, "fail"):
		return "fails"
	case passed:
		return ""
	case len(outcomes) > 0:
		return "is only skipped, and the table has no exception"
	}
	return "has no test, and the table has no exception"
}

// named returns the outcomes of the tests whose last path element is a name of
// the table, by package and name. A test whose subtests are all skipped has
// not passed.
func (l *Log) named() map[test][]string {
	type tally struct{ all, skipped int }
	subtests := map[test]tally{}
	for t, action := range l.results {
		i := strings.LastIndexByte(t.path, '/')
		if i < 0 {
			continue
		}
		parent := test{t.pkg, t.path[:i]}
		n := subtests[parent]
		n.all++
		if action == "skip" {
			n.skipped++
		}
		subtests[parent] = n
	}
	named := map[test][]string{}
	for t, action := range l.results {
		name := t.path[strings.LastIndexByte(t.path, '/')+1:]
		if find(name) == nil {
			continue
		}
		if n := subtests[t]; action == "pass" && n.all > 0 && n.all == n.skipped {
			action = "skip"
		}
		key := test{t.pkg, name}
		named[key] = append(named[key], action)
	}
	return named
}

// Count is how much of a group is held on a backend.
type Count struct {
	Held, Excepted int
	Shared         int // held by the native run: the code is the same
	Broken         int
}

// Counts returns the counts of each group of the table, in its order, as they
// are if nothing is broken.
func Counts(on Backend) []Count {
	counts := make([]Count, len(Table))
	for i := range Table {
		g, n := &Table[i], &counts[i]
		for j := range g.Behaviours {
			b := &g.Behaviours[j]
			switch {
			case !slices.Contains(g.On, on):
			case b.exception(on) != "":
				n.Excepted++
			case len(packagesOn(g, b, on)) == 0:
				n.Shared++
			default:
				n.Held++
			}
		}
	}
	return counts
}

// Counts returns the counts of each group, as this run has found them.
func (l *Log) Counts() []Count {
	counts := Counts(l.backend())
	broken := map[string]bool{}
	for _, p := range l.Problems() {
		if broken[p.Name] {
			continue
		}
		broken[p.Name] = true
		n := &counts[slices.IndexFunc(Table, func(g Group) bool { return g.Name == p.Group })]
		n.Broken++
		if find(p.Name).exception(l.backend()) != "" {
			n.Excepted--
		} else {
			n.Held--
		}
	}
	return counts
}

// Add adds other's counts to c's.
func (c *Count) Add(other Count) {
	c.Held += other.Held
	c.Excepted += other.Excepted
	c.Shared += other.Shared
	c.Broken += other.Broken
}

// String is "17", "17, 2 excepted", "4 + 20 shared", or "-" where nothing of
// the group means anything.
func (c Count) String() string {
	var s string
	switch {
	case c == Count{}:
		return "-"
	case c.Shared == 0:
		s = fmt.Sprint(c.Held)
	case c.Held == 0:
		s = fmt.Sprintf("%d shared", c.Shared)
	default:
		s = fmt.Sprintf("%d + %d shared", c.Held, c.Shared)
	}
	if c.Excepted > 0 {
		s += fmt.Sprintf(", %d excepted", c.Excepted)
	}
	if c.Broken > 0 {
		s += fmt.Sprintf(", %d BROKEN", c.Broken)
	}
	return s
}
