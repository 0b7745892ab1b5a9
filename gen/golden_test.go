package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestGolden renders a few small platforms and compares every file with the
// one under testdata/golden. After a wanted change, -update writes them anew.
func TestGolden(t *testing.T) {
	t.Chdir(filepath.Join("..", "testdata", "golden"))
	files, err := render("specs")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		t.Run(name, func(t *testing.T) { compareWithFile(t, name, files[name]) })
	}
	kept, err := filepath.Glob("zsys_*")
	if err != nil {
		t.Fatal(err)
	}
	if len(kept) != len(files) {
		t.Errorf("testdata/golden holds %d files, rendered %d", len(kept), len(files))
	}
}

// TestSameTwice renders the project's specs many times: map order or time
// would show as a difference.
func TestSameTwice(t *testing.T) {
	t.Chdir("..")
	first, err := render("specs")
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := render("specs")
		if err != nil {
			t.Fatal(err)
		}
		if !maps.EqualFunc(first, again, bytes.Equal) {
			t.Fatal("the same specs rendered differently")
		}
	}
}

// gen runs the command and returns its exit code and what it printed.
func gen(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(args, &out, &err)
	return code, out.String(), err.String()
}

const goldenSpecs = "../testdata/golden/specs"

// TestGenerate covers a first run, a second that changes nothing, and a third
// that mends what was changed, missing or left over.
func TestGenerate(t *testing.T) {
	out := t.TempDir()
	code, stdout, stderr := gen("-specs", goldenSpecs, "-out", out)
	if code != exitDone || strings.Count(stdout, "wrote ") != 5 {
		t.Fatalf("exit %d, printed %q and %q; want five files written", code, stdout, stderr)
	}
	before := stamps(t, out)
	if code, stdout, _ := gen("-specs", goldenSpecs, "-out", out); code != exitDone || stdout != "" {
		t.Errorf("a second run exits with %d and prints %q", code, stdout)
	}
	if !maps.Equal(before, stamps(t, out)) {
		t.Error("a second run touched files that were right")
	}

	orphan, handwritten := filepath.Join(out, "zsys_plan9_arm.go"), filepath.Join(out, "zsys_notes.go")
	write(t, orphan, header+"specs/plan9_arm.yaml; DO NOT EDIT.\npackage metalio\n")
	write(t, handwritten, "package metalio\n")
	write(t, filepath.Join(out, "zsys_linux_386.go"), "stale\n")
	if err := os.Remove(filepath.Join(out, "zsys_linux_amd64.go")); err != nil {
		t.Fatal(err)
	}
	code, stdout, _ = gen("-specs", goldenSpecs, "-out", out, "-check")
	if code != exitRefused {
		t.Errorf("-check exits with %d on three differences", code)
	}
	for _, want := range []string{"--- a/zsys_linux_386.go\n", "-stale\n", "--- /dev/null\n+++ b/zsys_linux_amd64.go\n", "--- a/zsys_plan9_arm.go\n+++ /dev/null\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("-check does not print %q", want)
		}
	}
	if strings.Contains(stdout, "zsys_notes.go") {
		t.Error("-check reports a file that was written by hand")
	}

	if code, _, stderr := gen("-specs", goldenSpecs, "-out", out); code != exitDone {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	if _, err := os.Stat(orphan); !os.IsNotExist(err) {
		t.Errorf("the orphan is still there (%v)", err)
	}
	if _, err := os.Stat(handwritten); err != nil {
		t.Errorf("the file written by hand is gone: %v", err)
	}
	if code, stdout, _ := gen("-specs", goldenSpecs, "-out", out, "-check"); code != exitDone {
		t.Errorf("-check exits with %d after generation:\n%s", code, stdout)
	}
}

// TestBadSpecLeavesOutput proves that no bad spec changes the output folder,
// not even when another platform of the same folder is good.
func TestBadSpecLeavesOutput(t *testing.T) {
	out := t.TempDir()
	write(t, filepath.Join(out, "zsys_linux_amd64.go"), header+"an earlier spec\npackage metalio\n")
	write(t, filepath.Join(out, "zsys_freebsd_amd64.go"), header+"a spec that is gone\npackage metalio\n")
	before := stamps(t, out)
	t.Chdir(filepath.Join("..", "testdata", "badspecs"))
	for _, name := range badSpecs(t) {
		code, stdout, stderr := gen("-specs", name, "-out", out)
		if code != exitRefused || stdout != "" || stderr == "" {
			t.Errorf("%s: exit %d, printed %q and %q", name, code, stdout, stderr)
		}
		if !maps.Equal(before, stamps(t, out)) {
			t.Fatalf("%s changed the output", name)
		}
	}
}

// TestAllOrNothing has one file among several that cannot be replaced: the others
// must stay as they were, and nothing may be left beside them.
func TestAllOrNothing(t *testing.T) {
	out := t.TempDir()
	if code, _, stderr := gen("-specs", goldenSpecs, "-out", out); code != exitDone {
		t.Fatal(stderr)
	}
	for _, name := range []string{"zsys_darwin_arm64.go", "zsys_linux_386.go", "zsys_windows_amd64.go"} {
		write(t, filepath.Join(out, name), "stale\n")
	}
	kept := filepath.Join(out, "zsys_windows_amd64.go")
	if err := os.Chmod(kept, 0o444); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(kept, 0o644) // Windows removes no file that is write-protected
	before := stamps(t, out)
	code, stdout, stderr := gen("-specs", goldenSpecs, "-out", out)
	if code != exitTroubled || stdout != "" || !strings.Contains(stderr, "zsys_windows_amd64.go is write-protected") {
		t.Errorf("exit %d, printed %q and %q", code, stdout, stderr)
	}
	if after := stamps(t, out); !maps.Equal(before, after) {
		t.Errorf("the output was %v and is %v", before, after)
	}
}

func TestExitCodes(t *testing.T) {
	empty := t.TempDir()
	for _, c := range []struct {
		name string
		args []string
		want int
	}{
		{"help", []string{"-help"}, exitDone},
		{"schema", []string{"-schema"}, exitDone},
		{"unknown flag", []string{"-spec", "specs"}, exitTroubled},
		{"stray argument", []string{"linux_amd64.yaml"}, exitTroubled},
		{"no such folder of specs", []string{"-specs", filepath.Join(empty, "none")}, exitTroubled},
		{"no spec in the folder", []string{"-specs", empty}, exitTroubled},
		{"no such folder for output", []string{"-specs", goldenSpecs, "-out", filepath.Join(empty, "none")}, exitTroubled},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := gen(c.args...)
			if code != c.want {
				t.Errorf("exit %d, want %d; printed %q", code, c.want, stderr)
			}
			if code != exitDone && (stderr == "" || stdout != "") {
				t.Errorf("a failure prints %q to stdout and %q to stderr", stdout, stderr)
			}
		})
	}
}

// stamp changes whenever a file is written or replaced.
type stamp struct {
	modified int64
	size     int64
}

func stamps(t *testing.T, dir string) map[string]stamp {
	t.Helper()
	found, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]stamp{}
	for _, f := range found {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		out[f.Name()] = stamp{info.ModTime().UnixNano(), info.Size()}
	}
	return out
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
