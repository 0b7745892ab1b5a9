package draft

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/metalio/metalio/gen/load"
	"github.com/metalio/metalio/gen/model"
)

// header is the part of the draft that is known before anything is compared.
func (w *work) header() string {
	var b strings.Builder
	fmt.Fprintf(&b, "extends: [%s]\n", w.draft.Extends)
	fmt.Fprintf(&b, "c_target: %s\n", cmp.Or(w.target(), model.NoHeaders))
	if !w.ownBase {
		w.newSystem(&b)
	}
	if m := w.dataModel(); m != "lp64" && m != "llp64" {
		fmt.Fprintf(&b, "data_model: %s\n", m)
	}
	if order := load.Endian(w.draft.GOARCH); order != "little" {
		fmt.Fprintf(&b, "endian: %s\n", order)
	}
	return b.String()
}

// newSystem declares what a system without a base of its own needs.
func (w *work) newSystem(b *strings.Builder) {
	fmt.Fprintf(b, "families: [unix, bsd, %s]\n", w.draft.GOOS)
	if w.x.library != "" {
		fmt.Fprintf(b, "convention: libc\nlibrary: %s\n", w.x.library)
		return
	}
	b.WriteString("convention: trap\nheaders: [sys/syscall.h]\n")
}

func (w *work) text() string {
	var b strings.Builder
	b.WriteString("# yaml-language-server: $schema=schema.json\n")
	fmt.Fprintf(&b, "# %s on %s, drafted by go run ./gen -new %s/%[2]s.\n", systems[w.draft.GOOS], w.draft.GOARCH, w.draft.GOOS)
	for _, line := range w.draft.ToCheck {
		fmt.Fprintf(&b, "# TO CHECK: %s\n", line)
	}
	b.WriteString(w.header())
	if len(w.absent) > 0 {
		fmt.Fprintf(&b, "absent: [%s]\n", strings.Join(w.absent, ", "))
	}
	w.writeTypedefs(&b)
	w.writeConstants(&b)
	w.writeStructs(&b)
	w.writeNumbers(&b)
	return b.String()
}

func (w *work) writeTypedefs(b *strings.Builder) {
	if len(w.typedefs) > 0 {
		b.WriteString("\ntypes:\n")
	}
	for _, t := range w.typedefs {
		fmt.Fprintf(b, "  %s: %s\n", t.name, t.value)
	}
}

func (w *work) writeConstants(b *strings.Builder) {
	if len(w.groups) > 0 {
		b.WriteString("\nconstants:\n")
	}
	for _, g := range w.groups {
		fmt.Fprintf(b, "  %s:\n", g.name)
		if g.header != "" {
			fmt.Fprintf(b, "    header: %s\n", g.header)
		}
		if g.doc != "" {
			fmt.Fprintf(b, "    doc: %s\n", quoted(g.doc))
		}
		b.WriteString("    values:\n")
		for _, v := range g.values {
			fmt.Fprintf(b, "      %s:%s\n", v.name, spaced(v.value))
		}
	}
}

func spaced(value string) string {
	if value == "" {
		return ""
	}
	return " " + value
}

func (w *work) writeStructs(b *strings.Builder) {
	if len(w.structSpec) > 0 {
		b.WriteString("\nstructs:\n")
	}
	for _, s := range w.structSpec {
		fmt.Fprintf(b, "  %s:\n", s.name)
		if s.packed {
			b.WriteString("    packed: true\n")
		}
		if len(s.fields) > 0 {
			b.WriteString("    fields:\n")
		}
		for _, f := range s.fields {
			fmt.Fprintf(b, "      %s: %s\n", f.name, f.value)
		}
		if s.expect != "" {
			fmt.Fprintf(b, "    expect:\n      %s: %s\n", w.dataModel(), s.expect)
		}
	}
}

func (w *work) writeNumbers(b *strings.Builder) {
	slices.SortStableFunc(w.numbers, func(a, b numberChange) int { return cmp.Compare(a.number, b.number) })
	if len(w.numbers) > 0 {
		b.WriteString("\nsyscalls:\n")
	}
	for _, n := range w.numbers {
		if n.macro == "" {
			fmt.Fprintf(b, "  %s: %d\n", n.name, n.number)
			continue
		}
		fmt.Fprintf(b, "  %s: {number: %d, macro: %s}\n", n.name, n.number, n.macro)
	}
}

// quoted writes text as a YAML scalar, in quotes where it could be taken for
// something else.
func quoted(text string) string {
	if strings.ContainsAny(text, `[]{},:#"'`) {
		return fmt.Sprintf("%q", text)
	}
	return text
}

// toCheck adds a line that speaks of count facts.
func (w *work) toCheck(count int, format string, args ...any) {
	w.draft.checkCount += count
	w.draft.ToCheck = append(w.draft.ToCheck, fmt.Sprintf(format, args...))
}

// settle decides what becomes of the facts that nothing confirmed, and lists
// them: one line for each group of constants, call and struct.
func (w *work) settle() {
	source := "golang.org/x/sys does not know them"
	if w.drafter.Compiler != "" && w.target() != "" {
		source = "neither golang.org/x/sys nor the C headers know them"
	}
	names := map[string][]string{}
	var order []string
	for _, u := range w.unknown.consts {
		if names[u.group.Name] == nil {
			order = append(order, u.group.Name)
		}
		names[u.group.Name] = append(names[u.group.Name], u.c.Name)
	}
	for _, group := range order {
		w.toCheck(len(names[group]), "constants of %s as in %s, since %s: %s", group, w.draft.Extends, source, strings.Join(names[group], " "))
	}
	if names := w.sharedByRelatives(); len(names) > 0 {
		w.toCheck(len(names), "constants that every related platform has and %s lacks: %s", "golang.org/x/sys", strings.Join(names, " "))
	}
	for _, c := range w.unknown.calls {
		w.settleCall(c)
	}
	for _, s := range w.unknown.structs {
		w.toCheck(1, "layout of struct %s as computed from %s: nothing confirms it", s.Name, w.draft.Extends)
	}
}

func (w *work) settleCall(c *model.Call) {
	switch {
	case c.Convention == model.Trap:
		w.toCheck(1, "call %s: no number found; give one under syscalls, or name it under absent", c.Name)
	case c.Optional:
		w.absent = append(w.absent, c.Name)
		w.toCheck(1, "call %s is absent: golang.org/x/sys does not use it here", c.Name)
	default:
		w.toCheck(1, "call %s as in %s: golang.org/x/sys does not use it here", c.Name, w.draft.Extends)
	}
}

// sharedByRelatives lists the constants that no source gave but every related
// platform has.
func (w *work) sharedByRelatives() []string {
	var out []string
	for _, u := range w.unknown.relatives {
		missing := slices.ContainsFunc(w.known, func(p *model.Platform) bool { return w.related(p) && !has(p, u.c.Name) })
		if !missing {
			out = append(out, u.c.Name)
		}
	}
	return out
}

func has(p *model.Platform, name string) bool {
	for _, g := range p.Groups {
		if slices.ContainsFunc(g.Consts, func(c *model.Const) bool { return c.Name == name }) {
			return true
		}
	}
	return false
}
