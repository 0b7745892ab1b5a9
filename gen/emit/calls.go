package emit

import (
	"fmt"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/metalio/metalio/gen/model"
)

// form is one of the two ways into the kernel.
type form int

const (
	scheduled form = iota // tells the scheduler: the call may sleep
	raw                   // does not: the call must not sleep
)

func (e *emitter) calls() {
	for _, c := range e.p.Calls {
		if c.Convention == model.DLL {
			e.call(c, scheduled)
			continue
		}
		if c.Blocking != model.Never {
			e.call(c, scheduled)
		}
		e.call(c, raw)
	}
}

func (e *emitter) call(c *model.Call, how form) {
	e.f.Comment(callDoc(c, how))
	fn := e.f.Func().Id(callName(c, how)).ParamsFunc(func(g *jen.Group) { parameters(g, visible(c)) })
	e.results(fn, c)
	fn.BlockFunc(func(g *jen.Group) { e.body(g, c, how) })
	e.f.Line()
}

// parameters writes neighbours of one type as Go programmers do: fd, op int.
func parameters(g *jen.Group, params []*model.Param) {
	for len(params) > 0 {
		same := 1
		for same < len(params) && params[same].GoType == params[0].GoType {
			same++
		}
		var names []jen.Code
		for _, p := range params[:same] {
			names = append(names, jen.Id(p.Name))
		}
		g.List(names...).Add(goType(params[0].GoType))
		params = params[same:]
	}
}

func callName(c *model.Call, how form) string {
	if how == raw {
		return "Raw" + c.Go
	}
	return c.Go
}

// visible are the parameters that Go code passes.
func visible(c *model.Call) []*model.Param {
	var out []*model.Param
	for _, p := range c.Params {
		if !p.Fixed() && p.LenOf == nil {
			out = append(out, p)
		}
	}
	return out
}

// hasValue reports whether the call gives a value beside its error.
func hasValue(c *model.Call) bool {
	return !c.Returns.None && c.Returns.Fails != model.FailsStatus && c.Returns.GoType != ""
}

func (e *emitter) results(fn *jen.Statement, c *model.Call) {
	errno := jen.Qual("syscall", "Errno")
	switch {
	case c.Returns.Fails == model.FailsStatus, c.Returns.Fails == model.FailsNever:
		if c.Returns.GoType != "" {
			fn.Add(goType(c.Returns.GoType))
		}
	case hasValue(c):
		fn.Params(jen.Add(goType(c.Returns.GoType)), errno)
	default:
		fn.Add(errno)
	}
}

func (e *emitter) body(g *jen.Group, c *model.Call, how form) {
	if c.Stub {
		e.stubBody(g, c)
		return
	}
	if c.Convention == model.DLL {
		e.dllBody(g, c)
		return
	}
	e.raceBefore(g, c)
	value := "_"
	if hasValue(c) || e.raceCount(c) {
		value = "r"
	}
	g.List(jen.Id(value), jen.Id("_"), jen.Id("e")).Op(":=").Add(e.enter(c, how))
	e.raceAfter(g, c, jen.Id("e").Op("==").Lit(0))
	if hasValue(c) {
		g.Return(jen.Add(goType(c.Returns.GoType)).Call(jen.Id("r")), jen.Id("e"))
		return
	}
	g.Return(jen.Id("e"))
}

func (e *emitter) stubBody(g *jen.Group, c *model.Call) {
	enosys := jen.Qual("syscall", "ENOSYS")
	switch {
	case c.Returns.Fails == model.FailsStatus:
		g.Return(jen.Id("STATUS_PROCEDURE_NOT_FOUND"))
	case c.Returns.Fails == model.FailsNever && c.Returns.GoType != "":
		g.Return(jen.Lit(0))
	case hasValue(c) && strings.HasPrefix(c.Returns.GoType, "u"):
		g.Return(jen.Lit(0), enosys)
	case hasValue(c):
		g.Return(jen.Lit(-1), enosys)
	default:
		g.Return(enosys)
	}
}

// enter is the direct call to package syscall. The conversions from pointer
// to uintptr stand in its argument list, because only there does the compiler
// keep the memory alive and in place (unsafe.Pointer, rule 4).
func (e *emitter) enter(c *model.Call, how form) jen.Code {
	width := 3
	if len(c.Params) > 3 {
		width = 6
	}
	args := []jen.Code{e.target(c)}
	for _, p := range c.Params {
		args = append(args, argument(p))
	}
	for len(args) <= width {
		args = append(args, jen.Lit(0))
	}
	return e.entry(c.Convention, how, width).Call(args...)
}

func (e *emitter) target(c *model.Call) jen.Code {
	if c.Convention == model.Trap {
		return jen.Id(numberName(c))
	}
	return jen.Id(trampoline(c) + "_addr")
}

func (e *emitter) entry(conv model.Convention, how form, width int) *jen.Statement {
	name := map[form]string{scheduled: "Syscall", raw: "RawSyscall"}[how]
	if width == 6 {
		name += "6"
	}
	if conv == model.Libc {
		return jen.Id(libcEntry(name))
	}
	return jen.Qual("syscall", name)
}

// libcEntry names our handle on one of package syscall's libc entries.
func libcEntry(name string) string {
	return "syscall_" + strings.ToLower(name[:1]) + name[1:]
}

func argument(p *model.Param) jen.Code {
	pointer := func() *jen.Statement { return jen.Qual("unsafe", "Pointer") }
	switch {
	case p.SizeOf != "":
		return jen.Id("Sizeof" + p.SizeOf)
	case p.Value != nil:
		return fixed(*p.Value)
	case p.LenOf != nil:
		return jen.Uintptr().Call(jen.Len(jen.Id(p.LenOf.Name)))
	case strings.HasPrefix(p.GoType, "[]"):
		return jen.Uintptr().Call(pointer().Call(jen.Qual("unsafe", "SliceData").Call(jen.Id(p.Name))))
	case p.GoType == "unsafe.Pointer":
		return jen.Uintptr().Call(jen.Id(p.Name))
	case strings.HasPrefix(p.GoType, "*"):
		return jen.Uintptr().Call(pointer().Call(jen.Id(p.Name)))
	case p.GoType == "uintptr":
		return jen.Id(p.Name)
	}
	return jen.Uintptr().Call(jen.Id(p.Name))
}

// fixed is a value as an uintptr: Go has no negative constant of that type.
func fixed(value int64) jen.Code {
	if value < 0 {
		return jen.Op(fmt.Sprintf("^uintptr(%d)", ^value))
	}
	return jen.Op(fmt.Sprint(value))
}

// buffers lists the slice parameters with one of the directions.
func buffers(c *model.Call, dirs ...model.Direction) []*model.Param {
	var out []*model.Param
	for _, p := range c.Params {
		for _, d := range dirs {
			if strings.HasPrefix(p.GoType, "[]") && p.Dir == d {
				out = append(out, p)
			}
		}
	}
	return out
}

// raceBefore tells the race detector what the kernel reads, and that what
// happened before is visible to whoever receives it.
func (e *emitter) raceBefore(g *jen.Group, c *model.Call) {
	in := buffers(c, model.In, model.InOut)
	if len(in) == 0 {
		return
	}
	g.If(jen.Id("raceEnabled")).BlockFunc(func(b *jen.Group) {
		b.Id("raceRelease").Call()
		for _, p := range in {
			b.Id("raceRead").Call(address(p), bytesOf(p, jen.Len(jen.Id(p.Name))))
		}
	})
}

// raceCount reports whether the result counts the elements that were filled.
func (e *emitter) raceCount(c *model.Call) bool {
	return len(buffers(c, model.Out)) > 0 && c.Returns.Fails == model.FailsErrno && !c.Returns.None
}

// raceAfter tells the race detector what the kernel filled, and that what the
// sender did before is visible here.
func (e *emitter) raceAfter(g *jen.Group, c *model.Call, succeeded *jen.Statement) {
	out := buffers(c, model.Out)
	if len(out) == 0 {
		return
	}
	g.If(jen.Id("raceEnabled").Op("&&").Add(succeeded)).BlockFunc(func(b *jen.Group) {
		for _, p := range out {
			count := jen.Len(jen.Id(p.Name))
			if e.raceCount(c) {
				// A call may report more than it stored (MSG_TRUNC).
				count = jen.Min(jen.Int().Call(jen.Id("r")), jen.Len(jen.Id(p.Name)))
			}
			b.Id("raceWrite").Call(address(p), bytesOf(p, count))
		}
		b.Id("raceAcquire").Call()
	})
}

func address(p *model.Param) jen.Code {
	return jen.Qual("unsafe", "Pointer").Call(jen.Qual("unsafe", "SliceData").Call(jen.Id(p.Name)))
}

func bytesOf(p *model.Param, count *jen.Statement) jen.Code {
	elem := strings.TrimPrefix(p.GoType, "[]")
	if elem == "byte" {
		return count
	}
	return count.Op("*").Id("Sizeof" + elem)
}

func callDoc(c *model.Call, how form) string {
	name := callName(c, how)
	if c.Stub {
		return wrap(name + " is not there on this platform: it always returns ENOSYS.")
	}
	if how == raw && c.Blocking != model.Never {
		return wrap(fmt.Sprintf("%s is %s without a word to the scheduler: only for a call that cannot sleep, such as one on a non-blocking descriptor or with a zero timeout.", name, c.Go))
	}
	doc := name + " " + strings.TrimSpace(c.Doc)
	if hasValue(c) && c.Returns.Fails == model.FailsErrno {
		doc += " On failure the value is -1."
	}
	if len(c.Errors) > 0 {
		doc += "\n\nErrors: " + strings.Join(c.Errors, ", ") + "."
	}
	if c.Source != "" {
		doc += "\n\nSource: " + c.Source + "."
	}
	return wrap(doc)
}
