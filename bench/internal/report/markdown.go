package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/metalio/metalio/bench/internal/run"
	"github.com/metalio/metalio/bench/internal/stat"
)

// Page is what RESULTS.md is made of.
type Page struct {
	Intro   string // Markdown
	Facts   []Fact // about the machine and the versions
	Missing []Fact // programs that could not be built, and why
	Results []run.Result
	Charts  []string // file names, relative to the page, by section
}

// Fact is one line about the machine.
type Fact struct{ Name, Value string }

// Write writes the page.
func (p *Page) Write(w io.Writer) error {
	out := &strings.Builder{}
	fmt.Fprintf(out, "# Results\n\n%s\n", strings.TrimSpace(p.Intro))
	writeFacts(out, "Where this was measured", p.Facts)
	writeFacts(out, "Left out", p.Missing)
	p.writeVerdicts(out)
	for _, name := range p.Charts {
		fmt.Fprintf(out, "\n![%s](%s)\n", strings.TrimSuffix(name[strings.LastIndex(name, "/")+1:], ".svg"), name)
	}
	section := ""
	for i := range p.Results {
		r := &p.Results[i]
		if r.Section != section {
			section = r.Section
			fmt.Fprintf(out, "\n## %s\n", section)
		}
		writeRow(out, r)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func writeFacts(out *strings.Builder, title string, facts []Fact) {
	if len(facts) == 0 {
		return
	}
	fmt.Fprintf(out, "\n## %s\n\n| | |\n|---|---|\n", title)
	for _, f := range facts {
		fmt.Fprintf(out, "| %s | %s |\n", cell(f.Name), cell(f.Value))
	}
}

// writeVerdicts writes the table of targets.
func (p *Page) writeVerdicts(out *strings.Builder) {
	var verdicts []Verdict
	for i := range p.Results {
		verdicts = append(verdicts, Judge(&p.Results[i])...)
	}
	if len(verdicts) == 0 {
		return
	}
	fmt.Fprint(out, "\n## Targets\n\n")
	WriteVerdicts(out, verdicts)
}

// WriteVerdicts writes a table of targets and how they were met.
func WriteVerdicts(out *strings.Builder, verdicts []Verdict) {
	fmt.Fprint(out, "| work | metric | system | against | aim | median | min–max | 95 % of the mean | |\n|---|---|---|---|---|---|---|---|---|\n")
	for i := range verdicts {
		v := &verdicts[i]
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s |\n", cell(v.Row.Title), cell(v.Measure.Heading()),
			v.Who, opponent(v), v.aim(), outcome(v))
	}
}

// WriteSummary writes the ratios of some contenders in the headline rows, for a
// page that is about more than speed: one line for each row, contender and
// opponent. The first contender is not named.
func WriteSummary(out *strings.Builder, results []run.Result, who ...string) {
	fmt.Fprint(out, "| work | compared with | ratio (from the lowest to the highest round) |\n|---|---|---|\n")
	for i := range results {
		if !results[i].Headline {
			continue
		}
		verdicts := Judge(&results[i])
		for j, w := range who {
			title := results[i].Title
			if j > 0 {
				title += ": " + w
			}
			for _, l := range summarize(verdicts, w) {
				fmt.Fprintf(out, "| %s | %s | %s |\n", cell(title), l.opponent, strings.Join(l.ratios, ", "))
			}
		}
	}
}

func summarize(verdicts []Verdict, who string) (lines []summaryLine) {
	for i := range verdicts {
		if v := &verdicts[i]; v.Known && v.Who == who && len(v.Against) > 0 {
			lines = addToSummary(lines, v)
		}
	}
	return lines
}

type summaryLine struct {
	opponent string
	ratios   []string
}

func addToSummary(lines []summaryLine, v *Verdict) []summaryLine {
	name := v.Against[0]
	if len(v.Against) > 1 {
		name = "the best of " + strings.Join(v.Against, ", ")
	}
	i := slices.IndexFunc(lines, func(l summaryLine) bool { return l.opponent == name })
	if i < 0 {
		lines = append(lines, summaryLine{opponent: name})
		i = len(lines) - 1
	}
	lines[i].ratios = append(lines[i].ratios, fmt.Sprintf("%s **%s** (%s)", cell(v.Measure.Heading()), ratio(v.Ratio.Median), spread(v.Ratio.Summary)))
	return lines
}

func opponent(v *Verdict) string {
	switch {
	case len(v.Against) == 0:
		return "–"
	case len(v.Against) == 1:
		return v.Against[0]
	case v.Opponent == "":
		return "best of " + strings.Join(v.Against, ", ")
	}
	return v.Opponent + " (best of " + fmt.Sprint(len(v.Against)) + ")"
}

// outcome fills the last four columns.
func outcome(v *Verdict) string {
	if !v.Known {
		return "not measured | | |"
	}
	verdict := "**missed**"
	if v.Reached {
		verdict = "reached"
	}
	q := v.Ratio
	return strings.Join([]string{v.number(q.Median), v.number(q.Min) + "–" + v.number(q.Max), confidence(q), verdict}, " | ")
}

// writeRow writes what was measured for one row: for each metric the median,
// and the ratio to the reference.
func writeRow(out *strings.Builder, r *run.Result) {
	fmt.Fprintf(out, "\n### %s\n\n", r.Title)
	if r.Note != "" {
		fmt.Fprintf(out, "%s\n\n", strings.TrimSpace(r.Note))
	}
	fmt.Fprint(out, "| system |")
	for _, m := range r.Metrics {
		fmt.Fprintf(out, " %s | ratio (min–max) |", cell(m.Heading()))
	}
	fmt.Fprintf(out, "\n|---|%s\n", strings.Repeat("--:|---|", len(r.Metrics)))
	for _, c := range r.Contenders {
		if _, left := r.Left[c.Name]; left {
			continue
		}
		fmt.Fprintf(out, "| %s |", label(r, c.Name))
		for _, m := range r.Metrics {
			writeCells(out, r, c.Name, m)
		}
		fmt.Fprintln(out)
	}
	writeRemarks(out, "Left out", r.Left)
	writeRemarks(out, "Failed rounds", r.Failed)
	fmt.Fprintf(out, "\n%s, `%s`, ratios to %s.\n", rounds(r.Rounds), r.Name, r.Reference)
}

func rounds(n int) string {
	if n == 1 {
		return "One round"
	}
	return fmt.Sprintf("%d rounds", n)
}

func label(r *run.Result, contender string) string {
	if contender == r.Reference {
		return "*" + contender + "*"
	}
	return contender
}

func writeCells(out *strings.Builder, r *run.Result, contender string, m run.Metric) {
	s, ok := summary(r, contender, m)
	if !ok {
		fmt.Fprint(out, " – | |")
		return
	}
	fmt.Fprintf(out, " %s |", quantity(s.Median, m.Unit))
	ratios, ok := stat.Paired(r.Series(contender, m.Name), r.Series(r.Reference, m.Name))
	if !ok || contender == r.Reference {
		fmt.Fprint(out, " |")
		return
	}
	fmt.Fprintf(out, " %s (%s) |", ratio(ratios.Median), spread(ratios.Summary))
}

func writeRemarks(out *strings.Builder, title string, remarks map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(remarks)) {
		fmt.Fprintf(out, "\n%s: %s: %s\n", title, name, cell(remarks[name]))
	}
}

// cell keeps a text inside its table cell.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s)
}
