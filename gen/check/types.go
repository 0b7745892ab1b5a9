package check

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/metalio/metalio/gen/model"
)

// resolved is a C type as a platform sees it.
type resolved struct {
	size, align int
	goType      string
	pointer     bool          // a pointer slot, whatever stands for it in Go
	goPointer   bool          // a pointer that the Go collector would follow
	basic       string        // the C basic type beneath, for numbers
	st          *model.Struct // for a structure by value
	named       bool          // a typedef fixed the Go type
}

// resolver turns C types into sizes and Go types for one platform.
type resolver struct {
	p        *model.Platform
	typedefs map[string]*model.Typedef
	structs  map[string]*model.Struct // by C name and by Go name
	errs     *model.Errors
	state    map[*model.Struct]layoutState

	unnumbered []*model.Call
}

type layoutState int

const (
	untouched layoutState = iota
	inProgress
	laidOut
)

func newResolver(p *model.Platform, errs *model.Errors) *resolver {
	r := &resolver{p: p, typedefs: map[string]*model.Typedef{}, structs: map[string]*model.Struct{}, errs: errs, state: map[*model.Struct]layoutState{}}
	for _, t := range p.Typedefs {
		r.typedefs[t.Name] = t
	}
	for _, s := range p.Structs {
		r.structs[s.Name] = s
		if s.C != "" {
			r.structs[s.C] = s
		}
	}
	return r
}

func (r *resolver) pointerSize() model.SizeAlign { return r.p.DataModel.Basic["pointer"] }

// known lists every type name that a spec of this platform may use.
func (r *resolver) known() []string {
	names := []string{"void"}
	for n := range r.p.DataModel.Basic {
		if n != "pointer" {
			names = append(names, n)
		}
	}
	for n := range r.typedefs {
		names = append(names, n)
	}
	for n := range r.structs {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// resolve gives the size, alignment and Go type of t, reporting what it does
// not know at pos.
func (r *resolver) resolve(t model.CType, pos model.Pos) (resolved, bool) {
	return r.resolveDepth(t, pos, 0)
}

const maxTypedefDepth = 16 // far above any real chain: more is a cycle

func (r *resolver) resolveDepth(t model.CType, pos model.Pos, depth int) (resolved, bool) {
	if depth > maxTypedefDepth {
		r.errs.Add(pos, "typedef %q never reaches a basic type", t.Base).Expected("a chain of typedefs that ends in a C type")
		return resolved{}, false
	}
	elem, ok := r.element(t, pos, depth)
	if !ok || t.Array == 0 {
		return elem, ok
	}
	elem.size *= t.Array
	elem.goType = fmt.Sprintf("[%d]%s", t.Array, elem.goType)
	elem.basic = ""
	return elem, true
}

// element resolves t without its array length.
func (r *resolver) element(t model.CType, pos model.Pos, depth int) (resolved, bool) {
	if t.Ptr > 0 {
		return r.pointerTo(t, pos, depth)
	}
	if b, ok := r.p.DataModel.Basic[t.Base]; ok && t.Base != "pointer" {
		return resolved{size: b.Size, align: b.Align, goType: basicGoType(t.Base, b.Size), basic: t.Base}, true
	}
	if td, ok := r.typedefs[t.Base]; ok {
		return r.typedef(td, depth)
	}
	if s, ok := r.structs[t.Base]; ok {
		if !r.layout(s) {
			return resolved{}, false
		}
		return resolved{size: s.Size, align: s.Align, goType: s.Name, st: s}, true
	}
	if t.Base == "void" {
		r.errs.Add(pos, "void is a type without values").Expected("a pointer to it, or none where a call returns nothing")
		return resolved{}, false
	}
	r.errs.Add(pos, "unknown C type %q%s", t.Base, model.Suggest(t.Base, r.known())).
		Expected("a basic C type, an entry of types or the C name of an entry of structs")
	return resolved{}, false
}

func (r *resolver) pointerTo(t model.CType, pos model.Pos, depth int) (resolved, bool) {
	ptr := r.pointerSize()
	out := resolved{size: ptr.Size, align: ptr.Align, pointer: true, goPointer: true}
	if t.Base == "void" {
		out.goType = strings.Repeat("*", t.Ptr-1) + "unsafe.Pointer"
		return out, true
	}
	target := model.CType{Base: t.Base}
	if s, ok := r.structs[t.Base]; ok {
		// A pointer needs no layout: this also lets a struct point to its own kind.
		out.goType = strings.Repeat("*", t.Ptr) + s.Name
		return out, true
	}
	elem, ok := r.resolveDepth(target, pos, depth+1)
	out.goType = strings.Repeat("*", t.Ptr) + elem.goType
	return out, ok
}

func (r *resolver) typedef(td *model.Typedef, depth int) (resolved, bool) {
	c, err := model.ParseCType(td.C)
	if err != nil {
		r.errs.Add(td.Pos, "type %q: %v", td.Name, err)
		return resolved{}, false
	}
	out, ok := r.resolveDepth(c, td.Pos, depth+1)
	if !ok || td.Go == "" {
		return out, ok
	}
	out.goType, out.named = td.Go, true
	if td.Go != "unsafe.Pointer" {
		out.goPointer = false
	}
	return out, true
}

// alias checks td and decides whether its Go name is emitted.
func (r *resolver) alias(td *model.Typedef) {
	t, ok := r.typedef(td, 0)
	if !ok || td.Go == "" || td.Declared {
		return
	}
	if isBuiltin(td.Go) {
		if size := r.builtinSize(td.Go); size != t.size {
			r.errs.Add(td.Pos, "type %s is %d bytes on %s, and %s is %d in Go", td.Name, t.size, r.p.Name(), td.Go, size).
				Expected("a Go type of %d bytes", t.size)
		}
		return
	}
	c, err := model.ParseCType(td.C)
	if err != nil {
		return // reported by typedef
	}
	if beneath, ok := r.resolve(c, td.Pos); ok {
		td.Alias = beneath.goType
	}
}

// builtinSize is the size in bytes of one of model.BuiltinTypes.
func (r *resolver) builtinSize(goType string) int {
	switch goType {
	case "bool", "byte":
		return 1
	case "int", "uint", "uintptr", "unsafe.Pointer":
		return r.pointerSize().Size
	}
	bits, _ := strconv.Atoi(strings.TrimLeft(goType, "uint"))
	return bits / 8
}

// goType reports whether the platform knows the Go type t, and its size in
// bytes: 0 if that is left to the Go compiler.
func (r *resolver) goType(t string) (known bool, size int) {
	base := strings.TrimLeft(t, "[]*0123456789")
	switch {
	case !isBuiltin(base) && !slices.Contains(r.goTypes(), base):
		return false, 0
	case strings.HasPrefix(t, "*"):
		return true, r.pointerSize().Size
	case isBuiltin(t):
		return true, r.builtinSize(t)
	}
	return true, 0
}

// goTypes lists the types that the generated file of this platform, or the
// package by hand, declares.
func (r *resolver) goTypes() []string {
	var names []string
	for _, s := range r.p.Structs {
		names = append(names, s.Name)
	}
	for _, td := range r.p.Typedefs {
		if td.Go != "" && !isBuiltin(td.Go) {
			names = append(names, td.Go)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// basicGoType maps a basic C type of the given size to Go. Plain char is a
// byte, since it is only ever part of text and paths here.
func basicGoType(c string, size int) string {
	if c == "char" || c == "unsigned char" {
		return "byte"
	}
	if strings.HasPrefix(c, "unsigned ") {
		return fmt.Sprintf("uint%d", size*8)
	}
	return fmt.Sprintf("int%d", size*8)
}

// layout computes size, alignment and offsets of s as a C compiler would.
func (r *resolver) layout(s *model.Struct) bool {
	switch r.state[s] {
	case laidOut:
		return s.Align > 0
	case inProgress:
		r.errs.Add(s.Pos, "struct %s contains itself", s.Name).Expected("a pointer to it, or another struct")
		return false
	}
	r.state[s] = inProgress
	defer func() { r.state[s] = laidOut }()

	ok := true
	end, maxAlign := 0, 1
	for _, f := range s.Fields {
		t, known := r.resolve(f.Type, f.TypePos)
		if !known {
			ok = false
			continue
		}
		f.Size, f.Align, f.GoType = t.size, t.align, t.goType
		if s.Packed {
			f.Align = 1
		}
		maxAlign = max(maxAlign, f.Align)
		f.Offset = roundUp(end, f.Align)
		if f.At >= 0 {
			if f.At < end {
				r.errs.Add(f.Pos, "field %s of struct %s at offset %d overlaps what ends at %d", f.Name, s.Name, f.At, end).
					Expected("an offset of at least %d", end)
				ok = false
			}
			f.Offset = f.At
		}
		end = max(end, f.Offset+f.Size)
		ok = r.opaque(s, f, t) && ok
	}
	if !ok {
		return false
	}
	s.Align, s.Size = maxAlign, roundUp(end, maxAlign)
	return r.expected(s) && r.placeable(s)
}

// opaque checks and applies the integer that stands for a pointer-typed slot.
func (r *resolver) opaque(s *model.Struct, f *model.Field, t resolved) bool {
	if f.Opaque == "" {
		return true
	}
	if !t.pointer {
		r.errs.Add(f.Pos, "field %s of struct %s is opaque but its type %q is no pointer", f.Name, s.Name, f.Type).
			Expected("opaque only on a pointer-typed field")
		return false
	}
	width := map[string]int{"uintptr": t.size, "uint64": 8, "uint32": 4}[f.Opaque]
	if width != t.size {
		r.errs.Add(f.Pos, "field %s of struct %s: opaque %q does not fill a pointer of %d bytes", f.Name, s.Name, f.Opaque, t.size).
			Expected("uintptr, or uint%d", t.size*8)
		return false
	}
	f.GoType = f.Opaque
	return true
}

func (r *resolver) expected(s *model.Struct) bool {
	if len(s.Expect) == 0 {
		r.errs.Add(s.Pos, "struct %s declares no expected layout", s.Name).Expected("expect: {%s: {size: %d, offsets: %s}}", r.p.DataModel.Name, s.Size, offsets(s))
		return false
	}
	want, ok := s.Expect[r.p.DataModel.Name]
	if !ok {
		return true
	}
	if want.Size != s.Size {
		r.errs.Add(want.Pos, "struct %s is %d bytes on %s, not %d", s.Name, s.Size, r.p.Name(), want.Size).
			Expected("size: %d, offsets: %s", s.Size, offsets(s))
		return false
	}
	if want.Offsets == nil {
		return true
	}
	if len(want.Offsets) != len(s.Fields) {
		r.errs.Add(want.Pos, "struct %s has %d fields, but %d expected offsets", s.Name, len(s.Fields), len(want.Offsets)).
			Expected("offsets: %s", offsets(s))
		return false
	}
	for i, f := range s.Fields {
		if want.Offsets[i] == f.Offset {
			continue
		}
		r.errs.Add(want.Pos, "field %s of struct %s is at offset %d on %s, not %d", f.Name, s.Name, f.Offset, r.p.Name(), want.Offsets[i]).
			Expected("offsets: %s", offsets(s))
		return false
	}
	return true
}

// offsets lists the computed offsets as a spec would: ready to be pasted.
func offsets(s *model.Struct) string {
	out := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		out[i] = strconv.Itoa(f.Offset)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// goAlign is the alignment that Go gives a field: never above the pointer
// size, so on 32-bit platforms a uint64 may stand where C would not put it.
func (r *resolver) goAlign(f *model.Field) int {
	return GoAlign(r.p, f)
}

// GoAlign returns the alignment of f's type in Go on p.
func GoAlign(p *model.Platform, f *model.Field) int {
	natural := f.Align
	if t, ok := p.DataModel.Basic[f.Type.Base]; ok && f.Type.Ptr == 0 {
		natural = t.Align
	}
	natural = max(natural, goTypeAlign(f.GoType))
	return min(natural, p.DataModel.Basic["pointer"].Size)
}

// goTypeAlign is the size of a Go number, which is its wish for alignment;
// 1 for what it does not know.
func goTypeAlign(t string) int {
	if i := strings.LastIndexByte(t, ']'); i >= 0 {
		t = t[i+1:]
	}
	switch strings.TrimLeft(t, "ui") {
	case "nt64":
		return 8
	case "nt32":
		return 4
	case "nt16":
		return 2
	}
	return 1
}

// placeable refuses a field that Go's own alignment rules cannot put where C
// has it, unless an accessor hides how it is stored.
func (r *resolver) placeable(s *model.Struct) bool {
	ok := true
	for _, f := range s.Fields {
		if f.Accessor || f.Offset%r.goAlign(f) == 0 {
			continue
		}
		r.errs.Add(f.Pos, "Go cannot place field %s of struct %s at offset %d", f.Name, s.Name, f.Offset).
			Expected("accessor: true, which stores the bytes and gives methods")
		ok = false
	}
	return ok
}

// hasGoPointer reports whether a value of s holds a pointer that the garbage
// collector would follow, and the field's name.
func (r *resolver) hasGoPointer(s *model.Struct) (string, bool) {
	for _, f := range s.Fields {
		if f.Opaque != "" {
			continue
		}
		t, ok := r.resolve(f.Type, f.TypePos)
		if !ok {
			continue
		}
		if t.goPointer {
			return f.Name, true
		}
		if t.st == nil {
			continue
		}
		if inner, found := r.hasGoPointer(t.st); found {
			return f.Name + "." + inner, true
		}
	}
	return "", false
}

func roundUp(n, align int) int { return (n + align - 1) / align * align }

func isBuiltin(goType string) bool { return slices.Contains(model.BuiltinTypes, goType) }
