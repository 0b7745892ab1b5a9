package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalio/metalio/bench/internal/run"
)

func TestRowsAreInOrder(t *testing.T) {
	if err := run.Check(allRows()); err != nil {
		t.Fatal(err)
	}
}

func TestEveryProgramThatIsNeededIsMade(t *testing.T) {
	made := map[string]bool{}
	for _, p := range allPrograms() {
		if made[p.Name] {
			t.Errorf("%s is made twice", p.Name)
		}
		made[p.Name] = true
	}
	for _, r := range allRows() {
		for _, c := range r.Contenders {
			for _, n := range c.Needs {
				if !made[n] {
					t.Errorf("%s: %s needs %s, which nothing makes", r.Name, c.Name, n)
				}
			}
		}
	}
}

func TestChartsNameRowsThatExist(t *testing.T) {
	rows := map[string]run.Row{}
	for _, r := range allRows() {
		rows[r.Name] = r
	}
	check := func(chart, row, metric string) {
		r := rows[row]
		if _, ok := r.Metric(metric); !ok {
			t.Errorf("%s: no metric %q in a row %q", chart, metric, row)
		}
	}
	for _, b := range allBars() {
		for _, p := range b.Panels {
			check(b.Name, p.Row, p.Metric)
		}
	}
	for _, l := range allLines() {
		for _, p := range l.Points {
			check(l.Name, p.Row, p.Metric)
		}
	}
}

func TestQuickRunsHeadlinesAndWritesNothing(t *testing.T) {
	s := settings{quick: true}
	rows, err := s.selected(allRows())
	if err != nil || len(rows) == 0 || s.out != "" {
		t.Fatal(len(rows), err, s.out)
	}
	for _, r := range rows {
		if !r.Headline {
			t.Error(r.Name)
		}
	}
}

func TestSelection(t *testing.T) {
	s := settings{rows: "^echo/"}
	rows, err := s.selected(allRows())
	if err != nil || len(rows) != 5 || s.out != "" {
		t.Fatal(len(rows), err, s.out)
	}
	s = settings{}
	if _, err := s.selected(allRows()); err != nil || s.out != "." {
		t.Fatal(err, s.out)
	}
	for _, bad := range []string{"no such row", "("} {
		s = settings{rows: bad}
		if _, err := s.selected(allRows()); err == nil {
			t.Errorf("%q selects something", bad)
		}
	}
}

// TestWriteAll writes everything for rows that nothing has measured.
func TestWriteAll(t *testing.T) {
	dir := t.TempDir()
	var results []run.Result
	for _, r := range allRows() {
		results = append(results, run.Result{Row: r, Rounds: 1})
	}
	if _, err := writeAll(dir, results, map[string]string{"echo-mio": "cargo not installed"}); err != nil {
		t.Fatal(err)
	}
	var verdicts strings.Builder
	if err := printVerdicts(io.Writer(&verdicts), results); err != nil || !strings.Contains(verdicts.String(), "not measured") {
		t.Fatal(verdicts.String(), err)
	}
}

func TestUpdateReadme(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	read := func() string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	write("before\n" + headlinesBegin + "\nold\n" + headlinesEnd + "\nafter\n")
	for range 2 { // writing again changes nothing
		if err := updateReadme(path, nil, []string{"charts/echo.svg"}); err != nil {
			t.Fatal(err)
		}
		got := read()
		for _, want := range []string{"before\n" + headlinesBegin, "| work |", "![echo](bench/charts/echo.svg)", headlinesEnd + "\nafter\n"} {
			if strings.Count(got, want) != 1 {
				t.Errorf("%q is there %d times", want, strings.Count(got, want))
			}
		}
		if strings.Contains(got, "old") {
			t.Error("the old figures are still there")
		}
	}
	write("no place for it\n")
	if err := updateReadme(path, nil, nil); err != nil || read() != "no place for it\n" {
		t.Error(err, read())
	}
}
