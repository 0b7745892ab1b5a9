package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/metalio/metalio/bench/internal/run"
	"github.com/metalio/metalio/bench/internal/stat"
)

// Bars is a chart of ratios to the reference: one line for each contender, one
// column for each panel, with the range from the worst to the best round.
type Bars struct {
	Name       string // of the file, without .svg
	Title      string
	Panels     []Panel
	Contenders []string // from top to bottom; one that has no samples is left out
	Highlight  []string // ours
}

// Panel is one column: a metric of a row.
type Panel struct{ Title, Row, Metric string }

// Lines is a chart of how a cost grows: the median of each contender at each
// point, divided by that of the reference at the first point.
type Lines struct {
	Name       string
	Title      string
	X          string // what grows
	Points     []Point
	Contenders []string
	Highlight  []string
}

// Point is where on the logarithmic axis a metric of a row stands.
type Point struct {
	X           float64
	Row, Metric string
}

// style makes a chart readable on a light and on a dark page: it has its own
// background, and follows the reader's colour scheme.
const style = `<style>
.bg { fill: #ffffff } text { fill: #1f2328; font: 12px system-ui, -apple-system, "Segoe UI", sans-serif }
.title { font-size: 15px; font-weight: 600 } .small { font-size: 11px; fill: #59636e } .end { text-anchor: end } .mid { text-anchor: middle }
.bar { fill: #9aa4af } .ours { fill: #0a7d55 } .our { font-weight: 600 }
.one { stroke: #cf222e; stroke-dasharray: 3 3 } .axis { stroke: #d1d9e0 } .range { stroke: #1f2328; stroke-opacity: .65 }
.line { fill: none; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
.bg { fill: #0d1117 } text { fill: #e6edf3 } .small { fill: #9198a1 }
.bar { fill: #57606a } .ours { fill: #2ea97d } .one { stroke: #ff7b72 } .axis { stroke: #3d444d } .range { stroke: #e6edf3 }
}
</style>
`

const (
	margin   = 16
	labels   = 150 // width of the contenders' names
	panel    = 170 // width of a panel
	gap      = 34  // between panels: room for a number
	lineHigh = 20
	longest  = 4 // ratio at which a bar is cut off
	headHigh = 82
)

// canvas collects the elements of a chart.
type canvas struct{ strings.Builder }

func (c *canvas) add(format string, args ...any) { fmt.Fprintf(&c.Builder, format+"\n", args...) }

func (c *canvas) text(class string, x, y float64, s string) {
	c.add(`<text class="%s" x="%.1f" y="%.1f">%s</text>`, class, x, y, escape(s))
}

func (c *canvas) line(class string, x1, y1, x2, y2 float64) {
	c.add(`<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, class, x1, y1, x2, y2)
}

func (c *canvas) rect(class string, x, y, width, height float64) {
	c.add(`<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2"/>`, class, x, y, width, height)
}

func (c *canvas) write(w io.Writer, width, height float64, title string) error {
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" role="img">
<title>%s</title>
%s<rect class="bg" width="100%%" height="100%%" rx="6"/>
<text class="title" x="%d" y="28">%s</text>
%s</svg>
`, width, height, width, height, escape(title), style, margin, escape(title), c.String())
	return err
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

// find returns the result of a row.
func find(results []run.Result, row string) *run.Result {
	i := slices.IndexFunc(results, func(r run.Result) bool { return r.Name == row })
	if i < 0 {
		return nil
	}
	return &results[i]
}

// Write draws the chart. It reports false, and writes nothing, if no panel has
// anything to show.
func (b *Bars) Write(w io.Writer, results []run.Result) (bool, error) {
	columns := b.columns(results)
	if len(columns) == 0 {
		return false, nil
	}
	shown := slices.DeleteFunc(slices.Clone(b.Contenders), func(name string) bool {
		return !slices.ContainsFunc(columns, func(c column) bool { _, ok := c.ratios[name]; return ok })
	})
	c := &canvas{}
	for i, name := range shown {
		y := float64(headHigh + i*lineHigh)
		c.text("end"+ours(b.Highlight, name, " our"), margin+labels-8, y+14, name)
	}
	for i, col := range columns {
		x := float64(margin + labels + i*(panel+gap))
		col.draw(c, x, shown, b.Highlight)
	}
	width := float64(2*margin + labels + len(columns)*(panel+gap))
	height := float64(headHigh + len(shown)*lineHigh + margin)
	return true, c.write(w, width, height, b.Title)
}

// column is a panel with its data.
type column struct {
	title, subtitle string
	ratios          map[string]stat.Ratio
	most            float64 // right end of the axis
}

func (b *Bars) columns(results []run.Result) (columns []column) {
	for _, p := range b.Panels {
		r := find(results, p.Row)
		if r == nil {
			continue
		}
		m, ok := r.Metric(p.Metric)
		if !ok {
			continue
		}
		col := column{title: p.Title, subtitle: hint(m.Better), ratios: map[string]stat.Ratio{}, most: 1.1}
		for _, name := range b.Contenders {
			if q, ok := stat.Paired(r.Series(name, m.Name), r.Series(r.Reference, m.Name)); ok {
				col.ratios[name] = q
				col.most = min(max(col.most, q.Median*1.02), longest)
			}
		}
		if len(col.ratios) > 0 {
			columns = append(columns, col)
		}
	}
	return columns
}

func hint(b run.Better) string {
	switch b {
	case run.More:
		return "longer is better"
	case run.Less:
		return "shorter is better"
	}
	return ""
}

func (col *column) draw(c *canvas, x float64, shown, highlight []string) {
	scale := panel / col.most
	c.text("", x, headHigh-22, col.title)
	c.text("small", x, headHigh-8, col.subtitle)
	bottom := float64(headHigh + len(shown)*lineHigh)
	c.line("axis", x, headHigh-2, x, bottom)
	for i, name := range shown {
		q, ok := col.ratios[name]
		y := float64(headHigh + i*lineHigh)
		if !ok {
			c.text("small", x+4, y+14, "–")
			continue
		}
		length := min(q.Median, col.most) * scale
		c.rect("bar"+ours(highlight, name, " ours"), x, y+3, length, lineHigh-6)
		low, high := x+min(q.Min, col.most)*scale, x+min(q.Max, col.most)*scale
		c.line("range", low, y+lineHigh/2, high, y+lineHigh/2)
		c.text("small"+ours(highlight, name, " our"), max(x+length, high)+4, y+14, ratio(q.Median))
	}
	c.line("one", x+scale, headHigh-2, x+scale, bottom)
}

func ours(highlight []string, name, class string) string {
	if slices.Contains(highlight, name) {
		return class
	}
	return ""
}

// hues keep apart on light and dark backgrounds.
var hues = []string{"#0a9d6a", "#d1762b", "#7d6be0", "#c5428f", "#3f8fd2", "#9a8f1c", "#8a8f98", "#b5553f", "#2f9aa0", "#6f7f3a"}

const (
	plotWide = 480
	plotHigh = 260
)

// Write draws the chart; see [Bars.Write].
func (l *Lines) Write(w io.Writer, results []run.Result) (bool, error) {
	curves, most := l.curves(results)
	if len(curves) == 0 {
		return false, nil
	}
	c := &canvas{}
	left, top := float64(margin+40), float64(headHigh)
	first, last := l.Points[0].X, l.Points[len(l.Points)-1].X
	xOf := func(v float64) float64 {
		if first == last {
			return left
		}
		return left + plotWide*math.Log(v/first)/math.Log(last/first)
	}
	yOf := func(v float64) float64 { return top + plotHigh*(1-v/most) }
	for i := range 5 {
		v := most * float64(i) / 4
		c.line("axis", left, yOf(v), left+plotWide, yOf(v))
		c.text("small end", left-6, yOf(v)+4, ratio(v))
	}
	for _, p := range l.Points {
		c.text("small mid", xOf(p.X), top+plotHigh+16, digits(p.X))
	}
	c.text("small mid", left+plotWide/2, top+plotHigh+34, l.X)
	c.text("small", margin, headHigh-24, "cost, in units of the first reference value")
	for i, k := range curves {
		k.draw(c, hues[i%len(hues)], l.thickness(k.name), xOf, yOf)
		y := top + 8 + float64(i*18)
		c.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="3"/>`, left+plotWide+20, y, left+plotWide+38, y, hues[i%len(hues)])
		c.text("small"+ours(l.Highlight, k.name, " our"), left+plotWide+44, y+4, k.name)
	}
	return true, c.write(w, left+plotWide+20+labels, top+plotHigh+50, l.Title)
}

type curve struct {
	name string
	xs   []float64
	ys   []float64
}

func (l *Lines) thickness(name string) float64 {
	if slices.Contains(l.Highlight, name) {
		return 3
	}
	return 1.5
}

func (k *curve) draw(c *canvas, hue string, thickness float64, xOf, yOf func(float64) float64) {
	var points []string
	for i := range k.xs {
		points = append(points, fmt.Sprintf("%.1f,%.1f", xOf(k.xs[i]), yOf(k.ys[i])))
	}
	c.add(`<polyline fill="none" stroke="%s" stroke-width="%.1f" points="%s"/>`, hue, thickness, strings.Join(points, " "))
}

// curves returns what there is to draw and the upper end of the axis.
func (l *Lines) curves(results []run.Result) (curves []curve, most float64) {
	unit := 0.0
	for _, p := range l.Points {
		if r := find(results, p.Row); r != nil {
			m, _ := r.Metric(p.Metric)
			if s, ok := summary(r, r.Reference, m); ok {
				unit = s.Median
				break
			}
		}
	}
	if unit <= 0 {
		return nil, 0
	}
	for _, name := range l.Contenders {
		k := curve{name: name}
		for _, p := range l.Points {
			r := find(results, p.Row)
			if r == nil {
				continue
			}
			m, _ := r.Metric(p.Metric)
			if s, ok := summary(r, name, m); ok {
				k.xs, k.ys = append(k.xs, p.X), append(k.ys, s.Median/unit)
				most = max(most, s.Median/unit)
			}
		}
		if len(k.xs) > 0 {
			curves = append(curves, k)
		}
	}
	return curves, most * 1.05
}
