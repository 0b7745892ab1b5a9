// Package network has the rows about servers on TCP: echo throughput, latency,
// processor time and memory.
package network

import (
	"fmt"
	"slices"
	"time"

	"github.com/metalio/metalio/bench/internal/build"
	"github.com/metalio/metalio/bench/internal/report"
	"github.com/metalio/metalio/bench/internal/run"
)

// Programs returns what the rows run.
func Programs() []build.Program {
	programs := []build.Program{
		build.C(generator, "peers/c/loadgen.c", nil),
		build.C("echo-epoll", "peers/c/echo_epoll.c", nil),
		build.C("echo-libuv", "peers/c/echo_libuv.c", []string{"-luv"}, "libuv1-dev"),
		build.C("echo-libev", "peers/c/echo_libev.c", []string{"-lev"}, "libev-dev"),
		build.Cargo("echo-mio", "peers/mio", "librust-mio-dev"),
	}
	for _, name := range []string{"std", "gnet", "netpoll", "evio", "xsys", "metalio"} {
		programs = append(programs, build.Go("echo-"+name, "./peers/go/"+name))
	}
	return append(programs, build.Go(example, "github.com/metalio/metalio/examples/echo"))
}

func epoll(name, mode string) server {
	return server{name: name, program: "echo-epoll", args: []string{"{port}", mode}}
}

func library(name string) server {
	return server{name: name, program: "echo-" + name, args: []string{"{port}"}}
}

// goServer is a Go server with Go's default settings.
func goServer(name string, args ...string) server {
	return server{
		name: name, program: "echo-" + name, place: run.NotWithTheLoad,
		args: append([]string{"-port", "{port}", "-buffer", "{buffer}"}, args...),
	}
}

// onOneCore is a Go server pinned to one core, so that Go takes GOMAXPROCS=1.
func onOneCore(s server) server {
	s.name += "-1"
	s.place = run.OneCore
	return s
}

func metalio(policy string) server {
	s := goServer("metalio", "-wait", policy)
	if policy != "auto" {
		s.name += "-" + policy
	}
	return s
}

// The servers, in the order of the tables.
var (
	c       = []server{epoll("C", "block"), epoll("C-2-threads", "block-threads"), epoll("C-spin", "spin")}
	foreign = []server{library("mio"), library("libuv"), library("libev")}
	ours    = []server{metalio("auto"), onOneCore(metalio("auto")), metalio("block"), metalio("park"), metalio("spin")}
	golang  = both("std", "gnet", "netpoll", "evio", "xsys")
	all     = slices.Concat(c, ours, foreign, golang)
)

// both is each server with default settings, and on one core.
func both(names ...string) (servers []server) {
	for _, name := range names {
		s := goServer(name)
		servers = append(servers, s, onOneCore(s))
	}
	return servers
}

// libraries are the Go ones to be compared with, at their best.
var libraries = []string{"std", "std-1", "gnet", "gnet-1", "netpoll", "netpoll-1", "evio", "evio-1"}

func contenders(servers []server, l load) (list []run.Contender) {
	for _, s := range servers {
		list = append(list, s.contender(l))
	}
	return list
}

// freed lets servers run anywhere.
func freed(servers []server) []server {
	for i := range servers {
		servers[i].place = run.Anywhere
	}
	return servers
}

func pick(names ...string) (servers []server) {
	for _, name := range names {
		i := slices.IndexFunc(all, func(s server) bool { return s.name == name })
		servers = append(servers, all[i])
	}
	return servers
}

// The figures of the load generator.
var (
	rate     = run.Metric{Name: "rate", Title: "messages", Unit: "msgs/s", Better: run.More}
	cpu      = run.Metric{Name: "cpu", Title: "CPU per message", Unit: "ns"}
	p50      = run.Metric{Name: "p50", Unit: "ns"}
	p99      = run.Metric{Name: "p99", Unit: "ns"}
	p999     = run.Metric{Name: "p999", Title: "p99.9", Unit: "ns"}
	over9ms  = run.Metric{Name: "over9ms", Title: "above 9 ms", Unit: "%"}
	switches = run.Metric{Name: "switches", Title: "context switches per message"}
	idle     = run.Metric{Name: "idle", Title: "vain polls of the generator", Unit: "%", Better: run.Plain}
	rss      = run.Metric{Name: "rss", Title: "RSS", Unit: "B"}
	start    = run.Metric{Name: "start", Title: "RSS without connections", Unit: "B"}
	grown    = run.Metric{Name: "grown", Title: "RSS per connection", Unit: "B"}
)

// Rows returns the rows in the order of the page.
func Rows() []run.Row {
	return slices.Concat(throughput(), []run.Row{pingPong(), wakeUp(), saturation(), fixedLoad(), memory(), loops()}, growth())
}

// echo is a row of throughput.
func echo(name, title string, l load) run.Row {
	l.scan = true
	return run.Row{
		Name: "echo/" + name, Title: "Echo: " + title, Section: "Echo throughput",
		Reference: "C", Metrics: []run.Metric{rate, cpu, p99, idle}, Contenders: contenders(all, l),
		Targets: []run.Target{
			{Metric: "rate", Who: "metalio", Against: []string{"C-2-threads"}, Bound: 0.98, Text: "aim 1.00"},
			{Metric: "rate", Who: "metalio", Against: libraries, Bound: 1.15},
		},
	}
}

func throughput() []run.Row {
	n := many()
	rows := []run.Row{
		echo("64x1", "64 connections", load{conns: 64}),
		echo("1000x1", "1,000 connections", load{conns: 1000}),
		echo("mostly-idle", fmt.Sprintf("%d connections, 100 of them active", n), load{conns: n, active: 100}),
		echo("64x16", "64 connections, 16 messages under way on each", load{conns: 64, window: 16}),
		echo("16x64k", "16 connections, messages of 64 KiB", load{conns: 16, size: 64 << 10}),
	}
	rows[0].Headline = true
	rows[0].Note = "What bounds it: nearly all of a message's processor time is the kernel's TCP (`perf`: about 95 % of " +
		"metalio's, 96 % of C's), so that systems with the same number of system calls for a message cannot be far apart."
	rows[4].Note = "What bounds it: copying, in the kernel, which is the same for all that read and write a message at once. " +
		"No system can be far ahead of another, or of C."
	return rows
}

func pingPong() run.Row {
	servers := append([]server{epoll("C-spin-2-threads", "spin-threads")}, all...)
	return run.Row{
		Name: "pingpong", Title: "Ping-pong on one connection", Section: "Latency",
		Note: "One message at a time: the next is sent when the last has come back. C-spin-2-threads pays, " +
			"for each call, what every Go program pays for having more than one thread. What bounds the processor time: " +
			"a server that looks on instead of sleeping is busy for the whole of the round trip, as C-spin is; " +
			"what it gains is two thirds of the latency.",
		Reference: "C", Metrics: []run.Metric{p50, p99, cpu, switches}, Contenders: contenders(servers, load{conns: 1}),
		Targets: []run.Target{
			{Metric: "p50", Who: "metalio", Against: []string{"C"}, Bound: 0.40},
			{Metric: "p99", Who: "metalio", Against: []string{"C"}, Bound: 0.40},
			{Metric: "cpu", Who: "metalio", Against: []string{"C"}, Bound: 1.05},
			{Metric: "p50", Who: "metalio", Against: []string{"C-spin"}, Bound: 1.02},
		},
		Headline: true,
	}
}

func wakeUp() run.Row {
	servers := slices.DeleteFunc(slices.Clone(all), func(s server) bool { return s.name == "C-2-threads" })
	return run.Row{
		Name: "wakeup", Title: "One message every 500 µs", Section: "Latency",
		Note: "The server has nothing to do most of the time: what does it cost to be woken? " +
			"Latency counts from when the message was due.",
		Reference: "C", Metrics: []run.Metric{cpu, p50, p99, switches},
		Contenders: contenders(servers, load{conns: 1, rate: 2000}), Length: 1.5,
		Targets: []run.Target{
			{Metric: "cpu", Who: "metalio", Against: []string{"C"}, Bound: 1.15},
			{Metric: "p99", Who: "metalio", Against: []string{"C"}, Bound: 1.05},
		},
	}
}

func saturation() run.Row {
	return run.Row{
		Name: "saturated", Title: "5,000 messages/s while two goroutines of the server compute", Section: "Latency",
		Note: "Two goroutines that never wait keep both processors busy. The generator sleeps between " +
			"messages and has a higher priority where it may, and latency counts from when a message was due.",
		Reference: "std", Metrics: []run.Metric{p999, over9ms, p50, p99},
		Contenders: contenders(freed(pick("std", "metalio", "metalio-block", "metalio-park", "gnet")), load{conns: 16, rate: 5000, busy: 2, sleep: true}),
		Length:     3,
		Targets: []run.Target{
			{Metric: "p999", Who: "metalio", Against: []string{"std"}, Bound: 1.00},
		},
	}
}

func fixedLoad() run.Row {
	servers := slices.DeleteFunc(slices.Clone(all), func(s server) bool { return s.name == "C-spin" || s.name == "metalio-spin" })
	return run.Row{
		Name: "fixed", Title: "50,000 messages/s on 64 connections", Section: "Processor time",
		Note:      "A load that none of the servers is too slow for. Latency counts from when a message was due.",
		Reference: "C", Metrics: []run.Metric{cpu, p50, p99, switches},
		Contenders: contenders(servers, load{conns: 64, rate: 50000}),
		Targets: []run.Target{
			{Metric: "cpu", Who: "metalio", Against: []string{"C"}, Bound: 1.05},
		},
	}
}

func memory() run.Row {
	n := many()
	return run.Row{
		Name: "memory", Title: fmt.Sprintf("Memory of a server with %d idle connections", n), Section: "Memory",
		Note: "Each connection has had a message. RSS is that of the process, its code included; " +
			"what the kernel keeps for a socket, some kilobytes, is the same for all and not in it. " +
			"A Go program is bound by its runtime and code, which are more, before the first connection, " +
			"than all that C needs; and C's own state is 32 bytes for each connection, where metalio keeps its table " +
			"of registrations and the program its connections.",
		Reference: "C", Metrics: []run.Metric{rss, start, grown}, Rounds: 2,
		Contenders: contenders(pick("C", "mio", "libuv", "libev", "metalio", "std", "gnet", "netpoll", "evio", "xsys"),
			load{conns: n, hold: 300 * time.Millisecond}),
		Targets: []run.Target{
			{Metric: "rss", Who: "metalio", Against: []string{"C"}, Bound: 1.50},
		},
	}
}

// growth is the same load among more and more idle connections.
func growth() (rows []run.Row) {
	for _, n := range sizes {
		rows = append(rows, run.Row{
			Name: fmt.Sprintf("growth/%d", n), Title: fmt.Sprintf("100 active connections of %d", n), Section: "Growth",
			Reference: "C", Metrics: []run.Metric{cpu, rate, p99},
			Contenders: contenders(pick("C", "metalio", "metalio-1", "std", "gnet"), load{conns: n, active: 100, scan: true}),
		})
	}
	return rows
}

// sizes rise tenfold, and end where the descriptors do.
var sizes = slices.Compact(slices.DeleteFunc([]int{100, 1000, 10000, min(limit(), 100000)}, func(n int) bool { return n > limit() }))

// Bars returns the charts of ratios.
func Bars() []report.Bars {
	names := make([]string, 0, len(all))
	for _, s := range all {
		names = append(names, s.name)
	}
	mine := make([]string, 0, len(ours))
	for _, s := range ours {
		mine = append(mine, s.name)
	}
	return []report.Bars{
		{
			Name: "echo", Title: "Echo throughput, relative to a C epoll loop", Contenders: names, Highlight: mine,
			Panels: []report.Panel{
				{Title: "64 connections", Row: "echo/64x1", Metric: "rate"},
				{Title: "1,000 connections", Row: "echo/1000x1", Metric: "rate"},
				{Title: "mostly idle", Row: "echo/mostly-idle", Metric: "rate"},
				{Title: "16 under way", Row: "echo/64x16", Metric: "rate"},
				{Title: "64 KiB", Row: "echo/16x64k", Metric: "rate"},
			},
		},
		{
			Name: "latency", Title: "Latency and processor time, relative to a C epoll loop that blocks", Contenders: names, Highlight: mine,
			Panels: []report.Panel{
				{Title: "ping-pong p50", Row: "pingpong", Metric: "p50"},
				{Title: "ping-pong p99", Row: "pingpong", Metric: "p99"},
				{Title: "ping-pong CPU", Row: "pingpong", Metric: "cpu"},
				{Title: "500 µs apart: CPU", Row: "wakeup", Metric: "cpu"},
				{Title: "50,000/s: CPU", Row: "fixed", Metric: "cpu"},
			},
		},
		{
			Name: "memory", Title: "Memory with mostly idle connections, relative to a C epoll loop", Contenders: names, Highlight: mine,
			Panels: []report.Panel{{Title: "RSS", Row: "memory", Metric: "rss"}},
		},
	}
}

// Lines returns the charts of growth.
func Lines() []report.Lines {
	l := report.Lines{
		Name: "growth", Title: "Processor time per message as idle connections are added", X: "connections, 100 of them active",
		Contenders: []string{"C", "metalio", "metalio-1", "std", "gnet"}, Highlight: []string{"metalio"},
	}
	for _, n := range sizes {
		l.Points = append(l.Points, report.Point{X: float64(n), Row: fmt.Sprintf("growth/%d", n), Metric: "cpu"})
	}
	return []report.Lines{l}
}
