package run

import (
	"fmt"
	"io"
	"time"
)

// progress writes one line for each round, bit by bit as contenders finish.
type progress struct {
	w             io.Writer
	start         time.Time
	finished, all int
	bol           bool // at the beginning of a line
	reference     float64
	firstMetric   string
}

func newProgress(rows []Row, opt Options) *progress {
	p := &progress{w: opt.Progress, start: time.Now(), bol: true}
	for i := range rows {
		p.all += rows[i].rounds(opt) * len(rows[i].Contenders)
	}
	return p
}

func (p *progress) round(r *Result, n int) {
	p.endLine()
	p.firstMetric = r.Metrics[0].Name
	p.reference = 0
	fmt.Fprintf(p.w, "%3d%% %s  %s %d/%d (%s):", 100*p.finished/max(p.all, 1),
		time.Since(p.start).Round(time.Second), r.Name, n+1, r.Rounds, r.Metrics[0].Heading())
	p.bol = false
}

func (p *progress) done(r *Result, contender string, values Values) {
	p.finished++
	defer func() {
		if p.finished == p.all {
			p.endLine()
		}
	}()
	if values == nil {
		return
	}
	v := values[p.firstMetric]
	if contender == r.Reference {
		p.reference = v
	}
	if p.reference > 0 {
		fmt.Fprintf(p.w, "  %s %.2f", contender, v/p.reference)
	} else {
		fmt.Fprintf(p.w, "  %s %.4g", contender, v)
	}
	p.bol = false
}

func (p *progress) failed(contender string, err error) {
	p.endLine()
	fmt.Fprintf(p.w, "  %s FAILED: %v\n", contender, err)
}

func (p *progress) endLine() {
	if !p.bol {
		fmt.Fprintln(p.w)
		p.bol = true
	}
}
