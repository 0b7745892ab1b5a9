package draft

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// xsys is what golang.org/x/sys says about one platform.
type xsys struct {
	scope   *types.Scope
	sizes   types.Sizes
	version map[string]string // SYS_ name → version of the call, such as 50 for NetBSD's kevent
	params  map[string]int    // SYS_ name → parameters of the call, where x/sys shows the prototype
	symbols map[string]bool   // C library symbols that x/sys imports; empty where it uses numbers
	library string            // that it imports them from
}

// xsysPackage is the package of golang.org/x/sys for goos.
func xsysPackage(goos string) string {
	if goos == "windows" {
		return "golang.org/x/sys/windows"
	}
	return "golang.org/x/sys/unix"
}

// loadXSys reads the package from the module cache: the go command names its
// folder. Only declarations count, so imports are left alone and the types that
// need them stay incomplete.
func loadXSys(goos, goarch string) (*xsys, error) {
	folder, err := packageDir(xsysPackage(goos))
	if err != nil {
		return nil, err
	}
	x := &xsys{sizes: types.SizesFor("gc", goarch), version: map[string]string{}, params: map[string]int{}, symbols: map[string]bool{}}
	if x.sizes == nil {
		return nil, fmt.Errorf("go/types does not know GOARCH=%s", goarch)
	}
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled = goos, goarch, false
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		if match, err := ctx.MatchFile(folder, e.Name()); err != nil || !match {
			continue
		}
		f, err := parser.ParseFile(fset, filepath.Join(folder, e.Name()), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		x.comments(f)
		files = append(files, f)
	}
	conf := types.Config{Importer: noImports{}, Sizes: x.sizes, IgnoreFuncBodies: true, Error: func(error) {}}
	pkg, _ := conf.Check(xsysPackage(goos), fset, files, nil) // errors are the imports that are left alone
	if pkg == nil || len(files) == 0 {
		return nil, fmt.Errorf("golang.org/x/sys has nothing for %s/%s", goos, goarch)
	}
	x.scope = pkg.Scope()
	return x, nil
}

// noImports refuses every import but unsafe.
type noImports struct{}

func (noImports) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	return nil, errors.New("imports are not followed")
}

// packageDir asks the go command, which answers from the module cache and
// downloads nothing.
func packageDir(pkg string) (string, error) {
	cmd := exec.Command("go", "list", "-find", "-e", "-f", "{{.Dir}}", pkg)
	cmd.Env = append(os.Environ(), "GOPROXY=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	folder := strings.TrimSpace(string(out))
	if err != nil || folder == "" {
		return "", fmt.Errorf("go list %s: no such folder in the module cache: %s", pkg, strings.TrimSpace(stderr.String()))
	}
	return folder, nil
}

var (
	versioned = regexp.MustCompile(`^// \{ \w+\|sys\|(\d+)\|`)
	prototype = regexp.MustCompile(`^// \{ .*\b\w+\(([^()]*)\); \}`)
	imported  = regexp.MustCompile(`^//go:cgo_import_dynamic libc_\w+ (\w+) "([^"]+)"`)
)

// comments keeps what x/sys says in comments alone: the prototype of a BSD call
// beside its number, the version of a NetBSD one, and the symbols of the C
// library.
func (x *xsys) comments(f *ast.File) {
	for _, group := range f.Comments {
		for _, c := range group.List {
			if m := imported.FindStringSubmatch(c.Text); m != nil {
				x.symbols[m[1]], x.library = true, m[2]
			}
		}
	}
	for _, d := range f.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.CONST {
			continue
		}
		for _, s := range decl.Specs {
			spec := s.(*ast.ValueSpec)
			if spec.Comment == nil {
				continue
			}
			name, text := spec.Names[0].Name, spec.Comment.List[0].Text
			if m := versioned.FindStringSubmatch(text); m != nil {
				x.version[name] = m[1]
			}
			if m := prototype.FindStringSubmatch(text); m != nil {
				x.params[name] = countParams(m[1])
			}
		}
	}
}

func countParams(list string) int {
	if strings.TrimSpace(list) == "void" {
		return 0
	}
	return strings.Count(list, ",") + 1
}

// number is a constant's value: bits, to be read as a uint64 if unsigned.
type number struct {
	bits     int64
	unsigned bool
}

func (x *xsys) constant(name string) (number, bool) {
	c, ok := x.scope.Lookup(name).(*types.Const)
	if !ok || c.Val().Kind() != constant.Int {
		return number{}, false
	}
	if v, exact := constant.Int64Val(c.Val()); exact {
		return number{bits: v}, true
	}
	v, exact := constant.Uint64Val(c.Val())
	return number{bits: int64(v), unsigned: true}, exact
}

// names lists the constants that begin with prefix.
func (x *xsys) names(prefix string) []string {
	var out []string
	for _, n := range x.scope.Names() {
		if _, ok := x.constant(n); ok && strings.HasPrefix(n, prefix) {
			out = append(out, n)
		}
	}
	return out
}

// xstruct is the layout of a struct in x/sys.
type xstruct struct {
	size   int
	fields []xfield
}

type xfield struct {
	name         string
	offset, size int
	typ          types.Type
}

// layout returns the struct type of that name. It has none that depends on an
// import.
func (x *xsys) layout(name string) (xstruct, bool) {
	obj, ok := x.scope.Lookup(name).(*types.TypeName)
	if !ok {
		return xstruct{}, false
	}
	st, ok := obj.Type().Underlying().(*types.Struct)
	if !ok {
		return xstruct{}, false
	}
	var vars []*types.Var
	for i := range st.NumFields() {
		if invalid(st.Field(i).Type()) {
			return xstruct{}, false
		}
		vars = append(vars, st.Field(i))
	}
	offsets := x.sizes.Offsetsof(vars)
	out := xstruct{size: int(x.sizes.Sizeof(st))}
	for i, v := range vars {
		out.fields = append(out.fields, xfield{name: v.Name(), offset: int(offsets[i]), size: int(x.sizes.Sizeof(v.Type())), typ: v.Type()})
	}
	return out, true
}

// invalid reports whether t depends on an import that was left alone.
func invalid(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Kind() == types.Invalid
	case *types.Array:
		return invalid(u.Elem())
	}
	return false
}

// padding reports whether a field of x/sys only fills a gap.
func (f xfield) padding() bool {
	return f.name == "_" || strings.HasPrefix(f.name, "Pad_cgo") || strings.HasPrefix(f.name, "X_")
}
