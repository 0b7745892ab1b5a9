package emit

import (
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/metalio/metalio/gen/model"
)

const xwindows = "golang.org/x/sys/windows"

func dllCalls(p *model.Platform) []*model.Call {
	var out []*model.Call
	for _, c := range p.Calls {
		if c.Convention == model.DLL && !c.Stub {
			out = append(out, c)
		}
	}
	return out
}

func dllVar(name string) string {
	stem := strings.TrimSuffix(strings.ToLower(name), ".dll")
	return "dll_" + strings.NewReplacer("-", "_", ".", "_").Replace(stem)
}

func procVar(c *model.Call) string { return "proc_" + symbol(c) }

func (e *emitter) dllEntries() {
	calls := dllCalls(e.p)
	if len(calls) == 0 {
		return
	}
	e.f.Comment(wrap("Procedures are looked up at their first call, in the system's own folder only."))
	e.f.Var().DefsFunc(func(g *jen.Group) {
		seen := map[string]bool{}
		for _, c := range calls {
			if !seen[c.DLL] {
				seen[c.DLL] = true
				g.Id(dllVar(c.DLL)).Op("=").Qual(xwindows, "NewLazySystemDLL").Call(jen.Lit(c.DLL))
			}
		}
		g.Line()
		for _, c := range calls {
			g.Id(procVar(c)).Op("=").Id(dllVar(c.DLL)).Dot("NewProc").Call(jen.Lit(symbol(c)))
		}
	})
	e.f.Line()
	for _, c := range calls {
		if c.Optional {
			e.dllAbility(c)
		}
	}
}

// dllAbility asks the running system: the same binary meets releases with and
// without the export.
func (e *emitter) dllAbility(c *model.Call) {
	has := "has" + c.Go
	e.f.Var().Id(has).Op("=").Qual("sync", "OnceValue").Call(
		jen.Func().Params().Bool().Block(jen.Return(jen.Id(procVar(c)).Dot("Find").Call().Op("==").Nil())))
	e.f.Line()
	e.f.Comment(wrap("Has" + c.Go + " reports whether this system exports " + symbol(c) + "."))
	e.f.Func().Id("Has" + c.Go).Params().Bool().Block(jen.Return(jen.Id(has).Call()))
	e.f.Line()
}

func (e *emitter) dllBody(g *jen.Group, c *model.Call) {
	if c.Optional {
		g.If(jen.Op("!").Id("has" + c.Go).Call()).BlockFunc(func(b *jen.Group) { e.missingExport(b, c) })
	}
	e.raceBefore(g, c)
	args := []jen.Code{jen.Id(procVar(c)).Dot("Addr").Call()}
	for _, p := range c.Params {
		args = append(args, argument(p))
	}
	enter := jen.Qual("syscall", "SyscallN").Call(args...)
	switch c.Returns.Fails {
	case model.FailsStatus:
		g.List(jen.Id("r"), jen.Id("_"), jen.Id("_")).Op(":=").Add(enter)
		e.raceAfter(g, c, jen.Id("int32").Call(jen.Id("r")).Op(">=").Lit(0))
		g.Return(jen.Add(goType(c.Returns.GoType)).Call(jen.Id("r")))
	case model.FailsNever:
		if c.Returns.GoType == "" {
			g.Add(enter)
			return
		}
		g.List(jen.Id("r"), jen.Id("_"), jen.Id("_")).Op(":=").Add(enter)
		g.Return(jen.Add(goType(c.Returns.GoType)).Call(jen.Id("r")))
	default:
		e.dllLastError(g, c, enter)
	}
}

func (e *emitter) missingExport(b *jen.Group, c *model.Call) {
	notFound := jen.Qual(xwindows, "ERROR_PROC_NOT_FOUND")
	switch {
	case c.Returns.Fails == model.FailsStatus:
		b.Return(jen.Id(model.AbsentStatus))
	case c.Returns.Fails == model.FailsNever:
		// The value is an error code itself.
		b.Return(jen.Add(goType(c.Returns.GoType)).Call(notFound))
	case hasValue(c):
		b.Return(jen.Op("^").Add(goType(c.Returns.GoType)).Call(jen.Lit(0)), notFound)
	default:
		b.Return(notFound)
	}
}

// dllLastError handles the calls that fail with a value and tell why through
// GetLastError, which SyscallN reads before anything else can change it.
func (e *emitter) dllLastError(g *jen.Group, c *model.Call, enter jen.Code) {
	failed := jen.Id("r").Op("==").Lit(0)
	if c.Returns.Fails == model.FailsMinus1 {
		failed = jen.Id("r").Op("==").Op("^").Uintptr().Call(jen.Lit(0))
		if c.Returns.None || c.Returns.GoType == "int" || c.Returns.GoType == "int32" {
			failed = jen.Id("int32").Call(jen.Id("r")).Op("==").Lit(-1)
		}
	}
	g.List(jen.Id("r"), jen.Id("_"), jen.Id("e")).Op(":=").Add(enter)
	g.If(failed).BlockFunc(func(b *jen.Group) {
		b.Id("e").Op("=").Id("lastError").Call(jen.Id("e"))
	}).Else().Block(jen.Id("e").Op("=").Lit(0))
	e.raceAfter(g, c, jen.Id("e").Op("==").Lit(0))
	if !hasValue(c) {
		g.Return(jen.Id("e"))
		return
	}
	value := jen.Id("r")
	if c.Returns.GoType == "int" {
		// A C int comes back in a 64-bit register whose upper half is unspecified.
		value = jen.Int32().Call(jen.Id("r"))
	}
	g.Return(jen.Add(goType(c.Returns.GoType)).Call(value), jen.Id("e"))
}
