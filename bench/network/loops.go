package network

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"sync"

	"github.com/metalio/metalio/bench/internal/run"
)

// example is the echo server of the examples, which can have several loops.
const example = "echo-example"

// loops is the row about one loop for each processor.
func loops() run.Row {
	row := run.Row{
		Name: "loops", Title: "One address, several loops (SO_REUSEPORT)", Section: "Growth",
		Note: "`examples/echo -loops N`, with a generator of 64 connections for each loop; nothing is pinned. " +
			"The generators need as much processor time as the server, so on a machine with N processors " +
			"throughput can rise up to N/2 loops; that CPU per message stays the same shows that the " +
			"loops do not get in each other's way.",
		Metrics: []run.Metric{rate, cpu, p99},
	}
	for n := 1; n <= max(4, runtime.NumCPU()); n *= 2 {
		row.Contenders = append(row.Contenders, run.Contender{
			Name: fmt.Sprintf("loops-%d", n), Needs: []string{example, generator}, Run: measureLoops(n),
		})
	}
	row.Reference = row.Contenders[0].Name
	return row
}

func measureLoops(n int) func(context.Context, run.Round) (run.Values, error) {
	s := server{program: example, args: []string{"-listen", "127.0.0.1:{port}", "-loops", strconv.Itoa(n)}, place: run.Anywhere}
	l := load{conns: 64, sleep: true}
	return func(ctx context.Context, r run.Round) (run.Values, error) {
		p, err := s.start(r, l)
		if err != nil {
			return nil, err
		}
		defer p.stop()
		parts, errs := make([]run.Values, n), make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { parts[i], errs[i] = run.Measure(ctx, r, p.generator(r, l)...) })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return nil, err
			}
		}
		return together(parts), nil
	}
}

// together adds up what several generators have seen at the same time. Each has
// divided the whole processor time by its own messages.
func together(parts []run.Values) run.Values {
	sum := run.Values{"rate": 0, "p99": 0}
	perNanosecond := 0.0
	for _, v := range parts {
		sum["rate"] += v["rate"]
		sum["p99"] = math.Max(sum["p99"], v["p99"])
		perNanosecond += 1 / v["cpu"]
	}
	sum["cpu"] = 1 / perNanosecond
	return sum
}
