package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// readme returns the page that a stranger reads first.
func readme(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(page), "\r\n", "\n")
}

// blocks returns the blocks of code in one language.
func blocks(page, language string) []string {
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
		found = append(found, m[1])
	}
	return found
}

// TestReadmePrograms runs the program as it stands there, and vets the handler.
func TestReadmePrograms(t *testing.T) {
	programs := blocks(readme(t), "go")
	if len(programs) != 2 {
		t.Fatalf("%d blocks of Go", len(programs))
	}
	want := regexp.MustCompile(`(?m)fmt\.Println\(.*\) // (.*)$`).FindStringSubmatch(programs[0])
	if want == nil {
		t.Fatal("the first program does not say what it prints")
	}
	file := filepath.Join(t.TempDir(), "main.go")
	write(t, file, programs[0])
	if got := strings.TrimSpace(goTool(t, "run", file)); got != want[1] {
		t.Errorf("the first program prints %q, and says %q", got, want[1])
	}
	const head = `package main

import (
	"github.com/metalio/metalio/reactor"
	"github.com/metalio/metalio/slab"
	"github.com/metalio/metalio/sockets"
)

var _ reactor.Handler[struct{}] = (*echo)(nil)

func main() {}

`
	write(t, file, head+programs[1])
	goTool(t, "vet", file)
}

// goTool runs the go command in the module's root.
func goTool(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestReadmeNames looks for every file, folder and target of make that the pages
// for readers name.
func TestReadmeNames(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join("..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"README.md", "specs/README.md", "bench/README.md"} {
		src, err := os.ReadFile(filepath.Join("..", page))
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join("..", filepath.Dir(page))
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(string(src), -1) {
			if _, err := os.Stat(filepath.Join(folder, m[1])); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
		}
		for _, m := range regexp.MustCompile(`(?:go run|cd|`+"`"+`)\s*(?:\./)?((?:examples|gen|bench|specs|internal|testdata|reactor|sockets|timers|msgq|signals|slab)(?:/[A-Za-z0-9_.-]+)+)`).FindAllStringSubmatch(string(src), -1) {
			if _, err := os.Stat(filepath.Join("..", m[1])); err != nil && !isPlatform(m[1]) {
				t.Errorf("%s names %s: %v", page, m[1], err)
			}
		}
		for _, m := range regexp.MustCompile("[`\n]make ([a-z0-9-]+)").FindAllStringSubmatch(string(src), -1) {
			if !regexp.MustCompile("(?m)^" + m[1] + ":").Match(makefile) {
				t.Errorf("%s names make %s, which is no target", page, m[1])
			}
		}
	}
}

// isPlatform reports whether name is that of a spec that a page shows how to add.
func isPlatform(name string) bool { return name == "specs/linux_loong64.yaml" }
