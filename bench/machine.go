package main

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/metalio/metalio/bench/internal/report"
)

// machine says where and with what this runs.
func machine() []report.Fact {
	facts := []report.Fact{
		{Name: "goos", Value: runtime.GOOS},
		{Name: "goarch", Value: runtime.GOARCH},
		{Name: "cpu", Value: cpuModel()},
		{Name: "processors", Value: firstLine("nproc")},
		{Name: "threads of core 0", Value: fileLine("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list")},
		{Name: "kernel", Value: firstLine("uname", "-sr")},
		{Name: "virtual machine", Value: firstLine("systemd-detect-virt", "--vm")},
		{Name: "commit", Value: firstLine("git", "describe", "--always", "--dirty")},
		{Name: "day", Value: time.Now().UTC().Format("2006-01-02 15:04 UTC")},
		{Name: "Go", Value: runtime.Version()},
		{Name: "C", Value: firstLine("gcc", "--version")},
		{Name: "Rust", Value: firstLine("rustc", "--version")},
	}
	for _, pkg := range []string{"librust-mio-dev", "libuv1-dev", "libev-dev", "haproxy"} {
		facts = append(facts, report.Fact{Name: pkg, Value: firstLine("dpkg-query", "-W", "-f", "${Version}", pkg)})
	}
	for _, module := range []string{"github.com/panjf2000/gnet/v2", "github.com/cloudwego/netpoll", "github.com/tidwall/evio", "golang.org/x/sys"} {
		facts = append(facts, report.Fact{Name: module, Value: firstLine("go", "list", "-m", "-f", "{{.Version}}", module)})
	}
	return known(facts)
}

// known drops the facts that this machine does not tell.
func known(facts []report.Fact) (left []report.Fact) {
	for _, f := range facts {
		if f.Value != "" {
			left = append(left, f)
		}
	}
	return left
}

func firstLine(command string, args ...string) string {
	out, _ := exec.Command(command, args...).Output()
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}

func fileLine(path string) string {
	b, _ := os.ReadFile(path)
	return strings.TrimSpace(string(b))
}

func cpuModel() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
