package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// Options says how to run rows.
type Options struct {
	Rounds   int
	Length   time.Duration // of one measurement
	Bin      string
	Cores    Cores
	Missing  map[string]string // programs that could not be built, and why
	Progress io.Writer
}

// Result is what was measured for a row.
type Result struct {
	Row
	Rounds  int
	Samples map[string][]Values // by contender; nil is a round that failed
	Left    map[string]string   // contenders that have no samples, and why
	Failed  map[string]string   // contenders of which a round failed, and why
}

// Series returns the values of one contender, NaN for a failed round.
func (r *Result) Series(contender, metric string) []float64 {
	var series []float64
	for _, values := range r.Samples[contender] {
		v, ok := values[metric]
		if !ok {
			v = math.NaN()
		}
		series = append(series, v)
	}
	return series
}

// Metric returns the row's metric of that name.
func (r *Row) Metric(name string) (Metric, bool) {
	i := slices.IndexFunc(r.Metrics, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		return Metric{}, false
	}
	return r.Metrics[i], true
}

// Run runs the rows one after the other. Within a row the contenders take
// turns, A B C A B C …, so that all see the same machine. What fails is
// reported in the Result; the error is that of ctx, or of rows that contradict
// themselves.
func Run(ctx context.Context, rows []Row, opt Options) ([]Result, error) {
	if err := Check(rows); err != nil {
		return nil, err
	}
	if opt.Progress == nil {
		opt.Progress = io.Discard
	}
	p := newProgress(rows, opt)
	results := make([]Result, 0, len(rows))
	for _, row := range rows {
		r, err := runRow(ctx, row, opt, p)
		if err != nil {
			return results, err
		}
		results = append(results, r)
	}
	return results, nil
}

func runRow(ctx context.Context, row Row, opt Options, p *progress) (Result, error) {
	res := Result{
		Row: row, Rounds: row.rounds(opt),
		Samples: map[string][]Values{}, Left: map[string]string{}, Failed: map[string]string{},
	}
	for _, c := range row.Contenders {
		for _, need := range c.Needs {
			if why, missing := opt.Missing[need]; missing {
				res.Left[c.Name] = why
			}
		}
	}
	for n := range res.Rounds {
		p.round(&res, n)
		for _, c := range row.Contenders {
			if _, left := res.Left[c.Name]; left {
				p.done(&res, c.Name, nil)
				continue
			}
			values, err := attempt(ctx, c, row, Round{Number: n, Length: row.length(opt), Bin: opt.Bin, Cores: opt.Cores})
			if ctx.Err() != nil {
				return res, ctx.Err()
			}
			if err != nil {
				res.Failed[c.Name] = err.Error()
				p.failed(c.Name, err)
			}
			res.Samples[c.Name] = append(res.Samples[c.Name], values)
			p.done(&res, c.Name, values)
		}
	}
	return res, nil
}

// attempt tries twice: one disturbance of a shared machine is no result.
func attempt(ctx context.Context, c Contender, row Row, round Round) (values Values, err error) {
	for range 2 {
		if values, err = c.Run(ctx, round); err == nil {
			err = complete(values, row.Metrics)
		}
		if err == nil || ctx.Err() != nil {
			return values, err
		}
	}
	return nil, err
}

func complete(values Values, metrics []Metric) error {
	for _, m := range metrics {
		if _, ok := values[m.Name]; !ok {
			return fmt.Errorf("no value for %s", m.Name)
		}
	}
	return nil
}

func (r *Row) rounds(opt Options) int {
	if r.Rounds > 0 {
		return min(r.Rounds, opt.Rounds)
	}
	return opt.Rounds
}

func (r *Row) length(opt Options) time.Duration {
	if r.Length == 0 {
		return opt.Length
	}
	return time.Duration(float64(opt.Length) * r.Length)
}

// Check finds contradictions in rows: names used twice, and references,
// metrics and contenders that are named and do not exist.
func Check(rows []Row) error {
	var errs []error
	seen := map[string]bool{}
	for i := range rows {
		row := &rows[i]
		fail := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("row %q: "+format, append([]any{row.Name}, args...)...))
		}
		if seen[row.Name] {
			fail("is there twice")
		}
		seen[row.Name] = true
		if !isName(row.Name, "/") {
			fail("is no good name: letters, digits and - between slashes")
		}
		contenders := map[string]bool{}
		for _, c := range row.Contenders {
			if contenders[c.Name] {
				fail("contender %q is there twice", c.Name)
			}
			if strings.ContainsAny(c.Name, " \t\n") || c.Name == "" {
				fail("contender %q is no good name", c.Name)
			}
			if c.Run == nil {
				fail("contender %q has nothing to run", c.Name)
			}
			contenders[c.Name] = true
		}
		if !contenders[row.Reference] {
			fail("the reference %q is no contender", row.Reference)
		}
		if len(row.Metrics) == 0 {
			fail("has no metric")
		}
		for _, t := range row.Targets {
			if _, ok := row.Metric(t.Metric); !ok {
				fail("target for %q, which is no metric", t.Metric)
			}
			for _, name := range append([]string{t.Who}, t.Against...) {
				if !contenders[name] {
					fail("target names %q, which is no contender", name)
				}
			}
		}
	}
	return errors.Join(errs...)
}

func isName(s, separator string) bool {
	for word := range strings.SplitSeq(s, separator) {
		if word == "" || strings.Trim(word, "-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
			return false
		}
	}
	return true
}
