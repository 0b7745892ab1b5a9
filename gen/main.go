// Command gen writes the raw layer of metalio from its specs: for every file
// GOOS_GOARCH.yaml in the specs folder a zsys_GOOS_GOARCH.go, and a
// zsys_GOOS_GOARCH.s beside it where calls go through the C library.
//
//	go run ./gen                # from the module's root; go generate ./... does the same
//	go run ./gen -check         # report what is stale, missing or orphaned, as a diff
//	go run ./gen -schema        # print the JSON Schema of the spec format
//	go run ./gen -new linux/loong64    # draft the spec of a new platform; see package draft
//
// All platforms are loaded, checked and rendered before the first file is
// written, all new files are written beside the old ones before the first is
// replaced, and each is replaced in one step: a bad spec, a full disk or a
// write-protected file leaves the output as it was. A file whose content is
// right already is not touched. Generated files that no spec stands behind any
// more are removed.
//
// The exit code is 0 on success, 1 if a spec is bad or cannot be read, or -check
// found a difference, and 2 if the command line is wrong, or a folder or a
// generated file could not be read or written.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/metalio/metalio/gen/check"
	"github.com/metalio/metalio/gen/draft"
	"github.com/metalio/metalio/gen/emit"
	"github.com/metalio/metalio/gen/load"
	"github.com/metalio/metalio/gen/model"
)

// The exit codes, as the package comment has them.
const (
	exitDone     = 0
	exitRefused  = 1
	exitTroubled = 2
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("gen", flag.ContinueOnError)
	flags.SetOutput(stderr)
	specs := flags.String("specs", "specs", "read the specs in `dir`")
	out := flags.String("out", ".", "write the generated files to `dir`")
	check := flags.Bool("check", false, "write nothing; print how the generated files differ from the specs")
	schema := flags.Bool("schema", false, "print the JSON Schema of the spec format")
	target := flags.String("new", "", "draft the spec of `GOOS/GOARCH`, which has none yet")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case err != nil:
		return exitTroubled
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "gen: unexpected argument %q\n", flags.Arg(0))
		return exitTroubled
	case *schema:
		return finish(printSchema(stdout), stderr)
	case *target != "":
		drafter := draft.Drafter{Specs: *specs, Compiler: draft.FindCompiler(*out)}
		return finish(drafter.Run(*target, stdout), stderr)
	case *check:
		return finish(compare(*specs, *out, stdout), stderr)
	}
	return finish(generate(*specs, *out, stdout), stderr)
}

// errStale means that -check found and printed a difference.
var errStale = errors.New("generated files differ from the specs; run go generate ./... in the module's root")

// finish prints err and turns it into an exit code.
func finish(err error, stderr io.Writer) int {
	if err == nil {
		return exitDone
	}
	fmt.Fprintln(stderr, err)
	var bad model.Errors
	if errors.As(err, &bad) || errors.Is(err, errStale) {
		return exitRefused
	}
	return exitTroubled
}

func printSchema(w io.Writer) error {
	text, err := load.Schema()
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// render returns the generated files by name.
func render(specs string) (map[string][]byte, error) {
	platforms, err := load.Dir(specs)
	if err != nil {
		return nil, err
	}
	if err := check.All(platforms); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	tags := simulatedTags(platforms)
	for _, p := range platforms {
		stem := "zsys_" + p.Name()
		if files[stem+".go"], err = emit.Go(p); err != nil {
			return nil, fmt.Errorf("render %s.go: %w", stem, err)
		}
		asm, err := emit.Asm(p)
		if err != nil {
			return nil, fmt.Errorf("render %s.s: %w", stem, err)
		}
		if asm != nil {
			files[stem+".s"] = asm
		}
		for _, s := range p.Simulated {
			name := "zsys_" + s.Tag + ".go"
			if files[name], err = emit.Simulated(p, s, tags); err != nil {
				return nil, fmt.Errorf("render %s: %w", name, err)
			}
		}
	}
	return files, nil
}

// simulatedTags lists the build tags of all simulations.
func simulatedTags(platforms []*model.Platform) []string {
	var tags []string
	for _, p := range platforms {
		for _, s := range p.Simulated {
			tags = append(tags, s.Tag)
		}
	}
	return tags
}

// differences renders the specs and compares the result with what is in out.
func differences(specs, out string) ([]change, error) {
	want, err := render(specs)
	if err != nil {
		return nil, err
	}
	return compareFiles(want, out)
}

func generate(specs, out string, stdout io.Writer) error {
	changes, err := differences(specs, out)
	if err != nil {
		return err
	}
	staged, err := stage(changes, out)
	defer func() {
		for _, name := range staged {
			os.Remove(name) // fails after the rename, which is as it should be
		}
	}()
	if err != nil {
		return err
	}
	for i, c := range changes {
		if err := c.apply(out, staged[i]); err != nil {
			return err
		}
		fmt.Fprintln(stdout, c.verb(), filepath.Join(out, c.name))
	}
	return nil
}

func compare(specs, out string, stdout io.Writer) error {
	changes, err := differences(specs, out)
	if err != nil {
		return err
	}
	for _, c := range changes {
		fmt.Fprint(stdout, c.diff())
	}
	if len(changes) > 0 {
		return errStale
	}
	return nil
}

// change is a generated file that is not as the specs want it.
type change struct {
	name string
	old  []byte // nil if it is missing
	want []byte // nil if it is an orphan
}

func (c change) verb() string {
	if c.want == nil {
		return "removed"
	}
	return "wrote"
}

// stage writes what the changes want to new files in dir, and returns their
// names, empty for a file that is to be removed. The names are of use on an
// error too: they are to be removed.
func stage(changes []change, dir string) ([]string, error) {
	var staged []string
	for _, c := range changes {
		if info, err := os.Stat(filepath.Join(dir, c.name)); err == nil && info.Mode().Perm()&0o200 == 0 {
			return staged, fmt.Errorf("%s is write-protected", filepath.Join(dir, c.name))
		}
		if c.want == nil {
			staged = append(staged, "")
			continue
		}
		name, err := writeNew(dir, c.want)
		if name != "" {
			staged = append(staged, name)
		}
		if err != nil {
			return staged, fmt.Errorf("write %s: %w", filepath.Join(dir, c.name), err)
		}
	}
	return staged, nil
}

// writeNew writes text to a new file in dir and returns its name, which is empty
// if there is no file.
func writeNew(dir string, text []byte) (string, error) {
	f, err := os.CreateTemp(dir, ".zsys-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	// CreateTemp makes files that only the owner reads.
	return f.Name(), errors.Join(err, f.Close(), os.Chmod(f.Name(), 0o644))
}

// apply makes the file as it should be, in one step: a reader sees the old
// content or the new one, which is in the file staged.
func (c change) apply(dir, staged string) error {
	name := filepath.Join(dir, c.name)
	if c.want == nil {
		return os.Remove(name)
	}
	return os.Rename(staged, name)
}

// header starts every generated file. A zsys_ file without it was written by
// hand, and generation leaves it alone unless a spec claims its name.
const header = "// " + emit.Header

// compareFiles returns the generated files of dir that are not as wanted, in
// order of name.
func compareFiles(want map[string][]byte, dir string) ([]change, error) {
	names, err := filepath.Glob(filepath.Join(escape(dir), "zsys_*"))
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for name := range want {
		known[name] = true
	}
	for _, name := range names {
		known[filepath.Base(name)] = true
	}
	var changes []change
	for _, name := range slices.Sorted(maps.Keys(known)) {
		old, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		text, wanted := want[name]
		orphan := !wanted && bytes.HasPrefix(old, []byte(header))
		if orphan || wanted && !bytes.Equal(old, text) {
			changes = append(changes, change{name, old, text})
		}
	}
	return changes, nil
}

// escape keeps a folder's name from being read as a pattern.
func escape(dir string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(dir)
}
