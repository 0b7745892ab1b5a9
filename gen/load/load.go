package load

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/metalio/metalio/gen/model"
)

// ports are the platforms that Go has: what a platform file's name may be made
// of. A test compares them with "go tool dist list".
var ports = map[string][]string{
	"aix":       {"ppc64"},
	"android":   {"386", "amd64", "arm", "arm64"},
	"darwin":    {"amd64", "arm64"},
	"dragonfly": {"amd64"},
	"freebsd":   {"386", "amd64", "arm", "arm64"},
	"illumos":   {"amd64"},
	"ios":       {"amd64", "arm64"},
	"js":        {"wasm"},
	"linux": {
		"386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle",
		"ppc64", "ppc64le", "riscv64", "s390x",
	},
	"netbsd":  {"386", "amd64", "arm", "arm64"},
	"openbsd": {"386", "amd64", "arm", "arm64", "ppc64", "riscv64"},
	"plan9":   {"386", "amd64", "arm"},
	"solaris": {"amd64"},
	"wasip1":  {"wasm"},
	"windows": {"386", "amd64", "arm64"},
}

var (
	operatingSystems = slices.Sorted(maps.Keys(ports))
	architectures    = slices.Compact(slices.Sorted(func(yield func(string) bool) {
		for _, of := range ports {
			for _, arch := range of {
				if !yield(arch) {
					return
				}
			}
		}
	}))
)

// besides are the names that the specs folder may hold besides platforms.
var besides = []string{"README.md", "schema.json"}

// Dir reads every platform in the folder dir, which holds one file for each,
// named GOOS_GOARCH.yaml, and returns them in order of name. Folders in dir are
// left to the extends keys. A fault in any file is an error of type
// model.Errors, and no platform is returned.
func Dir(dir string) ([]*model.Platform, error) {
	found, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the specs: %w", err)
	}
	l := loader{files: map[string]*file{}}
	var platforms []*model.Platform
	for _, f := range found {
		name := f.Name()
		folder := f.IsDir() && path.Ext(name) != ".yaml"
		if folder || strings.HasPrefix(name, ".") || slices.Contains(besides, name) {
			continue
		}
		if p := l.platform(path.Join(filepath.ToSlash(dir), name)); p != nil {
			platforms = append(platforms, p)
		}
	}
	if err := l.errs.Err(); err != nil {
		return nil, err
	}
	if len(platforms) == 0 {
		return nil, fmt.Errorf("read the specs: no file named GOOS_GOARCH.yaml in %s", dir)
	}
	return platforms, nil
}

// file is one spec file, read and checked by itself.
type file struct {
	path    string
	root    *node   // nil if the file has faults
	extends []*file // in order
	family  string  // the narrowest in force here
}

// loader reads each file once, however many platforms extend it.
type loader struct {
	errs  model.Errors
	files map[string]*file
	open  []string // the files whose extends are being followed, outermost first
}

// platform reads the platform file at name. It returns nil if it added errors.
func (l *loader) platform(name string) *model.Platform {
	goos, goarch, ok := l.split(name)
	if !ok {
		return nil
	}
	before := len(l.errs)
	f := l.file(name, model.Pos{File: name})
	if f == nil || !f.sound(map[*file]bool{}) || len(l.errs) > before {
		return nil
	}
	merged := &node{kind: mapping, pos: f.root.pos}
	l.lay(merged, f, map[*file]bool{})
	if len(l.errs) > before {
		return nil
	}
	d := decoder{errs: &l.errs}
	return d.platform(goos, goarch, merged, model.Pos{File: name, Line: 1, Col: 1})
}

// split takes a platform file's name apart.
func (l *loader) split(name string) (goos, goarch string, ok bool) {
	const expected = "GOOS_GOARCH.yaml, such as linux_amd64.yaml; what platforms share goes into a folder, such as base"
	base, isYAML := strings.CutSuffix(path.Base(name), ".yaml")
	goos, goarch, both := strings.Cut(base, "_")
	here := model.Pos{File: name}
	switch {
	case !isYAML || !both:
		l.errs.Add(here, "not a platform's file name").Expected("%s", expected)
	case !slices.Contains(operatingSystems, goos):
		l.errs.Add(here, "unknown GOOS %q in the file's name%s", goos, model.Suggest(goos, operatingSystems)).Expected("%s", expected)
	case !slices.Contains(architectures, goarch):
		l.errs.Add(here, "unknown GOARCH %q in the file's name%s", goarch, model.Suggest(goarch, architectures)).Expected("%s", expected)
	case !slices.Contains(ports[goos], goarch):
		l.errs.Add(here, "Go has no port to %s/%s", goos, goarch).Expected("%s with one of %s", goos, strings.Join(ports[goos], ", "))
	default:
		return goos, goarch, true
	}
	return "", "", false
}

// file reads the file at name and those that it extends. from is the place
// that names it.
func (l *loader) file(name string, from model.Pos) *file {
	if i := slices.Index(l.open, name); i >= 0 {
		l.errs.Add(from, "extends goes in a circle: %s", strings.Join(append(slices.Clone(l.open[i:]), name), " -> ")).
			Expected("files that do not lead back to themselves")
		return nil
	}
	if f := l.files[name]; f != nil {
		return f
	}
	src, err := read(filepath.FromSlash(name))
	if err != nil {
		l.unreadable(name, from, err)
		return nil
	}
	f := &file{path: name}
	l.files[name] = f
	before := len(l.errs)
	root := parse(name, src, &l.errs)
	if root == nil {
		return f
	}
	fileShape.conform(root, "the spec", &l.errs)
	if len(l.errs) > before {
		return f
	}
	f.root = root
	l.open = append(l.open, name)
	l.follow(f)
	l.open = l.open[:len(l.open)-1]
	return f
}

// largest is the size of the largest spec that is read: many times what any has,
// and little enough for a parser whose time grows with the square.
const largest = 256 << 10

// read refuses what has no end or none in sight: a pipe, a device, a file that
// cannot be a spec.
func read(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, errors.New("it is a folder")
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no regular file")
	case info.Size() > largest:
		return nil, fmt.Errorf("it has %d bytes, and a spec has at most %d", info.Size(), largest)
	}
	return os.ReadFile(name)
}

func (l *loader) unreadable(name string, from model.Pos, err error) {
	reason := err.Error()
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		reason = pathErr.Err.Error()
	}
	if errors.Is(err, fs.ErrNotExist) {
		reason = "there is no such file" + model.Suggest(name, l.nearby(name))
	}
	expected := "a spec file, named relative to this one"
	if from.Line == 0 {
		expected = "a file that can be read" // the platform's own: nothing names it
	}
	l.errs.Add(from, "cannot read %s: %s", name, reason).Expected("%s", expected)
}

// nearby are the files that an extends might mean instead of name: those beside
// it and in the folders there, except the ones that lead here.
func (l *loader) nearby(name string) []string {
	var names []string
	for _, pattern := range []string{"*.yaml", "*/*.yaml"} {
		found, err := filepath.Glob(filepath.FromSlash(path.Join(path.Dir(name), pattern)))
		if err != nil {
			continue // the folder's name is a pattern itself
		}
		for _, f := range found {
			if f = filepath.ToSlash(f); f != name && !slices.Contains(l.open, f) {
				names = append(names, f)
			}
		}
	}
	return names
}

// follow reads the files that f extends and settles f's family.
func (l *loader) follow(f *file) {
	if e := f.root.get("extends"); e != nil {
		for _, item := range e.items {
			if path.IsAbs(item.text) || filepath.IsAbs(item.text) {
				l.errs.Add(item.pos, "extends has the absolute name %q", item.text).Expected("a spec file, named relative to this one")
				continue
			}
			next := l.file(path.Join(path.Dir(f.path), item.text), item.pos)
			if next == nil {
				f.root = nil
				return
			}
			f.extends = append(f.extends, next)
			f.family = next.family
		}
	}
	if families := f.root.get("families"); families != nil && len(families.items) > 0 {
		f.family = families.items[len(families.items)-1].text
	}
}

// sound reports whether f and all that it extends were read without fault.
func (f *file) sound(seen map[*file]bool) bool {
	if seen[f] {
		return true
	}
	seen[f] = true
	if f.root == nil {
		return false
	}
	for _, e := range f.extends {
		if !e.sound(seen) {
			return false
		}
	}
	return true
}

// lay merges f over merged, after the files that it extends and each file once.
func (l *loader) lay(merged *node, f *file, done map[*file]bool) {
	if done[f] {
		return
	}
	done[f] = true
	for _, e := range f.extends {
		l.lay(merged, e, done)
	}
	lists := map[string]*node{}
	for _, key := range appended {
		lists[key] = union(merged.get(key), f.root.get(key))
	}
	merge(merged, f.root, f.family)
	for _, key := range appended {
		if e := merged.entry(key); e != nil && lists[key] != nil {
			e.value = lists[key]
		}
	}
}
