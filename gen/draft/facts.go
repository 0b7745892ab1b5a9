package draft

import (
	"fmt"
	"go/types"
	"slices"
	"strconv"
	"strings"

	"github.com/metalio/metalio/gen/model"
)

// constants compares every constant of the base with x/sys. For a system
// without a base of its own it adds those that other platforms have, if x/sys
// has them here.
func (w *work) constants() {
	have := map[string]bool{}
	for _, g := range w.base.Groups {
		for _, c := range g.Consts {
			have[c.Name] = true
			w.constant(g, c)
		}
	}
	if w.ownBase {
		return // which says what the system has, whatever the processor
	}
	for _, related := range []bool{true, false} {
		for _, p := range w.known {
			if w.related(p) == related {
				w.takeOver(have, p)
			}
		}
	}
	w.addWithPrefix(have, "kqueue filters", "EVFILT_")
	w.addWithPrefix(have, "kqueue flags", "EV_")
}

// takeOver adds what p has: all of a related platform, and the groups that the
// base has too of any other, such as the socket types of Linux.
func (w *work) takeOver(have map[string]bool, p *model.Platform) {
	for _, g := range p.Groups {
		if !w.related(p) && w.group(g.Name) == nil {
			continue
		}
		for _, c := range g.Consts {
			w.addConstant(have, g, c)
		}
	}
}

// group returns the base's group of that name, or nil.
func (w *work) group(name string) *model.Group {
	i := slices.IndexFunc(w.base.Groups, func(g *model.Group) bool { return g.Name == name })
	if i < 0 {
		return nil
	}
	return w.base.Groups[i]
}

func (w *work) constant(g *model.Group, c *model.Const) {
	v, ok := w.x.constant(c.Name)
	switch {
	case !ok && g.Unproved != "":
		w.draft.FromBase++
	case !ok:
		w.unknown.consts = append(w.unknown.consts, unknownConst{g, c})
	case v.equals(number{c.Value, c.Unsigned}):
		w.draft.FromBase++
	default:
		w.draft.FromXSys++
		w.set(g, c.Name, v.format(c.Text))
	}
}

// related reports whether p is of the same family, narrower than unix.
func (w *work) related(p *model.Platform) bool {
	if len(p.Families) < 2 || len(w.base.Families) < 2 {
		return slices.Equal(p.Families, w.base.Families)
	}
	return p.Families[1] == w.base.Families[1]
}

// addConstant takes over what a related platform has under that name. One that
// x/sys lacks may still be in the headers.
func (w *work) addConstant(have map[string]bool, g *model.Group, c *model.Const) {
	if have[c.Name] {
		return
	}
	have[c.Name] = true
	v, ok := w.x.constant(c.Name)
	if !ok {
		w.unknown.relatives = append(w.unknown.relatives, unknownConst{g, c})
		return
	}
	w.draft.FromXSys++
	w.set(g, c.Name, v.format(c.Text))
}

// addWithPrefix takes over what no other platform has. Counts, masks and
// markers are the kernel's own.
func (w *work) addWithPrefix(have map[string]bool, group, prefix string) {
	g := w.group(group)
	if g == nil {
		return
	}
	for _, name := range w.x.names(prefix) {
		if strings.HasSuffix(name, "COUNT") || strings.HasSuffix(name, "MARKER") || strings.HasSuffix(name, "SYSFLAGS") {
			continue
		}
		w.addConstant(have, g, &model.Const{Name: name, Text: g.Consts[0].Text})
	}
}

// set writes a constant's value, or its removal if text is empty, into the
// draft.
func (w *work) set(g *model.Group, name, text string) {
	for _, change := range w.groups {
		if change.name == g.Name {
			change.values = append(change.values, pair{name, text})
			return
		}
	}
	change := &groupChange{name: g.Name, values: []pair{{name, text}}}
	if w.group(g.Name) == nil {
		change.header, change.doc = g.Header, g.Doc
	}
	w.groups = append(w.groups, change)
}

// equals takes the 32-bit forms of one value for the same: x/sys has some
// flags signed that the specs have unsigned.
func (n number) equals(m number) bool {
	if n.bits == m.bits {
		return true
	}
	return n.fits32() && m.fits32() && uint32(n.bits) == uint32(m.bits)
}

func (n number) fits32() bool {
	return !n.unsigned && (n.bits == int64(int32(n.bits)) || n.bits == int64(uint32(n.bits)))
}

// format writes n in the radix of like, or in hexadecimal if it is large.
func (n number) format(like string) string {
	if n.unsigned {
		return fmt.Sprintf("%#x", uint64(n.bits))
	}
	if n.bits >= 0x100 || n.bits >= 0 && strings.HasPrefix(like, "0x") {
		return fmt.Sprintf("%#x", n.bits)
	}
	return strconv.FormatInt(n.bits, 10)
}

// calls finds each call's number or symbol.
func (w *work) calls() {
	for _, c := range w.base.Calls {
		switch c.Convention {
		case model.Trap:
			w.trap(c)
		case model.Libc:
			w.symbol(c)
		default:
			w.draft.FromBase++ // a DLL's exports do not depend on the processor
		}
	}
}

func (w *work) trap(c *model.Call) {
	n, ok := w.number(c)
	switch {
	case ok && n.number == int64(c.Number) && n.macro == c.NumberMacro:
		w.draft.FromBase++
	case ok:
		w.draft.FromXSys++
		w.numbers = append(w.numbers, n)
	case c.Optional || c.Absent:
		w.draft.FromBase++ // becomes a stub
	default:
		w.unknown.calls = append(w.unknown.calls, c)
	}
}

// number looks c up among x/sys's numbers. A number whose prototype has
// another count of parameters is not c: NetBSD's pipe returns both descriptors
// in registers and stores none.
func (w *work) number(c *model.Call) (numberChange, bool) {
	for _, name := range w.spellings(c.Name) {
		constant := "SYS_" + strings.ToUpper(name)
		v, ok := w.x.constant(constant)
		if !ok {
			continue
		}
		if count, known := w.x.params[constant]; known && count != len(c.Params) {
			continue
		}
		n := numberChange{name: c.Name, number: v.bits}
		if version := w.x.version[constant]; version != "" {
			n.macro = "SYS___" + name + version
		} else if name != c.Name {
			n.macro = "SYS_" + name
		}
		return n, true
	}
	return numberChange{}, false
}

// spellings lists the names that a call may have here, best first. The Linux
// specs use 64-bit time and offsets on 32-bit processors too, which are calls
// of their own there.
func (w *work) spellings(name string) []string {
	if w.draft.GOOS == "linux" && w.pointerSize() == 4 {
		return []string{name + "_time64", name + "64", name}
	}
	return []string{name}
}

func (w *work) symbol(c *model.Call) {
	// Symbols do not depend on the processor. The C library has a function for
	// each system call that x/sys has the number of.
	_, numbered := w.number(c)
	if c.Absent || w.ownBase || w.x.symbols[c.Symbol] || numbered {
		w.draft.FromBase++
		return
	}
	w.unknown.calls = append(w.unknown.calls, c)
}

// structs compares every layout of the base with x/sys.
func (w *work) structs() {
	for _, s := range w.base.Structs {
		xs, ok := w.x.layout(s.XSys)
		switch {
		case s.Name == "Sigset" && w.manySignals():
			w.draft.FromXSys++
			w.structSpec = append(w.structSpec, structChange{
				name: s.Name, fields: []pair{{"Bits", `{type: "uint64_t[2]"}`}}, expect: expectation(16, []int{0}),
			})
		case !ok && s.Unproved != "":
			w.draft.FromBase++
		case !ok:
			w.unknown.structs = append(w.unknown.structs, s)
		default:
			w.structure(s, xs)
		}
	}
}

// manySignals reports whether Linux has 128 signals here, as on MIPS, instead of
// 64: then the kernel's set of them is twice as long.
func (w *work) manySignals() bool {
	n, ok := w.x.constant("_C__NSIG")
	return ok && n.bits > 65
}

// matched is a field of ours beside its counterpart in x/sys.
type matched struct {
	ours   *model.Field
	theirs *xfield
}

func match(s *model.Struct, xs xstruct) []matched {
	var out []matched
	for _, f := range s.Fields {
		m := matched{ours: f}
		for i := range xs.fields {
			if strings.EqualFold(strings.ReplaceAll(xs.fields[i].name, "_", ""), f.Name) {
				m.theirs = &xs.fields[i]
			}
		}
		out = append(out, m)
	}
	return out
}

func (w *work) structure(s *model.Struct, xs xstruct) {
	change := structChange{name: s.Name}
	end, whole := 0, true // whole: every field has its counterpart
	var offsets []int
	fieldsHold := true
	for _, m := range match(s, xs) {
		offset := end // of a field that x/sys splits or leaves out, if nothing pads it
		if m.theirs == nil {
			whole = false
			end = offset + m.ours.Size
			offsets = append(offsets, offset)
			continue
		}
		offsets = append(offsets, m.theirs.offset)
		end = m.theirs.offset + m.theirs.size
		if m.theirs.offset != m.ours.Offset {
			fieldsHold = false
		}
		if m.ours.Opaque != "" && m.theirs.size == 4 {
			change.fields = append(change.fields, pair{m.ours.Name, "{opaque: uintptr}"})
			continue
		}
		if m.agrees() {
			continue
		}
		fieldsHold = false
		w.retype(&change, m)
	}
	extra := w.extraFields(&change, s, xs)
	if fieldsHold && extra == nil && xs.size == s.Size {
		w.draft.FromBase++
		if s.Expect[w.dataModel()] == nil && len(s.Expect) > 0 && whole {
			change.expect = expectation(xs.size, offsets)
			w.structSpec = append(w.structSpec, change)
		}
		return
	}
	offsets = append(offsets, extra...)
	w.draft.FromXSys++
	if !whole && end == xs.size && len(change.fields) == 0 {
		change.packed = true // x/sys leaves no room for padding
	}
	change.expect = expectation(xs.size, offsets)
	w.structSpec = append(w.structSpec, change)
}

// extraFields adds the fields that only x/sys has. The designator in C is a
// guess from its name.
func (w *work) extraFields(change *structChange, s *model.Struct, xs xstruct) []int {
	named := map[string]bool{}
	whole := true
	for _, m := range match(s, xs) {
		if m.theirs == nil {
			whole = false
			continue
		}
		named[m.theirs.name] = true
	}
	if !whole {
		return nil // the rest are parts of a field of ours, such as epoll's data
	}
	var offsets []int
	for _, f := range xs.fields {
		if named[f.name] || f.padding() {
			continue
		}
		c, ok := cType(f.typ)
		if !ok {
			continue
		}
		change.fields = append(change.fields, pair{f.name, fmt.Sprintf("{c: %s, type: %s}", strings.ToLower(f.name), quoted(c))})
		offsets = append(offsets, f.offset)
		w.toCheck(1, "struct %s: x/sys has the field %s in addition; its name in C is a guess", s.Name, f.name)
	}
	return offsets
}

// retype writes the type that x/sys has: into the typedef where the field has
// one of the spec's own, so that whatever else uses it follows.
func (w *work) retype(change *structChange, m matched) {
	c, ok := cType(m.theirs.typ)
	if !ok {
		w.toCheck(1, "struct %s: field %s is %v in x/sys, and %s in the base", change.name, m.ours.Name, m.theirs.typ, m.ours.Type)
		return
	}
	i := slices.IndexFunc(w.base.Typedefs, func(t *model.Typedef) bool { return t.Name == m.ours.Type.Base && isOwnName(t.Go) })
	if i < 0 || m.ours.Type.Ptr > 0 || m.ours.Type.Array > 0 {
		change.fields = append(change.fields, pair{m.ours.Name, fmt.Sprintf("{type: %s}", quoted(c))})
		return
	}
	t := pair{m.ours.Type.Base, fmt.Sprintf("{c: %s}", basicOf[c])}
	if !slices.Contains(w.typedefs, t) {
		w.typedefs = append(w.typedefs, t)
	}
}

// isOwnName reports whether a typedef is emitted under a name of its own.
func isOwnName(goType string) bool { return goType != "" && goType[0] >= 'A' && goType[0] <= 'Z' }

// basicOf gives the basic type beneath a fixed-width one, which a typedef in a
// platform file may not be able to name.
var basicOf = map[string]string{"int32_t": "int", "uint32_t": "unsigned int", "int64_t": "long long", "uint64_t": "unsigned long long"}

// agrees reports whether size and signedness are the same. A slot that carries
// a token, a pointer and an array have no sign to compare.
func (m matched) agrees() bool {
	if m.theirs.size != m.ours.Size {
		return false
	}
	basic, ok := m.theirs.typ.Underlying().(*types.Basic)
	if !ok || m.ours.Opaque != "" {
		return true
	}
	switch {
	case strings.HasPrefix(m.ours.GoType, "int"):
		return basic.Info()&types.IsUnsigned == 0
	case strings.HasPrefix(m.ours.GoType, "uint"):
		return basic.Info()&types.IsUnsigned != 0
	}
	return true
}

// cType is the C type of a Go number or array of numbers.
func cType(t types.Type) (string, bool) {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		if u.Info()&types.IsInteger == 0 || u.Kind() == types.Uintptr {
			return "", false
		}
		return u.Name() + "_t", true
	case *types.Array:
		elem, ok := cType(u.Elem())
		return fmt.Sprintf("%s[%d]", elem, u.Len()), ok && !strings.Contains(elem, "[")
	}
	return "", false
}

func expectation(size int, offsets []int) string {
	return fmt.Sprintf("{size: %d, offsets: %s}", size, strings.ReplaceAll(fmt.Sprint(offsets), " ", ", "))
}
