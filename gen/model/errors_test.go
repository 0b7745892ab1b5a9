package model_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalio/metalio/gen/model"
)

func TestSuggest(t *testing.T) {
	known := []string{"go", "len", "fields", "uint32_t", "uint64_t", "struct epoll_event"}
	for word, want := range map[string]string{
		"feilds":            "fields",             // neighbours swapped
		"Fields":            "fields",             // another case
		"unit64_t":          "uint64_t",           // the nearer of two
		"struct epol_event": "struct epoll_event", // one letter short
		"length":            "len",                // spelled out
		"gone":              "go",
		"kqueue":            "",
		"":                  "",
	} {
		if want != "" {
			want = fmt.Sprintf("; did you mean %q?", want)
		}
		if got := model.Suggest(word, known); got != want {
			t.Errorf("Suggest(%q) = %q, want %q", word, got, want)
		}
	}
	if got := model.Suggest("trap", nil); got != "" {
		t.Errorf("with nothing known Suggest gives %q", got)
	}
}

func TestErrorsInOrder(t *testing.T) {
	var errs model.Errors
	if errs.Err() != nil {
		t.Error("no errors give an error")
	}
	at := func(file string, line, col int) model.Pos { return model.Pos{File: file, Line: line, Col: col} }
	errs.Add(at("b.yaml", 1, 1), "last")
	errs.Add(at("a.yaml", 10, 1), "third")
	errs.Add(at("a.yaml", 9, 7), "second")
	errs.Add(at("a.yaml", 9, 2), "first").Expected("order")
	errs.Add(at("a.yaml", 9, 7), "second")
	const want = "a.yaml:9:2: first\n    expected order\na.yaml:9:7: second\na.yaml:10:1: third\nb.yaml:1:1: last"
	if got := errs.Err().Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestErrorsAreCapped(t *testing.T) {
	var errs model.Errors
	for i := range 14 {
		errs.Add(model.Pos{File: "a.yaml", Line: i + 1, Col: 1}, "fault")
	}
	text := errs.Err().Error()
	if n := strings.Count(text, "fault"); n != 10 || !strings.HasSuffix(text, "and 4 more") {
		t.Errorf("%d of 14 faults shown:\n%s", n, text)
	}
}

// TestCaret puts the caret under the named character, whatever stands before
// it: a tab stays a tab, and a character of several bytes is one column.
func TestCaret(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.yaml")
	if err := os.WriteFile(name, []byte("first\n\té = x\n\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for pos, want := range map[model.Pos]string{
		{File: name, Line: 2, Col: 6}:  name + ":2:6: fault\n    \té = x\n    \t    ^",
		{File: name, Line: 2, Col: 99}: name + ":2:99: fault\n    \té = x\n    \t     ^",
		{File: name, Line: 3, Col: 1}:  name + ":3:1: fault",
		{File: name, Line: 9, Col: 1}:  name + ":9:1: fault",
		{File: name}:                   name + ": fault",
	} {
		if got := model.Errorf(pos, "fault").Error(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}
