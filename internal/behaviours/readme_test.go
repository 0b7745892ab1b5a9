package behaviours

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table in the README anew")

// TestREADME fails when the README's table is not the one of this package;
// -update writes it.
func TestREADME(t *testing.T) {
	const begin, end = "<!-- behaviours: from internal/behaviours -->\n", "<!-- behaviours: end -->\n"
	path := filepath.Join("..", "..", "README.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// A checkout on Windows may have given it other line ends.
	before, rest, found := strings.Cut(strings.ReplaceAll(string(page), "\r\n", "\n"), begin)
	table, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("README.md has no lines %q and %q", begin, end)
	}
	want := "\n" + Markdown() + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != want {
		t.Errorf("the table in README.md is stale; go test ./internal/behaviours -update writes it anew. It is\n%swant\n%s", table, want)
	}
}
