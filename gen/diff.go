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
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", from, to)
	edits := compareLines(lines(c.old), lines(c.want))
	for start := nextChange(edits, 0); start < len(edits); {
		end := endOfHunk(edits, start)
		writeHunk(&out, edits[max(0, start-context):end])
		start = nextChange(edits, end)
	}
	return out.String()
}

// lines splits text after each line's end.
func lines(text []byte) []string {
	if len(text) == 0 {
		return nil
	}
	return strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
}

// edit is one line of a diff: kept (' '), taken out ('-') or put in ('+').
// before and after count the lines of the two texts in front of it.
type edit struct {
	mark          byte
	line          string
	before, after int
}

// compareLines returns the fewest edits that turn a into b.
func compareLines(a, b []string) []edit {
	// common[i][j] is the length of the longest common subsequence of a[i:], b[j:].
	common := make([][]int32, len(a)+1)
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	var edits []edit
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			edits = append(edits, edit{' ', a[i], i, j})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			edits = append(edits, edit{'-', a[i], i, j})
			i++
		default:
			edits = append(edits, edit{'+', b[j], i, j})
			j++
		}
	}
	return edits
}

// nextChange returns the index of the first edit from start on that changes
// something, or len(edits).
func nextChange(edits []edit, start int) int {
	for start < len(edits) && edits[start].mark == ' ' {
		start++
	}
	return start
}

// endOfHunk returns where the hunk ends whose first change is at start: hunks
// whose contexts would touch are one.
func endOfHunk(edits []edit, start int) int {
	end := start
	for i := start; i < len(edits) && i-end <= 2*context; i++ {
		if edits[i].mark != ' ' {
			end = i
		}
	}
	return min(len(edits), end+1+context)
}

func writeHunk(out *strings.Builder, edits []edit) {
	var olds, news int
	for _, e := range edits {
		if e.mark != '+' {
			olds++
		}
		if e.mark != '-' {
			news++
		}
	}
	fmt.Fprintf(out, "@@ -%s +%s @@\n", span(edits[0].before, olds), span(edits[0].after, news))
	for _, e := range edits {
		out.WriteByte(e.mark)
		out.WriteString(strings.TrimSuffix(e.line, "\n"))
		out.WriteByte('\n')
	}
}

// span writes count lines after the first n as the head of a hunk does.
func span(n, count int) string {
	if count == 0 {
		return fmt.Sprintf("%d,0", n)
	}
	return fmt.Sprintf("%d,%d", n+1, count)
}
