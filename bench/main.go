// Bench measures metalio and others side by side and writes RESULTS.md, charts/
// and raw/ beside it, and the figures into the README above. README.md here says
// how to read them and how to add to them.
//
//	make bench          # everything, about 25 minutes
//	make bench-quick    # the headline rows, in two minutes
//
// It runs on Linux, in this folder, on a machine that does nothing else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/metalio/metalio/bench/internal/build"
	"github.com/metalio/metalio/bench/internal/report"
	"github.com/metalio/metalio/bench/internal/run"
	"github.com/metalio/metalio/bench/micro"
	"github.com/metalio/metalio/bench/network"
	"github.com/metalio/metalio/bench/proxy"
)

// bin is the folder of the programs.
const bin = ".bin"

// settings are the flags.
type settings struct {
	quick  bool
	rows   string
	list   bool
	rounds int
	length time.Duration
	out    string
	cores  run.Cores
}

func main() {
	var s settings
	flag.BoolVar(&s.quick, "quick", false, "the headline rows only, with short rounds; prints the table and writes nothing unless -out is given")
	flag.StringVar(&s.rows, "row", "", "run only the rows whose names match this regular expression")
	flag.BoolVar(&s.list, "list", false, "list the rows and end")
	flag.IntVar(&s.rounds, "rounds", 0, "how often each contender has its turn (default 5, quick 3)")
	flag.DurationVar(&s.length, "length", 0, "how long one measurement lasts (default 600ms, quick 150ms)")
	flag.StringVar(&s.out, "out", "", "folder for RESULTS.md, charts and raw (default this one, unless -quick or -row)")
	flag.IntVar(&s.cores.System, "core", 0, "processor for the measured system")
	flag.IntVar(&s.cores.Driver, "driver", 1, "processor for the load generator")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := bench(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func allRows() []run.Row { return slices.Concat(network.Rows(), proxy.Rows(), micro.Rows()) }

func allPrograms() []build.Program {
	return slices.Concat(network.Programs(), proxy.Programs(), micro.Programs())
}

func allBars() []report.Bars { return slices.Concat(network.Bars(), proxy.Bars(), micro.Bars()) }

func allLines() []report.Lines { return slices.Concat(network.Lines(), micro.Lines()) }

func bench(ctx context.Context, s settings) error {
	rows, err := s.selected(allRows())
	if err != nil {
		return err
	}
	if s.list {
		for _, r := range rows {
			fmt.Printf("%-24s %s\n", r.Name, r.Title)
		}
		return nil
	}
	if runtime.NumCPU() < 2 {
		return errors.New("two processors are needed: one for what is measured, one for the load")
	}
	missing, err := build.All(ctx, needed(allPrograms(), rows), bin, os.Stdout)
	if err != nil {
		return err
	}
	opt := s.options()
	opt.Missing = missing
	results, err := run.Run(ctx, rows, opt)
	if err != nil {
		return err
	}
	if err := printVerdicts(os.Stdout, results); err != nil {
		return err
	}
	if s.out == "" {
		return nil
	}
	charts, err := writeAll(s.out, results, missing)
	if err != nil || s.out != "." {
		return err
	}
	return updateReadme("../README.md", results, readmeCharts(charts))
}

// selected applies -quick and -row, and settles where the output goes.
func (s *settings) selected(rows []run.Row) ([]run.Row, error) {
	pattern, err := regexp.Compile(s.rows)
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(r run.Row) bool {
		return !pattern.MatchString(r.Name) || s.quick && !r.Headline
	})
	if len(rows) == 0 && !s.list {
		return nil, fmt.Errorf("no row matches %q", s.rows)
	}
	if s.out == "" && !s.quick && s.rows == "" {
		s.out = "."
	}
	return rows, nil
}

func (s *settings) options() run.Options {
	opt := run.Options{Rounds: 5, Length: 600 * time.Millisecond, Bin: bin, Cores: s.cores, Progress: os.Stdout}
	if s.quick {
		opt.Rounds, opt.Length = 3, 150*time.Millisecond
	}
	if s.rounds > 0 {
		opt.Rounds = s.rounds
	}
	if s.length > 0 {
		opt.Length = s.length
	}
	return opt
}

// needed keeps the programs that the rows name.
func needed(programs []build.Program, rows []run.Row) []build.Program {
	names := map[string]bool{}
	for _, r := range rows {
		for _, c := range r.Contenders {
			for _, n := range c.Needs {
				names[n] = true
			}
		}
	}
	return slices.DeleteFunc(programs, func(p build.Program) bool { return !names[p.Name] })
}
