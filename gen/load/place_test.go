package load

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/metalio/metalio/gen/model"
)

// TestPlaces proves that every key and scalar of the project's specs is placed
// where its text stands.
func TestPlaces(t *testing.T) {
	names, _ := filepath.Glob("../../specs/*.yaml")
	shared, _ := filepath.Glob("../../specs/base/*.yaml")
	names = append(names, shared...)
	if len(names) == 0 {
		t.Fatal("no specs found")
	}
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var errs model.Errors
		root := parse(name, src, &errs)
		if err := errs.Err(); err != nil {
			t.Fatal(err)
		}
		wrong := misplaced(root, strings.Split(string(src), "\n"))
		if len(wrong) > 0 {
			t.Errorf("%s: %d misplaced, such as %s", name, len(wrong), wrong[0])
		}
	}
}

func misplaced(n *node, lines []string) []string {
	var wrong []string
	verify := func(pos model.Pos, text string) {
		line := []rune(lines[pos.Line-1])
		rest := ""
		if pos.Col <= len(line) {
			rest = strings.TrimLeft(string(line[pos.Col-1:]), `"'`)
		}
		if !strings.HasPrefix(rest, strings.SplitN(text, "\n", 2)[0]) && !strings.HasPrefix(rest, "|") && !strings.HasPrefix(rest, ">") {
			wrong = append(wrong, pos.String()+": want "+text+", there is "+rest)
		}
	}
	switch n.kind {
	case mapping:
		for _, e := range n.entries {
			verify(e.pos, e.key)
			wrong = append(wrong, misplaced(e.value, lines)...)
		}
	case list:
		verify(n.pos, "[")
		for _, item := range n.items {
			wrong = append(wrong, misplaced(item, lines)...)
		}
	default:
		verify(n.pos, n.text)
	}
	return wrong
}

// TestPorts compares the platforms that a file's name may be made of with those
// of the Go toolchain.
func TestPorts(t *testing.T) {
	out, err := exec.Command("go", "tool", "dist", "list").Output()
	if err != nil {
		t.Skipf("go tool dist list: %v", err)
	}
	var ours []string
	for _, goos := range slices.Sorted(maps.Keys(ports)) {
		for _, goarch := range ports[goos] {
			ours = append(ours, goos+"/"+goarch)
		}
	}
	theirs := strings.Fields(string(out))
	slices.Sort(theirs)
	slices.Sort(ours)
	if !slices.Equal(ours, theirs) {
		t.Errorf("ports %v\nGo has %v", ours, theirs)
	}
}
