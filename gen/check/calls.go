package check

import (
	"slices"
	"strings"

	"github.com/metalio/metalio/gen/model"
)

// maxArgs is how many arguments the runtime's entries carry: six for raw
// traps and libc calls, more only through a DLL.
var maxArgs = map[model.Convention]int{model.Trap: 6, model.Libc: 6, model.DLL: 15}

// call checks one call and decides its Go types.
func (r *resolver) call(c *model.Call) {
	if !slices.Contains(model.Conventions, string(c.Convention)) {
		r.errs.Add(c.Pos, "unknown convention %q for call %s%s", c.Convention, c.Name, model.Suggest(string(c.Convention), model.Conventions)).
			Expected("one of %v", model.Conventions)
		return
	}
	if c.Convention == model.Trap && c.Number < 0 && !c.Optional && !c.Absent {
		r.unnumbered = append(r.unnumbered, c)
	}
	if c.Convention == model.DLL && c.DLL == "" {
		r.errs.Add(c.Pos, "call %s names no DLL", c.Name).Expected("dll: the library that exports it")
	}
	if c.Convention == model.Libc && r.p.Library == "" {
		r.errs.Add(c.Pos, "call %s goes through the C library, but %s names none", c.Name, r.p.Name()).Expected("library: the library's install name")
	}
	if n := len(c.Params); n > maxArgs[c.Convention] {
		r.errs.Add(c.Pos, "call %s has %d parameters", c.Name, n).Expected("at most %d with convention %s", maxArgs[c.Convention], c.Convention)
	}
	byName := map[string]*model.Param{}
	for _, p := range c.Params {
		byName[p.Name] = p
	}
	for _, p := range c.Params {
		r.param(c, p)
	}
	for _, p := range c.Params {
		r.length(c, p, byName)
	}
	r.result(c)
	r.absence(c)
}

// missingNumbers reports the calls without a number: a call of the platform's own
// file there, and the others where the numbers are.
func (r *resolver) missingNumbers() {
	var names []string
	report := func(at model.Pos, what string) {
		r.errs.Add(at, "%s no system call number on %s", what, r.p.Name()).
			Expected("a number under syscalls, or the name under absent if the platform lacks it")
	}
	for _, c := range r.unnumbered {
		if c.Pos.File == r.p.Pos.File {
			report(c.Pos, "call "+c.Name+" has")
			continue
		}
		names = append(names, c.Name)
	}
	switch len(names) {
	case 0:
	case 1:
		report(r.p.NumbersPos, "call "+names[0]+" has")
	default:
		report(r.p.NumbersPos, "calls "+strings.Join(names, ", ")+" have")
	}
}

// absence refuses an optional export whose wrapper could not tell that the
// running system lacks it.
func (r *resolver) absence(c *model.Call) {
	if c.Convention != model.DLL || !c.Optional {
		return
	}
	if c.Returns.Fails == model.FailsNever && c.Returns.None {
		r.errs.Add(c.Pos, "call %s is optional, but its wrapper returns nothing that could say so", c.Name).
			Expected("a result, or no optional")
	}
	if c.Returns.Fails == model.FailsStatus && !r.hasConstant(model.AbsentStatus) {
		r.errs.Add(c.Pos, "call %s is optional, but %s has no status for a system without it", c.Name, r.p.Name()).
			Expected("%s among the constants", model.AbsentStatus)
	}
}

func (r *resolver) hasConstant(name string) bool {
	return slices.ContainsFunc(r.p.Groups, func(g *model.Group) bool {
		return slices.ContainsFunc(g.Consts, func(c *model.Const) bool { return c.Name == name })
	})
}

func (r *resolver) param(c *model.Call, p *model.Param) {
	t, ok := r.resolve(p.Type, p.Pos)
	if !ok || !r.sizeOf(c, p) {
		return
	}
	if t.st != nil {
		r.errs.Add(p.Pos, "parameter %s of %s passes struct %s by value", p.Name, c.Name, t.goType).Expected("a pointer or a number")
		return
	}
	if p.Type.Array > 0 {
		r.errs.Add(p.Pos, "parameter %s of %s passes an array by value", p.Name, c.Name).Expected("a pointer to the first element, as C passes it")
		return
	}
	if !r.ownGoType(c, p, t) || !r.fixedFits(c, p, t) {
		return
	}
	if t.pointer && t.goPointer {
		r.pointerParam(c, p, t)
		return
	}
	if c.Convention != model.DLL && !t.pointer && t.size > r.pointerSize().Size {
		r.errs.Add(p.Pos, "parameter %s of %s is a 64-bit value, which takes two registers on %s", p.Name, c.Name, r.p.Name()).
			Expected("a call that takes a pointer to it")
	}
	p.GoType = numberGoType(p.Type, t)
	if p.Go != "" {
		p.GoType = p.Go
	}
}

// fixedFits refuses a value that is passed always and does not fit its type, with
// or without a sign.
func (r *resolver) fixedFits(c *model.Call, p *model.Param, t resolved) bool {
	if p.Value == nil || t.size >= 8 {
		return true
	}
	bits := uint(t.size * 8)
	if least, most := int64(-1)<<(bits-1), int64(1)<<bits-1; *p.Value < least || *p.Value > most {
		r.errs.Add(p.Pos, "the value of parameter %s of %s does not fit %d bytes", p.Name, c.Name, t.size).
			Expected("a value from %d to %d", least, most)
		return false
	}
	return true
}

// ownGoType checks the Go type that the spec gives a parameter instead of the
// computed one.
func (r *resolver) ownGoType(c *model.Call, p *model.Param, t resolved) bool {
	if p.Go == "" {
		return true
	}
	known, size := r.goType(p.Go)
	if !known {
		r.errs.Add(p.Pos, "parameter %s of %s has the unknown Go type %q%s", p.Name, c.Name, p.Go, model.Suggest(p.Go, r.goTypes())).
			Expected("an integer of Go, a struct, the go of an entry of types, or a pointer to one of them")
		return false
	}
	if size > 0 && size != t.size {
		r.errs.Add(p.Pos, "parameter %s of %s is %d bytes in C, and %s is %d", p.Name, c.Name, t.size, p.Go, size).
			Expected("a Go type of %d bytes", t.size)
		return false
	}
	return true
}

// sizeOf checks a parameter that passes a struct's size.
func (r *resolver) sizeOf(c *model.Call, p *model.Param) bool {
	if p.SizeOf == "" {
		return true
	}
	var names []string
	for _, s := range r.p.Structs {
		if s.Name == p.SizeOf {
			return true
		}
		names = append(names, s.Name)
	}
	r.errs.Add(p.Pos, "parameter %s of %s passes the size of %q, which is no struct%s", p.Name, c.Name, p.SizeOf, model.Suggest(p.SizeOf, names)).
		Expected("the Go name of an entry of structs")
	return false
}

func (r *resolver) pointerParam(c *model.Call, p *model.Param, t resolved) {
	if p.Dir == "" && p.Type.Const {
		p.Dir = model.In
	}
	if p.Dir == "" && !p.Fixed() && p.Go != "uintptr" {
		r.errs.Add(p.Pos, "pointer parameter %s of %s does not say who fills it", p.Name, c.Name).
			Expected("dir: in, out or inout, or a pointer to const")
		return
	}
	p.GoType = t.goType
	if p.Go != "" {
		p.GoType = p.Go
	}
	if p.Dir != model.Out {
		return
	}
	s, ok := r.structs[p.Type.Base]
	if !ok || p.Type.Ptr != 1 {
		return
	}
	if field, found := r.hasGoPointer(s); found {
		r.errs.Add(p.Pos, "the kernel fills struct %s through parameter %s of %s, but its field %s is a Go pointer", s.Name, p.Name, c.Name, field).
			Expected("opaque: uintptr on that field, since an integer in a pointer slot crashes the garbage collector")
	}
}

// numberGoType is the Go type of a number passed by value. A C int is a Go
// int, as in package syscall, and so is a size.
func numberGoType(c model.CType, t resolved) string {
	if c.Base == "size_t" || (!t.named && (t.basic == "int" || t.basic == "long" && t.size == 8)) {
		return "int"
	}
	return t.goType
}

// length turns a pointer and its count into one slice.
func (r *resolver) length(c *model.Call, p *model.Param, byName map[string]*model.Param) {
	if p.Len == "" {
		return
	}
	count, ok := byName[p.Len]
	if !ok {
		known := make([]string, 0, len(byName))
		for name := range byName {
			known = append(known, name)
		}
		slices.Sort(known)
		r.errs.Add(p.Pos, "len of parameter %s of %s names %q, which is no parameter%s", p.Name, c.Name, p.Len, model.Suggest(p.Len, known)).
			Expected("one of %v", known)
		return
	}
	if !p.Type.IsPointer() || p.Type.Ptr != 1 || count.Type.IsPointer() {
		r.errs.Add(p.Pos, "parameter %s of %s cannot be a slice with its length in %s", p.Name, c.Name, p.Len).
			Expected("a pointer, and a number for its element count")
		return
	}
	if count.Fixed() {
		r.errs.Add(count.Pos, "parameter %s of %s carries the length of %s, and has a value of its own", count.Name, c.Name, p.Name).
			Expected("one of the two")
		return
	}
	count.LenOf = p
	if p.Type.Base == "void" || p.Type.Base == "char" {
		p.GoType = "[]byte"
		return
	}
	if len(p.GoType) > 0 {
		p.GoType = "[]" + p.GoType[1:]
	}
}

func (r *resolver) result(c *model.Call) {
	if !slices.Contains(model.FailModes, c.Returns.Fails) {
		r.errs.Add(c.Returns.Pos, "unknown failure mode %q for call %s%s", c.Returns.Fails, c.Name, model.Suggest(c.Returns.Fails, model.FailModes)).
			Expected("one of %v", model.FailModes)
		return
	}
	if c.Returns.None {
		return
	}
	t, ok := r.resolve(c.Returns.Type, c.Returns.Pos)
	if !ok {
		return
	}
	if t.st != nil || c.Returns.Type.Array > 0 || t.goPointer {
		r.errs.Add(c.Returns.Pos, "call %s returns %s", c.Name, c.Returns.Type).
			Expected("a number, or none; a pointer as a typedef whose go is uintptr, since what it points to is no memory of Go")
		return
	}
	c.Returns.GoType = numberGoType(c.Returns.Type, t)
}
