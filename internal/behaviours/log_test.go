package behaviours

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestHere tells the Log of the run what the run is, in the name of a subtest.
// It says nothing in a short run, whose budgets are not the table's.
func TestHere(t *testing.T) {
	if testing.Short() {
		t.Skip("a short run holds nothing")
	}
	t.Run(runName(Here(), raceEnabled), func(t *testing.T) {
		if !slices.Contains(Backends, Here()) {
			t.Errorf("%q is not in Backends", Here())
		}
	})
}

// complete is the log of a run in which everything passes that the table does
// not except.
func complete(on Backend) *Log {
	l := new(Log)
	l.Add(module+"internal/behaviours", "TestHere/"+runName(on, false), "pass")
	eachBehaviour(func(g *Group, b *Behaviour) {
		action := "pass"
		if b.exception(on) != "" {
			action = "skip"
		}
		for _, pkg := range packagesOn(g, b, on) {
			l.Add(module+pkg, "TestSome/"+b.Name, action)
		}
	})
	return l
}

func TestLogOfACompleteRun(t *testing.T) {
	for _, on := range Backends {
		l := complete(on)
		if problems := l.Problems(); len(problems) != 0 || l.Run() != string(on) {
			t.Errorf("%s: %v", l.Run(), problems)
		}
	}
}

func TestLogProblems(t *testing.T) {
	const timers, reactor = module + "timers", module + "reactor"
	wrap := test{"timers", "TestSome/wheel_wrap"}
	for _, c := range []struct {
		name   string
		on     Backend
		change func(l *Log)
		want   string // part of the only problem; empty if there is none
	}{
		{"no test", Linux, func(l *Log) { delete(l.results, wrap) }, "Timers: wheel_wrap: timers: has no test"},
		{"skipped", Linux, func(l *Log) { l.Add(timers, wrap.path, "skip") }, "wheel_wrap: timers: is only skipped"},
		{"skipped and passed", Linux, func(l *Log) { l.Add(timers, "TestMore/deep/wheel_wrap", "skip") }, ""},
		{"failed and passed", Linux, func(l *Log) { l.Add(timers, "TestMore/deep/wheel_wrap", "fail") }, "wheel_wrap: timers: fails"},
		{"all subtests skipped", Linux, func(l *Log) { l.Add(timers, wrap.path+"/sub", "skip") }, "wheel_wrap: timers: is only skipped"},
		{"a subtest skipped", Linux, func(l *Log) {
			l.Add(timers, wrap.path+"/sub", "skip")
			l.Add(timers, wrap.path+"/other", "pass")
		}, ""},
		{"wrong package", Linux, func(l *Log) {
			delete(l.results, wrap)
			l.Add(reactor, wrap.path, "pass")
		}, "wheel_wrap: timers: has no test"},
		{"longer name", Linux, func(l *Log) {
			delete(l.results, wrap)
			l.Add(timers, wrap.path+"#01", "pass")
		}, "wheel_wrap: timers: has no test"},
		{"one of two packages", Linux, func(l *Log) {
			delete(l.results, test{"reactor", "TestSome/expiry_budget"})
		}, "expiry_budget: reactor: has no test"},
		{"exception passes", Wine, func(l *Log) {
			l.Add(reactor, "TestSome/os_File_pipe_watched", "pass")
		}, "os_File_pipe_watched: reactor: passes, but the table excepts it: AFD"},
		{"exception fails", Wine, func(l *Log) { l.Add(reactor, "TestSome/os_File_pipe_watched", "fail") }, ""},
		{"same code", KqueueSim, func(l *Log) { delete(l.results, wrap) }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := complete(c.on)
			c.change(l)
			problems := l.Problems()
			if c.want == "" && len(problems) == 0 {
				return
			}
			if c.want == "" || len(problems) != 1 || !strings.Contains(problems[0].String(), c.want) {
				t.Fatalf("problems %q, want one with %q", problems, c.want)
			}
			i := slices.IndexFunc(Table, func(g Group) bool { return g.Name == problems[0].Group })
			before, after := complete(c.on).Counts()[i], l.Counts()[i]
			if after.Broken != 1 || after.Held+after.Excepted != before.Held+before.Excepted-1 {
				t.Errorf("counts %+v became %+v", before, after)
			}
		})
	}
}

func TestLogOfAPartialRun(t *testing.T) {
	l := new(Log)
	l.Add(module+"timers", "TestTimers/order", "pass")
	l.Add(module+"timers", "TestHere/linux", "pass")
	if l.Run() != "" {
		t.Errorf("a run of one package is taken for one of %s", l.Run())
	}
}

func TestCount(t *testing.T) {
	for want, c := range map[string]Count{
		"-":                        {},
		"3":                        {Held: 3},
		"3, 1 excepted":            {Held: 3, Excepted: 1},
		"5 shared":                 {Shared: 5},
		"3 + 5 shared, 2 excepted": {Held: 3, Shared: 5, Excepted: 2},
		"3, 1 BROKEN":              {Held: 3, Broken: 1},
	} {
		if got := c.String(); got != want {
			t.Errorf("%+v is %q, want %q", c, got, want)
		}
	}
}

// TestSameCode proves that the tag kqueue_sim changes nothing in the packages
// whose behaviours it need not repeat.
func TestSameCode(t *testing.T) {
	for _, pkg := range sameCode {
		files, err := filepath.Glob(filepath.Join("..", "..", pkg, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pkg, len(files), err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(source), "kqueue_sim") {
				t.Errorf("%s knows kqueue_sim", file)
			}
		}
	}
}
