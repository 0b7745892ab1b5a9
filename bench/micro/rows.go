// Package micro has the rows that need no network: single calls, wake-ups,
// timers, messages and pipes.
package micro

import (
	"github.com/metalio/metalio/bench/internal/build"
	"github.com/metalio/metalio/bench/internal/report"
	"github.com/metalio/metalio/bench/internal/run"
)

// Programs returns what the rows run.
func Programs() []build.Program { return nil }

// Rows returns the rows in the order of the page.
func Rows() []run.Row { return nil }

// Bars and Lines return the charts of the rows.
func Bars() []report.Bars { return nil }

func Lines() []report.Lines { return nil }
