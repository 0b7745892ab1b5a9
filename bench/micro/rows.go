// Package micro has the rows that need no load generator: single calls, pipes,
// wake-ups, timers and messages. Each contender is a program that measures
// itself; those in C are in c/, those in Go in the other folders.
package micro

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/metalio/metalio/bench/internal/build"
	"github.com/metalio/metalio/bench/internal/report"
	"github.com/metalio/metalio/bench/internal/run"
)

// Names of contenders that several rows have.
const (
	metalio     = "metalio"      // a Loop with the zero Config
	metalioPoll = "metalio-poll" // a Poll
	c           = "C"            // one thread
	cThreads    = "C-2-threads"  // one thread at work and one asleep
	xsys        = "x/sys"
	libuv       = "libuv"
	libev       = "libev"
	channel     = "channel"
)

// Programs returns what the rows run.
func Programs() []build.Program {
	return []build.Program{
		build.C("calls-c", "micro/c/calls.c", nil),
		build.C("pipes-epoll", "micro/c/pipes_epoll.c", nil),
		build.C("pipes-libev", "micro/c/pipes_ev.c", []string{"-lev"}, "libev-dev"),
		build.C("pipes-libuv", "micro/c/pipes_uv.c", []string{"-luv"}, "libuv1-dev"),
		build.C("wake-c", "micro/c/wake.c", nil),
		build.C("timer-libuv", "micro/c/timers_uv.c", []string{"-luv"}, "libuv1-dev"),
		build.C("messages-libuv", "micro/c/messages_uv.c", []string{"-luv"}, "libuv1-dev"),
		build.Go("calls", "./micro/calls"),
		build.Go("pipes", "./micro/pipes"),
		build.Go("wake", "./micro/wake"),
		build.Go("timer", "./micro/timer"),
		build.Go("messages", "./micro/messages"),
	}
}

// Rows returns the rows in the order of the page.
func Rows() []run.Row {
	return slices.Concat([]run.Row{calls()}, pipes(), []run.Row{wake()}, timers(), messages())
}

// contender runs a program that pins itself.
func contender(name, program string, args ...string) run.Contender {
	return run.Contender{Name: name, Needs: []string{program}, Run: run.SelfPinned(program, args...)}
}

func nanoseconds(names ...string) (metrics []run.Metric) {
	for _, name := range names {
		metrics = append(metrics, run.Metric{Name: name, Unit: "ns"})
	}
	return metrics
}

func calls() run.Row {
	const (
		raw   = "metalio"
		aware = "metalio-aware"
		send  = "x/sys-send"
	)
	row := run.Row{
		Name:    "calls",
		Title:   "Single calls",
		Section: "Calls and pipes",
		Note: "One call at a time on one thread, in processor time. *C-2-threads* has a second thread that sleeps: " +
			"the kernel counts references to the shared table of descriptors then, for each call, as it does for every Go program. " +
			"metalio-aware tells Go's scheduler of each call, like x/sys; x/sys-send uses Send and Recvfrom where x/sys uses Write and Read. " +
			"Most of a send and a recv is the kernel's work, which bounds what a wrapper can save.",
		Reference: cThreads,
		Metrics:   nanoseconds("epoll_wait-0", "epoll_wait-1", "epoll_ctl-mod", "recv-eagain", "send+recv-unix", "send+recv-tcp"),
		Contenders: []run.Contender{
			contender(cThreads, "calls-c", "-threads", "2"),
			contender(c, "calls-c"),
			contender(raw, "calls", "-form", "raw"),
			contender(aware, "calls", "-form", "aware"),
			contender(xsys, "calls", "-form", "xsys"),
			contender(send, "calls", "-form", "xsys-send"),
		},
		Headline: true,
	}
	for _, m := range row.Metrics {
		row.Targets = append(row.Targets, run.Target{Metric: m.Name, Who: raw, Against: []string{cThreads}, Bound: 1.05})
		bound := 0.85
		if m.Name == "epoll_ctl-mod" {
			bound = 1.02 // x/sys does not tell the scheduler of it either
		}
		row.Targets = append(row.Targets, run.Target{Metric: m.Name, Who: raw, Against: []string{xsys, send}, Bound: bound})
	}
	return row
}

// pipeCounts are the numbers of pipes.
var pipeCounts = []int{100, 1000, 9000}

func pipesName(n int) string { return fmt.Sprintf("pipes/%d", n) }

func pipes() (rows []run.Row) {
	for _, n := range pipeCounts {
		with := func(name, program string, args ...string) run.Contender {
			return contender(name, program, append(args, "-pipes", strconv.Itoa(n))...)
		}
		rows = append(rows, run.Row{
			Name:    pipesName(n),
			Title:   fmt.Sprintf("%d pipes, 100 active", n),
			Section: "Calls and pipes",
			Note: "The benchmark of libevent's authors: 100 bytes are passed from pipe to pipe, 1,000 times in all. " +
				"*event* is the time for each byte, *register* the time to take a pipe out of the loop and to put it in again. " +
				"libev postpones that until it next waits, and finds that nothing has changed.",
			Reference: cThreads,
			Metrics:   nanoseconds("event", "register"),
			Contenders: []run.Contender{
				with(cThreads, "pipes-epoll", "-threads", "2"),
				with(c, "pipes-epoll"),
				with(metalioPoll, "pipes", "-on", "poll"),
				with(metalio, "pipes", "-on", "loop"),
				with(libev, "pipes-libev"),
				with(libuv, "pipes-libuv"),
				with(xsys, "pipes", "-on", "xsys"),
			},
			Targets: []run.Target{
				{Metric: "event", Who: metalioPoll, Against: []string{cThreads}, Bound: 1.05},
				{Metric: "event", Who: metalio, Against: []string{cThreads}, Bound: 1.05},
			},
			Headline: n == 1000,
		})
	}
	return rows
}

func wake() run.Row {
	const (
		pinned = "C-two-cores"
		free   = "C-unpinned"
		park   = "metalio-park"
		block  = "metalio-block"
	)
	return run.Row{
		Name:    "roundtrip",
		Title:   "To a sleeping loop and back",
		Section: "Wake-ups and messages",
		Note: "A goroutine sends a message to a loop, which answers through a channel. In C two threads wake each other through eventfds; " +
			"netpoll has no way to send a message, so an eventfd stands for it. *tight*: one round trip after the other, and *cpu* the processor time of each. " +
			"metalio, gnet and netpoll do not get to sleep then: they yield, after a message or after they have polled again, which lets the goroutine run. " +
			"The channel is what two goroutines need that do nothing else. " +
			"*asleep*: the goroutine computes for 200 µs before each, so that Go's other threads sleep as well and the first has to wake one; " +
			"the channel shows what that costs.",
		Reference: pinned,
		Metrics: []run.Metric{
			{Name: "tight", Unit: "ns"},
			{Name: "cpu", Unit: "ns"},
			{Name: "asleep", Unit: "ns"},
			{Name: "asleep-p99", Title: "asleep, p99", Unit: "ns"},
		},
		Contenders: []run.Contender{
			contender(pinned, "wake-c", "-pinned", "1"),
			contender(free, "wake-c", "-pinned", "0"),
			contender(metalio, "wake", "-to", "loop"),
			contender(park, "wake", "-to", "loop", "-wait", "park"),
			contender(block, "wake", "-to", "loop", "-wait", "block"),
			contender("gnet", "wake", "-to", "gnet"),
			contender("netpoll", "wake", "-to", "netpoll"),
			contender(channel, "wake", "-to", "channel"),
		},
		Targets: []run.Target{
			{Metric: "tight", Who: metalio, Against: []string{pinned}, Bound: 0.05},
			{Metric: "tight", Who: metalio, Against: []string{"gnet", "netpoll"}, Bound: 0.5},
			{Metric: "tight", Who: park, Against: []string{"gnet", "netpoll"}, Bound: 0.5},
		},
		Headline: true,
	}
}

// timerCounts are the numbers of timers.
var timerCounts = []int{1000, 10_000, 100_000, 1_000_000}

func timersName(n int) string { return fmt.Sprintf("timers/%d", n) }

// The contenders of the timers.
const (
	wheel     = "metalio-wheel"
	heap4     = "4-ary-heap"
	goRuntime = "Go-runtime"
)

func timers() (rows []run.Row) {
	for _, n := range timerCounts {
		with := func(name, program string, args ...string) run.Contender {
			return contender(name, program, append(args, "-timers", strconv.Itoa(n))...)
		}
		row := run.Row{
			Name:    timersName(n),
			Title:   fmt.Sprintf("%d timers", n),
			Section: "Timers",
			Note: "Deadlines are spread at random over a minute. Timers are started for the first time in the order of memory (*insert*), " +
				"and reset, cancelled and started *again* in random order, the same for all, as the timers of connections are after long use. " +
				"Processor time of the process for each timer. *metalio-wheel* is package timers, *metalio* a Loop with it, which reads the clock each time, as the runtime does. " +
				"These two expire timers in real time, so theirs lie closer together in *expire*. libuv's millisecond is a coarser promise than metalio's exact deadline.",
			Reference: libuv,
			Metrics:   nanoseconds("insert", "reset", "cancel", "again", "expire"),
			Contenders: []run.Contender{
				with(libuv, "timer-libuv"),
				with(wheel, "timer", "-on", "wheel"),
				with(metalio, "timer", "-on", "loop"),
				with(heap4, "timer", "-on", "heap4"),
				with(goRuntime, "timer", "-on", "runtime"),
			},
			Headline: n == 10_000,
		}
		if n == 1_000_000 {
			row.Targets = append(row.Targets,
				run.Target{Metric: "insert", Who: wheel, Against: []string{libuv}, Bound: 0.15},
				run.Target{Metric: "reset", Who: wheel, Against: []string{libuv}, Bound: 0.30},
				run.Target{Metric: "cancel", Who: wheel, Against: []string{libuv}, Bound: 0.08},
				run.Target{Metric: "expire", Who: wheel, Against: []string{libuv}, Bound: 0.15},
			)
		}
		if n == 10_000 || n == 1_000_000 {
			row.Targets = append(row.Targets, belowRuntime(row.Metrics)...)
		}
		rows = append(rows, row)
	}
	return rows
}

func belowRuntime(metrics []run.Metric) (targets []run.Target) {
	for _, m := range metrics {
		for _, who := range []string{wheel, metalio} {
			targets = append(targets, run.Target{Metric: m.Name, Who: who, Against: []string{goRuntime}, Bound: 1})
		}
	}
	return targets
}

// producerCounts are the numbers of producers in a flood.
var producerCounts = []int{1, 2, 4}

func floodName(producers int) string { return fmt.Sprintf("messages/flood-%d", producers) }

// spin is a Loop that never sleeps; with own, each goroutine sends through a
// Producer of its own.
const (
	spin    = "metalio-spin"
	own     = "metalio-producer"
	spinOwn = "metalio-spin-producer"
)

func messages() (rows []run.Row) {
	for _, n := range producerCounts {
		with := func(name, program string, args ...string) run.Contender {
			return contender(name, program, append(args, "-producers", strconv.Itoa(n))...)
		}
		// With one producer the aim is higher than the channel.
		bound := 1.0
		if n == 1 {
			bound = 2.5
		}
		rows = append(rows, run.Row{
			Name:    floodName(n),
			Title:   fmt.Sprintf("Messages from %s as fast as they can", count(n, "producer")),
			Section: "Wake-ups and messages",
			Note: "64-bit messages to one consumer, with room for 4,096. metalio sleeps whenever it has nothing to do, metalio-spin never does. " +
				"Both are sent to through a Sender, which any number of goroutines may share; with -producer each goroutine has a Producer of its own. " +
				"What bounds it: the two atomic steps of a mutex are two thirds of the time for a message of a Sender; a Producer takes one, and a channel four. " +
				"A consumer that never sleeps takes the memory, and from Senders the lock, away from those who send again and again, which costs all of them more than the rest. " +
				"libuv's consumer is a queue under a mutex whose halves are swapped, with uv_async_send. *wakes* are for a million messages; each is a system call, " +
				"unless a parked Loop is woken.",
			Reference: channel,
			Metrics: []run.Metric{
				{Name: "rate", Unit: "msgs/s", Better: run.More},
				{Name: "cpu", Title: "CPU per message", Unit: "ns"},
				{Name: "wakes"},
			},
			Contenders: []run.Contender{
				with(channel, "messages", "-to", "channel"),
				with(metalio, "messages", "-to", "loop"),
				with(own, "messages", "-to", "loop", "-own"),
				with(spin, "messages", "-to", "loop", "-wait", "spin"),
				with(spinOwn, "messages", "-to", "loop", "-wait", "spin", "-own"),
				with(libuv, "messages-libuv"),
			},
			Targets: []run.Target{
				{Metric: "rate", Who: metalio, Against: []string{channel}, Bound: bound},
				{Metric: "rate", Who: own, Against: []string{channel}, Bound: bound},
				{Metric: "rate", Who: spin, Against: []string{channel}, Bound: bound},
				{Metric: "rate", Who: spinOwn, Against: []string{channel}, Bound: bound},
				{Metric: "wakes", Who: spin, Bound: 0, Text: "no system call while awake"},
			},
			Headline: n == 1,
		})
	}
	return append(rows, burst())
}

func count(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func burst() run.Row {
	with := func(name, program string, args ...string) run.Contender {
		return contender(name, program, append(args, "-burst", "64")...)
	}
	return run.Row{
		Name:    "messages/burst",
		Title:   "Bursts of 64 messages to a sleeping consumer",
		Section: "Wake-ups and messages",
		Note: "A goroutine computes for 200 µs, sends 64 messages, and waits until all have been handled. " +
			"A consumer that is faster than the producer, and goes back to sleep at once, has to be woken again within the burst.",
		Reference: channel,
		Metrics: []run.Metric{
			{Name: "burst", Unit: "ns"},
			{Name: "wakes", Title: "wakes for each burst"},
		},
		Contenders: []run.Contender{
			with(channel, "messages", "-to", "channel"),
			with(metalio, "messages", "-to", "loop"),
			with("metalio-block", "messages", "-to", "loop", "-wait", "block"),
			with(spin, "messages", "-to", "loop", "-wait", "spin"),
			with(libuv, "messages-libuv"),
		},
		Targets: []run.Target{
			{Metric: "wakes", Who: metalio, Bound: 1.05, Text: "one for each burst"},
			{Metric: "wakes", Who: spin, Bound: 0, Text: "none while awake"},
		},
	}
}

// Bars returns the charts of ratios.
func Bars() []report.Bars {
	return []report.Bars{
		{
			Name:  "calls",
			Title: "Single calls, time against C with a second thread",
			Panels: []report.Panel{
				{Title: "epoll_wait, nothing ready", Row: "calls", Metric: "epoll_wait-0"},
				{Title: "epoll_wait, one ready", Row: "calls", Metric: "epoll_wait-1"},
				{Title: "epoll_ctl", Row: "calls", Metric: "epoll_ctl-mod"},
				{Title: "send and recv, Unix", Row: "calls", Metric: "send+recv-unix"},
			},
			Contenders: []string{metalio, "metalio-aware", cThreads, c, xsys, "x/sys-send"},
			Highlight:  []string{metalio},
		},
		{
			Name:  "timers",
			Title: "A million timers, time against libuv",
			Panels: []report.Panel{
				{Title: "insert", Row: timersName(1_000_000), Metric: "insert"},
				{Title: "reset", Row: timersName(1_000_000), Metric: "reset"},
				{Title: "cancel", Row: timersName(1_000_000), Metric: "cancel"},
				{Title: "expire", Row: timersName(1_000_000), Metric: "expire"},
			},
			Contenders: []string{wheel, metalio, heap4, libuv, goRuntime},
			Highlight:  []string{wheel, metalio},
		},
		{
			Name:  "messages",
			Title: "Messages in a second, against a buffered channel",
			Panels: []report.Panel{
				{Title: "1 producer", Row: floodName(1), Metric: "rate"},
				{Title: "2 producers", Row: floodName(2), Metric: "rate"},
				{Title: "4 producers", Row: floodName(4), Metric: "rate"},
			},
			Contenders: []string{own, metalio, spinOwn, spin, channel, libuv},
			Highlight:  []string{own, metalio, spinOwn, spin},
		},
	}
}

// Lines returns the charts of how costs grow.
func Lines() []report.Lines {
	pipeLine := report.Lines{
		Name: "pipes", Title: "A byte passed on, as the pipes grow in number", X: "pipes, 100 of them active",
		Contenders: []string{metalio, metalioPoll, cThreads, libev, libuv, xsys},
		Highlight:  []string{metalio, metalioPoll},
	}
	for _, n := range pipeCounts {
		pipeLine.Points = append(pipeLine.Points, report.Point{X: float64(n), Row: pipesName(n), Metric: "event"})
	}
	lines := []report.Lines{pipeLine}
	for _, m := range []string{"reset", "expire"} {
		l := report.Lines{
			Name: "timers-" + m, Title: "Timers as they grow in number: " + m, X: "timers pending",
			Contenders: []string{wheel, metalio, heap4, libuv, goRuntime},
			Highlight:  []string{wheel, metalio},
		}
		for _, n := range timerCounts {
			l.Points = append(l.Points, report.Point{X: float64(n), Row: timersName(n), Metric: m})
		}
		lines = append(lines, l)
	}
	return lines
}
