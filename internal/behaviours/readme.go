package behaviours

import (
	"fmt"
	"slices"
	"strings"
)

var titles = map[Backend]string{
	Linux:     "linux/amd64",
	QEMU:      "linux/arm64 (QEMU)",
	Wine:      "windows/amd64 (Wine)",
	KqueueSim: "kqueue (simulated)",
	Windows:   "Windows",
	Darwin:    "macOS",
	FreeBSD:   "FreeBSD",
}

// runByTheSuite are the backends of the columns in Markdown.
var runByTheSuite = []Backend{Linux, QEMU, Wine, KqueueSim}

// Markdown returns the table for the README: a count for each group on each
// backend that the suite runs, and every exception with its reason.
func Markdown() string {
	var s strings.Builder
	s.WriteString("|")
	for _, on := range runByTheSuite {
		s.WriteString(" | " + titles[on])
	}
	s.WriteString(" |\n|---" + strings.Repeat("|---", len(runByTheSuite)) + "|\n")
	for i, g := range Table {
		s.WriteString("| " + g.Name)
		for _, on := range runByTheSuite {
			fmt.Fprintf(&s, " | %v", Counts(on)[i])
		}
		s.WriteString(" |\n")
	}
	s.WriteString("\nThe exceptions:\n\n")
	for _, e := range reasons() {
		fmt.Fprintf(&s, "- %s: `%s`. %s.\n", e.where, strings.Join(e.names, "`, `"), e.why)
	}
	return s.String()
}

// reason is an exception with all the behaviours that it excepts.
type reason struct {
	where, why string
	names      []string
}

func reasons() []reason {
	var all []reason
	for _, g := range Table {
		for _, b := range g.Behaviours {
			for _, e := range b.Except {
				where := join(e.On)
				i := slices.IndexFunc(all, func(r reason) bool { return r.where == where && r.why == e.Why })
				if i < 0 {
					i = len(all)
					all = append(all, reason{where: where, why: e.Why})
				}
				all[i].names = append(all[i].names, b.Name)
			}
		}
	}
	return all
}

func join(backends []Backend) string {
	var s []string
	for _, on := range backends {
		s = append(s, titles[on])
	}
	return strings.Join(s, ", ")
}
