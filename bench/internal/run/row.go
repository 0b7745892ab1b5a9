// Package run measures rows of a table: the same work done by several systems,
// in turn, round after round.
//
// A row is data. A package that has rows exports a function that returns them,
// and one that returns the programs they need (package build).
package run

import (
	"context"
	"path/filepath"
	"time"
)

// Row is one kind of work.
type Row struct {
	// Name is what -row selects, file names and the raw data use: words of
	// letters, digits and "-", separated by "/", as in "echo/64x1".
	Name string
	// Title is one line for a person.
	Title string
	// Section is the heading under which the row is reported.
	Section string
	// Note says how to read the row, or what bounds it: Markdown.
	Note string

	// Reference is the contender to which the ratios are.
	Reference  string
	Metrics    []Metric
	Contenders []Contender
	Targets    []Target

	// Length is how many times the usual length a measurement lasts. Zero
	// is 1.
	Length float64
	// Rounds is the number of rounds if fewer than usual are enough, as for
	// memory, which does not scatter.
	Rounds int
	// Headline rows are those of the quick run.
	Headline bool
}

// Metric is one figure of a row.
type Metric struct {
	Name   string // key in Values: "rate", "p99"
	Title  string // heading of its column; Name if empty
	Unit   string // "msgs/s", "ns", "B"; empty for a bare number
	Better Better
}

// Heading is what stands above the metric's column.
func (m Metric) Heading() string {
	if m.Title != "" {
		return m.Title
	}
	return m.Name
}

// Better says which of two values of a metric is the better one.
type Better uint8

const (
	Less Better = iota // times, costs
	More               // rates
	// Plain values are reported and not judged.
	Plain
)

// Target is a ratio to reach: that of Who to the best of Against, at most
// Bound, or at least Bound if more is better. Without Against the value of Who
// itself is judged, as for a number of system calls.
type Target struct {
	Metric  string
	Who     string
	Against []string
	Bound   float64
	// Text says the aim in words where Bound does not say it all.
	Text string
}

// Values are the metrics of one round, by name.
type Values map[string]float64

// Round is what a contender is told about the round it runs.
type Round struct {
	Number int           // from 0
	Length time.Duration // how long to measure
	Bin    string        // folder of the programs
	Cores  Cores
}

// Program returns the path of a program that package build has built.
func (r Round) Program(name string) string { return filepath.Join(r.Bin, name) }

// Cores says where the measured system runs, and where what drives it.
type Cores struct{ System, Driver int }

// Contender is one system at one kind of work.
type Contender struct {
	Name string
	// Needs names the programs without which it is left out.
	Needs []string
	// Run does one round. A missing metric is a failure of the round, unless
	// it is NaN. It must verify what it measures.
	Run func(context.Context, Round) (Values, error)
}
