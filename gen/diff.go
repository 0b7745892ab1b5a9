package main

import (
	"fmt"
	"strings"
)

// context is how many unchanged lines a diff shows around a change.
const context = 3

// diff returns the change as a unified diff, from the file to what it should be.
func (c change) diff() string {
	from, to := "a/"+c.name, "b/"+c.name
	if c.old == nil {
		from = "/dev/null"
	}
	if c.want == nil {
		to = "/dev/null"
	}
	return fmt.Sprintf("--- %s\n+++ %s\n%s", from, to, hunk(lines(c.old), lines(c.want)))
}

// lines splits text after each line's end.
func lines(text []byte) []string {
	if len(text) == 0 {
		return nil
	}
	return strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
}

// hunk shows all differences between two texts as one piece: from the first
// line that differs to the last. Generated files are regenerated, not patched,
// so the shortest edit is not worth its algorithm.
func hunk(a, b []string) string {
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	end := 0
	for end < len(a)-start && end < len(b)-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	first := max(0, start-context)
	tail := max(0, end-context)
	var out strings.Builder
	fmt.Fprintf(&out, "@@ -%s +%s @@\n", span(first, len(a)-tail), span(first, len(b)-tail))
	print := func(mark string, lines []string) {
		for _, l := range lines {
			out.WriteString(mark + strings.TrimSuffix(l, "\n") + "\n")
		}
	}
	print(" ", a[first:start])
	print("-", a[start:len(a)-end])
	print("+", b[start:len(b)-end])
	print(" ", a[len(a)-end:len(a)-tail])
	return out.String()
}

// span writes the lines from first up to end as a hunk's head does.
func span(first, end int) string {
	if end == first {
		return fmt.Sprintf("%d,0", first)
	}
	return fmt.Sprintf("%d,%d", first+1, end-first)
}
