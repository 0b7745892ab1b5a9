package report

import (
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/metalio/metalio/bench/internal/run"
)

// measured is a row with a reference, a faster system, one that failed in the
// second round, and one that was left out.
func measured() run.Result {
	sample := func(rate, p99 float64) run.Values { return run.Values{"rate": rate, "p99": p99} }
	return run.Result{
		Row: run.Row{
			Name: "echo/64x1", Title: "64 connections", Section: "Echo", Reference: "c",
			Metrics: []run.Metric{
				{Name: "rate", Title: "messages", Unit: "msgs/s", Better: run.More},
				{Name: "p99", Unit: "ns"},
			},
			Contenders: []run.Contender{{Name: "c"}, {Name: "metalio"}, {Name: "gnet"}, {Name: "mio"}},
			Targets: []run.Target{
				{Metric: "rate", Who: "metalio", Against: []string{"c"}, Bound: 0.98, Text: "aim 1.00"},
				{Metric: "rate", Who: "metalio", Against: []string{"gnet", "mio"}, Bound: 5},
				{Metric: "p99", Who: "metalio", Bound: 900},
				{Metric: "rate", Who: "mio", Against: []string{"c"}, Bound: 1},
			},
		},
		Rounds: 2,
		Samples: map[string][]run.Values{
			"c":       {sample(1000, 500), sample(2000, 500)},
			"metalio": {sample(1100, 800), sample(2100, 1000)},
			"gnet":    {sample(500, 9000), nil},
		},
		Left:   map[string]string{"mio": "librust-mio-dev is not installed"},
		Failed: map[string]string{"gnet": "other | bytes"},
	}
}

func TestJudge(t *testing.T) {
	r := measured()
	v := Judge(&r)
	if q := v[0]; !q.Reached || q.Opponent != "c" || math.Abs(q.Ratio.Median-1.075) > 1e-9 {
		t.Errorf("against c: %+v", q.Ratio)
	}
	if q := v[1]; q.Reached || q.Opponent != "gnet" || q.Ratio.N != 1 || q.Ratio.Median != 2.2 {
		t.Errorf("against the best Go library: %+v", q)
	}
	if q := v[2]; !q.Reached || q.Ratio.Median != 900 {
		t.Errorf("a plain value: %+v", q.Ratio)
	}
	if q := v[3]; q.Known || q.Reached {
		t.Errorf("what was not measured: %+v", q)
	}
}

func TestBestTakesTheDirectionOfTheMetric(t *testing.T) {
	r := measured()
	for i, want := range []string{"metalio", "c"} {
		if got := best(&r, []string{"gnet", "metalio", "c"}, r.Metrics[i]); got != want {
			t.Errorf("%s: %s, want %s", r.Metrics[i].Name, got, want)
		}
	}
	r.Samples["c"][0]["rate"] = 9000
	if got := best(&r, []string{"metalio", "c"}, r.Metrics[0]); got != "c" {
		t.Error(got)
	}
}

func TestPage(t *testing.T) {
	p := Page{
		Intro: "How to read.", Results: []run.Result{measured()}, Charts: []string{"charts/echo.svg"},
		Facts: []Fact{{"cpu", "EPYC"}}, Missing: []Fact{{"echo-mio", "no cargo"}},
	}
	var out strings.Builder
	if err := p.Write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# Results\n\nHow to read.\n",
		"| cpu | EPYC |\n",
		"| echo-mio | no cargo |\n",
		"| 64 connections | messages | metalio | c | ≥ 0.98 (aim 1.00) | 1.08 | 1.05–1.10 |",
		"| metalio | – | ≤ 900 ns | 900 ns | 800 ns–1 µs | – | reached |\n",
		"| gnet (best of 2) | ≥ 5.00 | 2.20 | 2.20–2.20 | – | **missed** |",
		"| mio | c | ≥ 1.00 | not measured | | | |",
		"![echo](charts/echo.svg)",
		"## Echo\n\n### 64 connections\n",
		"| system | messages | ratio (min–max) | p99 | ratio (min–max) |\n|---|--:|---|--:|---|\n",
		"| *c* | 1.5 k msgs/s | | 500 ns | |\n",
		"| metalio | 1.6 k msgs/s | 1.08 (1.05–1.10) | 900 ns | 1.80 (1.60–2.00) |\n",
		"| gnet | 500 msgs/s | 0.50 (0.50–0.50) | 9 µs | 18.0 (18.0–18.0) |\n",
		"Left out: mio: librust-mio-dev is not installed\n",
		"Failed rounds: gnet: other \\| bytes\n",
		"2 rounds, `echo/64x1`, ratios to c.\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q", want)
		}
	}
	if strings.Contains(out.String(), "NaN") {
		t.Error("NaN in the page")
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

func TestSummary(t *testing.T) {
	r := measured()
	r.Targets = append(r.Targets, run.Target{Metric: "p99", Who: "metalio", Against: []string{"c"}, Bound: 2})
	var out strings.Builder
	WriteSummary(&out, []run.Result{r}, "metalio")
	if strings.Count(out.String(), "\n") != 2 {
		t.Error("a row that is no headline is in the summary")
	}
	r.Headline = true
	out.Reset()
	WriteSummary(&out, []run.Result{r}, "metalio")
	want := "| 64 connections | c | messages **1.08** (1.05–1.10), p99 **1.80** (1.60–2.00) |\n" +
		"| 64 connections | the best of gnet, mio | messages **2.20** (2.20–2.20) |\n"
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("lacks %q:\n%s", want, out.String())
	}
	r.Targets = append(r.Targets, run.Target{Metric: "rate", Who: "gnet", Against: []string{"c"}, Bound: 1})
	out.Reset()
	WriteSummary(&out, []run.Result{r}, "metalio", "gnet")
	if want += "| 64 connections: gnet | c | messages "; !strings.Contains(out.String(), want) {
		t.Errorf("lacks %q:\n%s", want, out.String())
	}
}

func TestTablesHaveAsManyCellsAsHeadings(t *testing.T) {
	p := Page{Results: []run.Result{measured()}}
	var out strings.Builder
	if err := p.Write(&out); err != nil {
		t.Fatal(err)
	}
	columns := 0
	for line := range strings.Lines(out.String()) {
		line = strings.ReplaceAll(line, "\\|", "")
		switch n := strings.Count(line, "|"); {
		case n == 0:
			columns = 0
		case columns == 0:
			columns = n
		case n != columns:
			t.Errorf("%d bars instead of %d: %s", n, columns, line)
		}
	}
}

func TestRaw(t *testing.T) {
	r := measured()
	r.Samples["metalio"][1]["p99"] = math.NaN()
	var out strings.Builder
	if err := WriteRaw(&out, []Fact{{"Go", "go1.26"}}, &r); err != nil {
		t.Fatal(err)
	}
	const want = `go: go1.26
Unit rate-msgs/s better=higher
Unit p99-ns better=lower

BenchmarkEcho-64x1/system=c 1 1000 rate-msgs/s 500 p99-ns
BenchmarkEcho-64x1/system=metalio 1 1100 rate-msgs/s 800 p99-ns
BenchmarkEcho-64x1/system=gnet 1 500 rate-msgs/s 9000 p99-ns
BenchmarkEcho-64x1/system=c 1 2000 rate-msgs/s 500 p99-ns
BenchmarkEcho-64x1/system=metalio 1 2100 rate-msgs/s
`
	if out.String() != want {
		t.Errorf("got:\n%s", out.String())
	}
	if RawName(r.Name) != "echo-64x1.txt" {
		t.Error(RawName(r.Name))
	}
}

// elements parses a chart and counts its elements by class.
func elements(t *testing.T, svg string) map[string]int {
	t.Helper()
	count := map[string]int{}
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if err == io.EOF {
			return count
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		if e, ok := token.(xml.StartElement); ok {
			name := e.Name.Local
			for _, a := range e.Attr {
				if a.Name.Local == "class" {
					name += "." + a.Value
				}
			}
			count[name]++
		}
	}
}

func TestBars(t *testing.T) {
	b := Bars{
		Title:      `Echo & "more" <>`,
		Panels:     []Panel{{"64", "echo/64x1", "rate"}, {"p99", "echo/64x1", "p99"}, {"gone", "echo/1", "rate"}},
		Contenders: []string{"metalio", "c", "gnet", "mio"}, Highlight: []string{"metalio"},
	}
	var out strings.Builder
	if ok, err := b.Write(&out, []run.Result{measured()}); !ok || err != nil {
		t.Fatal(ok, err)
	}
	n := elements(t, out.String())
	if n["rect.bar ours"] != 2 || n["rect.bar"] != 4 || n["line.one"] != 2 {
		t.Errorf("%v", n)
	}
	if strings.Contains(out.String(), ">mio<") || !strings.Contains(out.String(), "prefers-color-scheme: dark") {
		t.Error(out.String())
	}
	if strings.Contains(out.String(), "NaN") || strings.Contains(out.String(), "Inf") {
		t.Error("a coordinate that is no number")
	}
	b.Panels = b.Panels[2:]
	if ok, _ := b.Write(&out, []run.Result{measured()}); ok {
		t.Error("a chart of nothing")
	}
}

func TestLines(t *testing.T) {
	l := Lines{
		Title: "Growth", X: "connections", Contenders: []string{"c", "metalio", "mio"}, Highlight: []string{"metalio"},
		Points: []Point{{100, "echo/64x1", "p99"}, {10000, "echo/64x1", "p99"}},
	}
	var out strings.Builder
	if ok, err := l.Write(&out, []run.Result{measured()}); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if n := elements(t, out.String()); n["polyline"] != 2 {
		t.Errorf("%v", n)
	}
	if strings.Contains(out.String(), "NaN") || strings.Contains(out.String(), "Inf") {
		t.Error("a coordinate that is no number")
	}
	if ok, _ := l.Write(&out, nil); ok {
		t.Error("a chart of nothing")
	}
}

func TestQuantity(t *testing.T) {
	for _, c := range []struct {
		v    float64
		unit string
		want string
	}{
		{999, "ns", "999 ns"}, {1500, "ns", "1.5 µs"}, {2e9, "ns", "2 s"}, {3 << 20, "B", "3 MiB"},
		{123456, "msgs/s", "123 k msgs/s"}, {0.25, "", "0.25"}, {0, "", "0"}, {42, "", "42"}, {1.5, "%", "1.5 %"},
		{100, "", "100"},
	} {
		if got := quantity(c.v, c.unit); got != c.want {
			t.Errorf("%v %s: %q, want %q", c.v, c.unit, got, c.want)
		}
	}
}
