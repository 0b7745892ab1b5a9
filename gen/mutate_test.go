package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/metalio/metalio/gen/check"
	"github.com/metalio/metalio/gen/emit"
	"github.com/metalio/metalio/gen/load"
	"github.com/metalio/metalio/gen/model"
)

// TestMutatedSpecs makes one mistake after another in the project's specs, as a
// hand or a merge might. The generator may accept one, a changed number for
// example: then a platform must still be rendered, which fails where the result
// is no Go. Else it must name a place that exists and say what was expected.
func TestMutatedSpecs(t *testing.T) {
	const seed, mistakes = 1, 120
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "specs"))); err != nil {
		t.Fatal(err)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*.yaml"))
	shared, _ := filepath.Glob(filepath.Join(dir, "base", "*.yaml"))
	names = append(names, shared...)
	kinds := slices.Sorted(maps.Keys(mutations))
	refused := 0
	for n := range mistakes {
		name := names[random.IntN(len(names))]
		kind := kinds[n%len(kinds)]
		old, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(strings.ReplaceAll(string(old), "\r\n", "\n"), "\n")
		i := random.IntN(len(lines))
		mistake := fmt.Sprintf("%s in line %d of %s", kind, i+1, filepath.Base(name))
		lines[i] = mutations[kind](lines[i], random)
		text := strings.Join(lines, "")
		if text == string(old) {
			continue
		}
		write(t, name, text)
		if err := loadCheckEmit(dir, random); err != nil {
			refused++
			if fault := unhelpful(err); fault != "" {
				t.Errorf("%s: %s: %v", mistake, fault, err)
			}
		}
		write(t, name, string(old))
	}
	if refused < mistakes/3 {
		t.Errorf("%d of %d mistakes were refused", refused, mistakes)
	}
}

// loadCheckEmit renders one of the platforms of dir: all of them take too long.
func loadCheckEmit(dir string, random *rand.Rand) error {
	platforms, err := load.Dir(dir)
	if err != nil {
		return err
	}
	if err := check.All(platforms); err != nil {
		return err
	}
	_, err = emit.Go(platforms[random.IntN(len(platforms))])
	return err
}

// mutations turn a line, its end included, into a wrong one.
var mutations = map[string]func(line string, random *rand.Rand) string{
	"a line twice":       func(line string, _ *rand.Rand) string { return line + line },
	"a line gone":        func(string, *rand.Rand) string { return "" },
	"a tab in front":     func(line string, _ *rand.Rand) string { return "\t" + strings.TrimLeft(line, " ") },
	"a space in front":   func(line string, _ *rand.Rand) string { return " " + line },
	"a space less":       func(line string, _ *rand.Rand) string { return strings.TrimPrefix(line, " ") },
	"a character gone":   func(line string, r *rand.Rand) string { return splice(line, r, 1, "") },
	"a character more":   func(line string, r *rand.Rand) string { return splice(line, r, 0, string(rune('a'+r.IntN(26)))) },
	"punctuation":        func(line string, r *rand.Rand) string { return splice(line, r, 0, pick(r, "\"'{}[]:,#&*!|>%@`?-")) },
	"no character":       func(line string, r *rand.Rand) string { return splice(line, r, 0, "\xff") },
	"a control":          func(line string, r *rand.Rand) string { return splice(line, r, 0, "\x00") },
	"a line cut short":   func(line string, r *rand.Rand) string { return splice(line, r, len(line), "\n") },
	"a key without more": func(line string, _ *rand.Rand) string { key, _, _ := strings.Cut(line, ":"); return key + ":\n" },
	"a huge number":      number("99999999999999999999999"),
	"a negative number":  number("-1"),
	"an octal number":    number("010"),
	"a fraction":         number("1.5"),
	"a number in quotes": number(`"7"`),
	"a keyword":          word("func"),
	"a word of Go":       word("syscall"),
	"an alias":           word("*x"),
}

// splice replaces n bytes at a random place of line, but not its end.
func splice(line string, r *rand.Rand, n int, by string) string {
	body := strings.TrimSuffix(line, "\n")
	at := r.IntN(len(body) + 1)
	return body[:at] + by + body[min(len(body), at+n):] + line[len(body):]
}

func pick(r *rand.Rand, from string) string { return string(from[r.IntN(len(from))]) }

func number(by string) func(string, *rand.Rand) string {
	return replace(by, func(c rune) bool { return c < '0' || c > '9' })
}

func word(by string) func(string, *rand.Rand) string {
	return replace(by, func(c rune) bool { return c != '_' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') })
}

// replace puts by in the place of one of the parts of a line that lie between
// what between reports.
func replace(by string, between func(rune) bool) func(string, *rand.Rand) string {
	return func(line string, r *rand.Rand) string {
		parts := strings.FieldsFunc(line, between)
		if len(parts) == 0 || strings.HasPrefix(strings.TrimSpace(line), "#") {
			return line
		}
		return strings.Replace(line, parts[r.IntN(len(parts))], by, 1)
	}
}

// unhelpful says what a message about a bad spec lacks.
func unhelpful(err error) string {
	list, ok := errors.AsType[model.Errors](err)
	if !ok {
		return "an error without a place"
	}
	for _, e := range list {
		src, err := os.ReadFile(e.File)
		lines := bytes.Split(src, []byte("\n"))
		if err != nil || e.Line < 1 || e.Line > len(lines) || e.Col < 1 || e.Col > len(lines[e.Line-1])+1 {
			return "a place that is not there"
		}
		if e.Hint == "" {
			return "nothing about what was expected"
		}
	}
	return ""
}
