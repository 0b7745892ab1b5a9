// Exampled fails unless every exported name of the packages that programs are
// written with is shown in use, in a file example…_test.go or in a program of
// examples/. Its arguments are platforms, GOOS/GOARCH.
//
// Of constants that are declared together one is enough, and a method that
// several types have from one embedded type is one name. A type is shown also by
// its fields and methods. Not asked for are fields, methods by which a type
// implements an interface of its package, and those that fmt and errors call by
// themselves.
//
// It is run as a file: a folder with a leading dot cannot hold a package.
package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

var patterns = []string{"./reactor", "./sockets", "./slab", "./timers", "./msgq", "./signals", "./examples/..."}

var calledByThemselves = map[string]bool{"String": true, "Error": true, "Unwrap": true, "Is": true}

func main() {
	failed := len(os.Args) == 1
	for _, platform := range os.Args[1:] {
		names, err := unshown(platform)
		if err != nil {
			fmt.Fprintf(os.Stderr, "exampled: %s: %v\n", platform, err)
			os.Exit(1)
		}
		for _, name := range names {
			fmt.Printf("%s: no example of %s, and no use in examples/\n", platform, name)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

// unshown returns the exported names that a platform has no example of.
func unshown(platform string) ([]string, error) {
	goos, goarch, _ := strings.Cut(platform, "/")
	pkgs, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes |
			packages.NeedTypesInfo | packages.NeedImports | packages.NeedDeps,
		Env:   append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0"),
		Tests: true,
	}, patterns...)
	if err != nil {
		return nil, err
	}
	s := survey{names: map[string]*name{}, used: map[string]bool{}}
	for _, p := range pkgs {
		if len(p.Errors) > 0 {
			return nil, p.Errors[0]
		}
		s.look(p)
	}
	if len(s.names) == 0 || len(s.used) == 0 {
		return nil, fmt.Errorf("nothing to compare: %d names, %d uses", len(s.names), len(s.used))
	}
	return s.unshown(), nil
}

// name is an exported name, or a group of constants, and where it is declared.
type name struct {
	what string
	at   []string
}

// survey knows a declaration by its place: a package is loaded once by itself
// and once for its tests, and each time its objects are others.
type survey struct {
	names map[string]*name // by the first place
	used  map[string]bool
}

func (s *survey) look(p *packages.Package) {
	for _, f := range p.Syntax {
		switch file := p.Fset.Position(f.Package).Filename; {
		case isExample(file):
			s.lookForUses(p, f)
		case p.Name != "main" && !strings.HasSuffix(file, "_test.go"):
			s.lookForNames(p, f)
		}
	}
}

func isExample(file string) bool {
	base := filepath.Base(file)
	if strings.HasSuffix(base, "_test.go") {
		return strings.HasPrefix(base, "example")
	}
	return strings.Contains(filepath.ToSlash(file), "/examples/")
}

func (s *survey) lookForUses(p *packages.Package, f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if obj := p.TypesInfo.Uses[id]; obj != nil && obj.Pkg() != nil {
				s.used[place(p, obj)] = true
			}
		}
		if sel, ok := n.(*ast.SelectorExpr); ok {
			s.useType(p, sel)
		}
		return true
	})
}

// useType takes the type whose field or method is selected.
func (s *survey) useType(p *packages.Package, sel *ast.SelectorExpr) {
	selection := p.TypesInfo.Selections[sel]
	if selection == nil {
		return
	}
	t := selection.Recv()
	if ptr, ok := t.(*types.Pointer); ok {
		t = ptr.Elem()
	}
	if named, ok := t.(*types.Named); ok {
		s.used[place(p, named.Obj())] = true
	}
}

// place is where an object is declared; for a method of an instantiated type,
// that is in the generic one.
func place(p *packages.Package, obj types.Object) string {
	if f, ok := obj.(*types.Func); ok {
		obj = f.Origin()
	}
	return p.Fset.Position(obj.Pos()).String()
}

func (s *survey) lookForNames(p *packages.Package, f *ast.File) {
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				s.add(p, d.Name)
			}
		case *ast.GenDecl:
			s.lookForSpecs(p, d)
		}
	}
}

func (s *survey) lookForSpecs(p *packages.Package, d *ast.GenDecl) {
	var constants []*ast.Ident
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			s.add(p, spec.Name)
			s.addMethods(p, spec.Name)
		case *ast.ValueSpec:
			if d.Tok == token.CONST {
				constants = append(constants, spec.Names...)
				continue
			}
			for _, id := range spec.Names {
				s.add(p, id)
			}
		}
	}
	s.add(p, constants...)
}

// add takes the exported ones of identifiers that are declared together.
func (s *survey) add(p *packages.Package, ids ...*ast.Ident) {
	n := &name{}
	for _, id := range ids {
		if id.IsExported() {
			n.at = append(n.at, p.Fset.Position(id.Pos()).String())
			n.what = strings.TrimPrefix(n.what+", "+p.Name+"."+id.Name, ", ")
		}
	}
	if len(n.at) > 0 {
		s.names[n.at[0]] = n
	}
}

// addMethods takes the methods of an exported type, those of embedded types
// included.
func (s *survey) addMethods(p *packages.Package, id *ast.Ident) {
	obj, ok := p.TypesInfo.Defs[id].(*types.TypeName)
	if !ok || !obj.Exported() || obj.IsAlias() || types.IsInterface(obj.Type()) {
		return
	}
	methods := types.NewMethodSet(types.NewPointer(obj.Type()))
	implementing := implementing(p, methods)
	for m := range methods.Methods() {
		if name := m.Obj().Name(); !m.Obj().Exported() || calledByThemselves[name] || implementing[name] {
			continue
		}
		at := place(p, m.Obj())
		what := p.Name + "." + id.Name + "." + m.Obj().Name()
		if other, ok := s.names[at]; ok && !strings.Contains(other.what, what) {
			what = other.what + ", " + what
		}
		s.names[at] = &name{what, []string{at}}
	}
}

// implementing returns the names of those methods that are in an interface of
// the package which they implement. It compares names, because a generic type
// has no instance here.
func implementing(p *packages.Package, methods *types.MethodSet) map[string]bool {
	found := map[string]bool{}
	for _, name := range p.Types.Scope().Names() {
		obj := p.Types.Scope().Lookup(name)
		it, ok := obj.Type().Underlying().(*types.Interface)
		if !ok || !obj.Exported() {
			continue
		}
		has := func(m *types.Func) bool { return methods.Lookup(m.Pkg(), m.Name()) != nil }
		for m := range it.Methods() {
			found[m.Name()] = found[m.Name()] || allOf(it, has)
		}
	}
	return found
}

func allOf(it *types.Interface, has func(*types.Func) bool) bool {
	for m := range it.Methods() {
		if !has(m) {
			return false
		}
	}
	return true
}

func (s *survey) unshown() (names []string) {
	for _, n := range s.names {
		if !slices.ContainsFunc(n.at, func(at string) bool { return s.used[at] }) {
			names = append(names, n.what)
		}
	}
	slices.Sort(names)
	return names
}
