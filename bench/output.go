package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/metalio/metalio/bench/internal/report"
	"github.com/metalio/metalio/bench/internal/run"
)

const intro = `
Written by ` + "`make bench`" + `, which measures all of this on the reader's own machine. Absolute
figures of a shared machine mean little; the ratios are what counts. Within a row the systems take
turns, and each ratio is that of one round to the same round of the reference, which is *in italics*.
"Median" is the median of these ratios; the interval is Student's for the mean of their logarithms.

The load generator, which never sleeps, has processor 1 to itself. Servers written in C and Rust are
pinned to processor 0; Go servers may use all processors but the generator's and have Go's default of
GOMAXPROCS, the number of processors; those whose names end in "-1" are pinned to processor 0 with
GOMAXPROCS=1. Where a row differs from that, its note says so. Every byte that
comes back is compared with what was sent.
`

func printVerdicts(w io.Writer, results []run.Result) error {
	var verdicts []report.Verdict
	for i := range results {
		verdicts = append(verdicts, report.Judge(&results[i])...)
	}
	out := &strings.Builder{}
	report.WriteVerdicts(out, verdicts)
	_, err := fmt.Fprintf(w, "\n%s", out)
	return err
}

// writeAll writes the page, the charts and the samples to a folder.
func writeAll(dir string, results []run.Result, missing map[string]string) (charts []string, err error) {
	facts := machine()
	page := report.Page{Intro: intro, Facts: facts, Results: results}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		page.Missing = append(page.Missing, report.Fact{Name: name, Value: missing[name]})
	}
	for i := range results {
		err := writeFile(filepath.Join(dir, "raw", report.RawName(results[i].Name)), func(w io.Writer) error {
			return report.WriteRaw(w, facts, &results[i])
		})
		if err != nil {
			return nil, err
		}
	}
	if charts, err = writeCharts(dir, results); err != nil {
		return nil, err
	}
	page.Charts = charts
	return charts, writeFile(filepath.Join(dir, "RESULTS.md"), page.Write)
}

// The README above has the headlines between these lines.
const (
	headlinesBegin = "<!-- written by make bench -->"
	headlinesEnd   = "<!-- end of what make bench writes -->"
)

// updateReadme replaces the headlines of a README, if it has a place for them.
func updateReadme(path string, results []run.Result, charts []string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), headlinesBegin)
	_, after, ended := strings.Cut(rest, headlinesEnd)
	if !ok || !ended {
		return nil
	}
	out := &strings.Builder{}
	fmt.Fprintf(out, "%s%s\n\n", before, headlinesBegin)
	report.WriteSummary(out, results, "metalio", "metalio-producer")
	for _, name := range charts {
		title := strings.TrimSuffix(filepath.Base(name), ".svg")
		fmt.Fprintf(out, "\n![%s](bench/%s)\n", title, name)
	}
	fmt.Fprintf(out, "\n%s%s", headlinesEnd, after)
	return os.WriteFile(path, []byte(out.String()), 0o644)
}

// readmeCharts are those that the README shows, if they were drawn.
func readmeCharts(drawn []string) []string {
	return slices.DeleteFunc(slices.Clone(drawn), func(name string) bool {
		return !slices.Contains([]string{"charts/echo.svg", "charts/latency.svg", "charts/pipes.svg"}, name)
	})
}

// chart is [report.Bars] or [report.Lines].
type chart interface {
	Write(io.Writer, []run.Result) (bool, error)
}

func writeCharts(dir string, results []run.Result) (names []string, err error) {
	draw := func(name string, c chart) error {
		var svg strings.Builder
		drawn, err := c.Write(&svg, results)
		if err != nil || !drawn {
			return err
		}
		path := "charts/" + name + ".svg"
		names = append(names, path)
		return writeFile(filepath.Join(dir, path), func(w io.Writer) error {
			_, err := io.WriteString(w, svg.String())
			return err
		})
	}
	for _, c := range allBars() {
		if err := draw(c.Name, &c); err != nil {
			return names, err
		}
	}
	for _, c := range allLines() {
		if err := draw(c.Name, &c); err != nil {
			return names, err
		}
	}
	return names, nil
}

func writeFile(path string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
