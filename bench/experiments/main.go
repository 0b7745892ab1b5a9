// Experiments measures ideas that were tried, whether or not metalio has taken
// them. NOTES.md says what came of each.
//
//	go run ./experiments [-row NAME]    # in bench/, about two minutes
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/metalio/metalio/bench/internal/build"
	"github.com/metalio/metalio/bench/internal/report"
	"github.com/metalio/metalio/bench/internal/run"
)

func main() {
	pattern := flag.String("row", "", "run only the experiments whose names match this regular expression")
	rounds := flag.Int("rounds", 5, "how often each contender has its turn")
	length := flag.Duration("length", 500*time.Millisecond, "how long one measurement lasts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := experiment(ctx, *pattern, run.Options{
		Rounds: *rounds, Length: *length, Bin: ".bin", Cores: run.Cores{System: 0, Driver: 1}, Progress: os.Stderr,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "experiments:", err)
		os.Exit(1)
	}
}

func experiment(ctx context.Context, pattern string, opt run.Options) error {
	wanted, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	rows := slices.DeleteFunc(rows(), func(r run.Row) bool { return !wanted.MatchString(r.Name) })
	if opt.Missing, err = build.All(ctx, needed(rows), opt.Bin, opt.Progress); err != nil {
		return err
	}
	results, err := run.Run(ctx, rows, opt)
	if err != nil {
		return err
	}
	page := report.Page{Results: results}
	return page.Write(os.Stdout)
}

// sources tells how each program is made.
var sources = map[string]build.Program{
	"pipes-epoll":      build.C("pipes-epoll", "micro/c/pipes_epoll.c", nil),
	"pipes-uring-poll": build.C("pipes-uring-poll", "experiments/c/pipes_uring_poll.c", []string{"-luring"}, "liburing-dev"),
	"pipes-uring-io":   build.C("pipes-uring-io", "experiments/c/pipes_uring_io.c", []string{"-luring"}, "liburing-dev"),
	"busypoll":         build.C("busypoll", "experiments/c/busypoll.c", nil),
	"register":         build.C("register", "experiments/c/register.c", []string{"-luring"}, "liburing-dev"),
	"nested":           build.C("nested", "experiments/c/nested.c", nil),
	"sockets":          build.C("sockets", "experiments/c/sockets.c", nil),
	"yield":            build.Go("yield", "./experiments/yield"),
	"prices":           build.Go("prices", "./experiments/prices"),
}

func needed(rows []run.Row) (programs []build.Program) {
	names := map[string]bool{}
	for _, r := range rows {
		for _, c := range r.Contenders {
			for _, need := range c.Needs {
				if !names[need] {
					names[need] = true
					programs = append(programs, sources[need])
				}
			}
		}
	}
	return programs
}

// row is an experiment. Its first contender is the one to compare with.
func row(name, title string, metrics []string, contenders ...run.Contender) run.Row {
	r := run.Row{Name: name, Title: title, Reference: contenders[0].Name, Contenders: contenders, Section: "Experiments"}
	for _, m := range metrics {
		r.Metrics = append(r.Metrics, run.Metric{Name: m, Unit: "ns"})
	}
	return r
}

// with is a program and its arguments.
func with(name, program string, args ...string) run.Contender {
	return run.Contender{Name: name, Needs: []string{program}, Run: run.SelfPinned(program, args...)}
}

func rows() []run.Row {
	var rows []run.Row
	for _, n := range []int{100, 1000, 9000} {
		pipes := []string{"-pipes", strconv.Itoa(n)}
		rows = append(rows, row(fmt.Sprintf("uring/%d", n), fmt.Sprintf("io_uring in the place of epoll: %d pipes, 100 active", n),
			[]string{"event", "register"},
			with("epoll", "pipes-epoll", pipes...),
			with("uring-readiness", "pipes-uring-poll", pipes...),
			with("uring-reads-and-writes", "pipes-uring-io", pipes...)))
	}
	return append(rows,
		row("register", "512 registrations changed at once", []string{"add", "mod", "del"},
			with("epoll_ctl", "register", "-how", "0"),
			with("uring-batch", "register", "-how", "1")),
		row("busypoll", "Ping-pong over loopback TCP, spinning left to the kernel", []string{"p50", "p99", "cpu"},
			with("block", "busypoll", "-how", "0"),
			with("EPIOCSPARAMS", "busypoll", "-how", "1"),
			with("own-spin", "busypoll", "-how", "2")),
		row("nested", "An event in an epoll instance that others watch", []string{"event"},
			with("alone", "nested", "-levels", "0"),
			with("watched", "nested", "-levels", "1"),
			with("watched-twice", "nested", "-levels", "2")),
		row("sockets", "send and recv on sockets", []string{"pass", "nothing"},
			with("write+read", "sockets", "-how", "0"),
			with("send+recv", "sockets", "-how", "1")),
		yields(),
		row("prices", "What a Go loop may choose from", strings.Fields("Gosched Gosched-locked Now Since eventfd deadline-past deadline-future deadline-none"),
			with("Go", "prices")),
	)
}

// yields needs some time in each round: what goes wrong begins after 10 ms.
func yields() run.Row {
	var contenders []run.Contender
	for _, every := range []string{"5ms", "1ms", "9ms", "11ms", "20ms", "100ms"} {
		contenders = append(contenders, with("every-"+every, "yield", "-every", every))
	}
	return row("yield", "How often a loop passes through Go's scheduler", []string{"call", "cpu"}, append(contenders, with("never", "yield"))...)
}
