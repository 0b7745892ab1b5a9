// Package proxy has the rows about examples/proxy and HAProxy. Both sides of the
// proxy are one program, c/proxyload.c, on the other core.
package proxy

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/metalio/metalio/bench/internal/build"
	"github.com/metalio/metalio/bench/internal/report"
	"github.com/metalio/metalio/bench/internal/run"
)

const (
	generator = "proxyload"
	ours      = "proxy"
	haproxy   = "haproxy"
)

// Programs returns what the rows run.
func Programs() []build.Program {
	return []build.Program{
		build.C(generator, "proxy/c/proxyload.c", nil),
		build.Go(ours, "github.com/metalio/metalio/examples/proxy"),
		build.Installed(haproxy, "haproxy"),
	}
}

// proxy is a proxy as it is measured. command is what to run, without the
// program, to listen on one port and connect to the other; it may leave files
// in dir.
type proxy struct {
	name    string
	program string
	place   run.Place
	args    func(dir string, listen, to int) ([]string, error)
}

// proxies in the order of the tables. HAProxy is told to use one thread and has
// its defaults otherwise; "-splice" lets it and ours use splice(2).
var proxies = []proxy{
	{"haproxy", haproxy, run.OneCore, haproxyArgs("")},
	{"haproxy-splice", haproxy, run.OneCore, haproxyArgs("\toption splice-auto\n\toption splice-request\n\toption splice-response\n")},
	{"metalio", ours, run.NotWithTheLoad, metalioArgs()},
	{"metalio-splice", ours, run.NotWithTheLoad, metalioArgs("-splice")},
	{"metalio-1", ours, run.OneCore, metalioArgs()},
	{"metalio-1-splice", ours, run.OneCore, metalioArgs("-splice")},
}

func metalioArgs(more ...string) func(string, int, int) ([]string, error) {
	return func(_ string, listen, to int) ([]string, error) {
		return append([]string{"-listen", address(listen), "-to", address(to)}, more...), nil
	}
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// haproxyArgs gives it the same timeouts that ours has by default.
func haproxyArgs(defaults string) func(string, int, int) ([]string, error) {
	return func(dir string, listen, to int) ([]string, error) {
		file := dir + "/haproxy.cfg"
		config := fmt.Sprintf(`global
	nbthread 1
	maxconn 4000
defaults
	mode tcp
	maxconn 4000
	timeout connect 10s
	timeout client 10m
	timeout server 10m
%sfrontend in
	bind %s
	default_backend out
backend out
	server one %s
`, defaults, address(listen), address(to))
		return []string{"-db", "-q", "-f", file}, os.WriteFile(file, []byte(config), 0o600)
	}
}

// load is what the generator does.
type load struct {
	conns, active int
	size          int  // of a message, in bytes
	stream        bool // one way and without end, instead of messages
}

func (l load) args() []string {
	args := []string{"-conns", strconv.Itoa(l.conns), "-active", strconv.Itoa(l.active)}
	if l.stream {
		return append(args, "-stream", "1")
	}
	return append(args, "-size", strconv.Itoa(l.size))
}

func contenders(l load) (list []run.Contender) {
	for _, p := range proxies {
		list = append(list, run.Contender{
			Name:  p.name,
			Needs: []string{p.program, generator},
			Run:   func(ctx context.Context, r run.Round) (run.Values, error) { return p.measure(ctx, r, l) },
		})
	}
	return list
}

// measure starts the proxy, and the generator, which waits until it is ready.
func (p *proxy) measure(ctx context.Context, r run.Round, l load) (run.Values, error) {
	dir, err := os.MkdirTemp("", "proxy")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	ports, err := freePorts()
	if err != nil {
		return nil, err
	}
	args, err := p.args(dir, ports[0], ports[1])
	if err != nil {
		return nil, err
	}
	cmd := p.place.Command(r, r.Program(p.program), args...)
	complaints := &bytes.Buffer{}
	cmd.Stderr = complaints
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	values, err := run.Measure(ctx, r, run.Pinned(r.Cores.Driver, r.Program(generator), append(append(run.Duration(r), l.args()...),
		"-proxy", strconv.Itoa(ports[0]), "-server", strconv.Itoa(ports[1]), "-pid", strconv.Itoa(cmd.Process.Pid))...)...)
	cmd.Process.Kill()
	cmd.Wait()
	if err != nil {
		return nil, fmt.Errorf("%w; %s: %s", err, p.program, complaints)
	}
	return values, nil
}

// freePorts returns two ports that nobody has at the moment.
func freePorts() (ports [2]int, err error) {
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return ports, err
		}
		defer l.Close() // not before the other one is chosen
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

// The figures of the generator.
var (
	messages = run.Metric{Name: "rate", Title: "messages", Unit: "msgs/s", Better: run.More}
	bytesPer = run.Metric{Name: "rate", Title: "throughput", Unit: "B/s", Better: run.More}
	p50      = run.Metric{Name: "p50", Unit: "ns"}
	p99      = run.Metric{Name: "p99", Unit: "ns"}
	cpu      = run.Metric{Name: "cpu", Title: "CPU per message", Unit: "ns"}
	cpuKiB   = run.Metric{Name: "cpu", Title: "CPU per KiB", Unit: "ns"}
	idle     = run.Metric{Name: "idle", Title: "vain polls of the generator", Unit: "%", Better: run.Plain}
)

const note = "HAProxy in TCP mode with one thread, and `examples/proxy`. metalio is one goroutine with Go's defaults, metalio-1 is pinned to one core as HAProxy is. " +
	"Clients and server are one program on the other core; where it makes few vain polls, it is the limit, and processor time tells more than the rate."

// Rows returns the rows in the order of the page.
func Rows() []run.Row {
	return []run.Row{
		{
			Name: "proxy/1k", Title: "Proxy: messages of 1 KiB on 64 connections, 1,000 idle ones", Section: "Proxy", Note: note,
			Reference: haproxy, Metrics: []run.Metric{messages, p99, p50, cpu, idle},
			Contenders: contenders(load{conns: 1064, active: 64, size: 1 << 10}),
			Targets:    targets("metalio", "haproxy", "p99"),
			Headline:   true,
		},
		{
			Name: "proxy/64k", Title: "Proxy: messages of 64 KiB on 64 connections, 1,000 idle ones", Section: "Proxy", Note: note,
			Reference: haproxy, Metrics: []run.Metric{messages, p99, p50, cpu, idle},
			Contenders: contenders(load{conns: 1064, active: 64, size: 64 << 10}),
			Targets:    append(targets("metalio", "haproxy", "p99"), targets("metalio-splice", "haproxy-splice", "p99")...),
		},
		{
			Name: "proxy/stream", Title: "Proxy: 16 one-way streams, 1,000 idle connections", Section: "Proxy", Note: note,
			Reference: haproxy, Metrics: []run.Metric{bytesPer, cpuKiB, idle},
			Contenders: contenders(load{conns: 1016, active: 16, stream: true}),
			Targets:    append(targets("metalio", "haproxy"), targets("metalio-splice", "haproxy-splice")...),
		},
	}
}

// targets compares two proxies that work in the same way: no less throughput, and
// no more processor time and of the other metrics.
func targets(who, against string, others ...string) (list []run.Target) {
	for _, metric := range append([]string{"rate", "cpu"}, others...) {
		list = append(list, run.Target{Metric: metric, Who: who, Against: []string{against}, Bound: 1})
	}
	return list
}

// Bars returns the chart.
func Bars() []report.Bars {
	bars := report.Bars{
		Name:      "proxy",
		Title:     "Proxy, against HAProxy",
		Highlight: []string{"metalio", "metalio-splice"},
		Panels: []report.Panel{
			{Title: "1 KiB messages", Row: "proxy/1k", Metric: "rate"},
			{Title: "64 KiB messages", Row: "proxy/64k", Metric: "rate"},
			{Title: "streams", Row: "proxy/stream", Metric: "rate"},
			{Title: "streams, CPU per KiB", Row: "proxy/stream", Metric: "cpu"},
		},
	}
	for _, p := range proxies {
		bars.Contenders = append(bars.Contenders, p.name)
	}
	return []report.Bars{bars}
}
