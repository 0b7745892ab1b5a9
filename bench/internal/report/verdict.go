// Package report writes what package run has measured: Markdown, SVG charts,
// and the format of benchstat.
package report

import (
	"math"

	"github.com/metalio/metalio/bench/internal/run"
	"github.com/metalio/metalio/bench/internal/stat"
)

// Verdict says how a target was met.
type Verdict struct {
	run.Target
	Row      *run.Result
	Measure  run.Metric
	Opponent string     // the best of Against, or empty
	Ratio    stat.Ratio // of Who to the opponent, or the plain value of Who
	Known    bool       // false if one of them has no samples
	Reached  bool
}

// Judge compares a row with its targets.
func Judge(r *run.Result) []Verdict {
	verdicts := make([]Verdict, 0, len(r.Targets))
	for _, t := range r.Targets {
		verdicts = append(verdicts, judge(r, t))
	}
	return verdicts
}

func judge(r *run.Result, t run.Target) Verdict {
	m, _ := r.Metric(t.Metric)
	v := Verdict{Target: t, Row: r, Measure: m}
	if len(t.Against) == 0 {
		s, ok := summary(r, t.Who, m)
		v.Ratio, v.Known = stat.Ratio{Summary: s, Low: math.NaN(), High: math.NaN()}, ok
	} else if v.Opponent = best(r, t.Against, m); v.Opponent != "" {
		v.Ratio, v.Known = stat.Paired(r.Series(t.Who, m.Name), r.Series(v.Opponent, m.Name))
	}
	v.Reached = v.Known && meets(v.Ratio.Median, t.Bound, m.Better)
	return v
}

func meets(value, bound float64, better run.Better) bool {
	if better == run.More {
		return value >= bound
	}
	return value <= bound
}

// best returns the contender with the best median, or "" if none has samples.
func best(r *run.Result, names []string, m run.Metric) (name string) {
	var leader float64
	for _, n := range names {
		s, ok := summary(r, n, m)
		if !ok {
			continue
		}
		if name == "" || s.Median != leader && meets(s.Median, leader, m.Better) {
			name, leader = n, s.Median
		}
	}
	return name
}

// summary leaves failed rounds out.
func summary(r *run.Result, contender string, m run.Metric) (stat.Summary, bool) {
	var samples []float64
	for _, v := range r.Series(contender, m.Name) {
		if !math.IsNaN(v) {
			samples = append(samples, v)
		}
	}
	return stat.Summarize(samples), len(samples) > 0
}

// number writes a ratio, or the plain value if there is no opponent.
func (v *Verdict) number(x float64) string {
	if len(v.Against) == 0 {
		return quantity(x, v.Measure.Unit)
	}
	return ratio(x)
}

// aim is the target as a person writes it.
func (v *Verdict) aim() string {
	sign := "≤ "
	if v.Measure.Better == run.More {
		sign = "≥ "
	}
	if v.Text == "" {
		return sign + v.number(v.Bound)
	}
	return sign + v.number(v.Bound) + " (" + v.Text + ")"
}
