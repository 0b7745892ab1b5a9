package model

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Error is a fault in a spec: the place, what is wrong there, and what was
// expected instead. Error prints the offending line with a caret, which it
// reads from the file again: a spec that has no file prints without.
type Error struct {
	Pos
	Msg  string // one line, with a suggestion if there is one
	Hint string // what was expected; empty if Msg says it all
}

// Errorf returns an error at pos. Set Hint on the result to say what was
// expected.
func Errorf(pos Pos, format string, args ...any) *Error {
	return &Error{Pos: pos, Msg: fmt.Sprintf(format, args...)}
}

// Expected sets the hint and returns e.
func (e *Error) Expected(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.place(), e.Msg)
	if line, ok := sourceLine(e.Pos); ok {
		line, col := window(line, e.Col)
		fmt.Fprintf(&b, "\n    %s\n    %s^", line, indent(line, col-1))
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, "\n    expected %s", e.Hint)
	}
	return b.String()
}

// place leaves out a line and column of zero: the fault is the file itself.
func (e *Error) place() string {
	if e.Line == 0 {
		return e.File
	}
	return e.Pos.String()
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// Newlines returns text with all that YAML takes for the end of a line written
// as one newline: by this form the places in errors count.
func Newlines(text string) string { return lineEnds.Replace(text) }

// sourceLine returns the line that pos names, without its line ending, unless
// it is blank.
func sourceLine(pos Pos) (string, bool) {
	if pos.Line == 0 {
		return "", false
	}
	text, err := os.ReadFile(pos.File)
	if err != nil {
		return "", false
	}
	lines := strings.Split(Newlines(string(text)), "\n")
	if pos.Line > len(lines) {
		return "", false
	}
	line := lines[pos.Line-1]
	line = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return '\uFFFD' // what a terminal would obey
		}
		return r
	}, strings.ToValidUTF8(line, "\uFFFD"))
	return line, strings.TrimSpace(line) != ""
}

// widest is how much of a line a message shows.
const widest = 160

// window returns the part of a long line around the character col, with dots
// for what it leaves out, and the place of that character in it.
func window(line string, col int) (string, int) {
	runes := []rune(line)
	if len(runes) <= widest {
		return line, col
	}
	const dots = "..."
	start := max(0, min(col-1-widest/2, len(runes)-widest))
	end := start + widest
	part := string(runes[start:end])
	if end < len(runes) {
		part += dots
	}
	if start == 0 {
		return part, col
	}
	return dots + part, col - start + len(dots)
}

// indent returns white space as wide as the first n characters of line: tabs
// stay tabs, so that the caret stands under its character in any terminal.
func indent(line string, n int) string {
	var b strings.Builder
	for i, r := range []rune(line) {
		if i >= n {
			break
		}
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

// maxShown is how many errors Errors prints: the first few faults of a broken
// spec are the ones worth reading.
const maxShown = 10

// Errors is a list of faults. The zero value is empty and ready to use.
type Errors []*Error

// Add appends an error at pos and returns it, so that the caller can set its
// hint.
func (es *Errors) Add(pos Pos, format string, args ...any) *Error {
	e := Errorf(pos, format, args...)
	*es = append(*es, e)
	return e
}

// Err returns the errors in order of position without repetition, or nil if
// there are none.
func (es Errors) Err() error {
	if len(es) == 0 {
		return nil
	}
	sorted := slices.Clone(es)
	slices.SortStableFunc(sorted, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Msg, b.Msg))
	})
	return slices.CompactFunc(sorted, func(a, b *Error) bool { return *a == *b })
}

func (es Errors) Error() string {
	var parts []string
	for i, e := range es {
		if i == maxShown {
			parts = append(parts, fmt.Sprintf("and %d more", len(es)-maxShown))
			break
		}
		parts = append(parts, e.Error())
	}
	return strings.Join(parts, "\n")
}

// Suggest returns `; did you mean "x"?` for the word of known that is closest
// to word, or nothing if none is close.
func Suggest(word string, known []string) string {
	best, bestDistance := "", max(1, len(word)/3)+1
	for _, k := range known {
		if d := editDistance(strings.ToLower(word), strings.ToLower(k)); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	if best == "" {
		best = abbreviated(word, known)
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// abbreviated returns the longest word of known that word begins with, as "len"
// for "length".
func abbreviated(word string, known []string) string {
	best := ""
	for _, k := range known {
		if len(k) > max(1, len(best)) && strings.HasPrefix(word, k) {
			best = k
		}
	}
	return best
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b.
func editDistance(a, b string) int {
	older, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			replace := prev[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, prev[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], older[j-1]+1)
			}
		}
		older, prev, row = prev, row, older
	}
	return prev[len(b)]
}
