package report

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/metalio/metalio/bench/internal/run"
)

// WriteRaw writes every sample of a row in the format that benchstat reads:
// each round of each system is a line, so that
//
//	benchstat -col /system bench/raw/echo-64x1.txt
//
// compares the systems. The facts become its configuration lines.
func WriteRaw(w io.Writer, facts []Fact, r *run.Result) error {
	out := &strings.Builder{}
	for _, f := range facts {
		fmt.Fprintf(out, "%s: %s\n", key(f.Name), strings.ReplaceAll(f.Value, "\n", " "))
	}
	for _, m := range r.Metrics {
		if m.Better != run.Plain {
			fmt.Fprintf(out, "Unit %s better=%s\n", unit(m), map[run.Better]string{run.Less: "lower", run.More: "higher"}[m.Better])
		}
	}
	fmt.Fprintln(out)
	for n := range r.Rounds {
		for _, c := range r.Contenders {
			samples := r.Samples[c.Name]
			if n >= len(samples) || samples[n] == nil {
				continue
			}
			fmt.Fprintf(out, "Benchmark%s/system=%s 1", benchmarkName(r.Name), strings.ReplaceAll(c.Name, "/", "-"))
			for _, m := range r.Metrics {
				if v := samples[n][m.Name]; !math.IsNaN(v) {
					fmt.Fprintf(out, " %g %s", v, unit(m))
				}
			}
			fmt.Fprintln(out)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// RawName is the name of the file with a row's samples.
func RawName(row string) string { return strings.ReplaceAll(row, "/", "-") + ".txt" }

// benchmarkName begins with an upper case letter, and its slashes would be
// taken for keys.
func benchmarkName(row string) string {
	row = strings.ReplaceAll(row, "/", "-")
	return strings.ToUpper(row[:1]) + row[1:]
}

// unit is the metric's name, and its unit last, by which benchstat knows how to
// scale.
func unit(m run.Metric) string {
	name := strings.ReplaceAll(m.Name, " ", "-")
	if m.Unit == "" {
		return name
	}
	return name + "-" + m.Unit
}

// key makes a name one that a configuration line may have.
func key(s string) string {
	return strings.ReplaceAll(strings.ToLower(s), " ", "-")
}
