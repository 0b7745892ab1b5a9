package emit

import (
	"bytes"
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/metalio/metalio/gen/model"
)

// entries emits what calls go through besides package syscall itself: the C
// library's trampolines, or the DLLs' procedures.
func (e *emitter) entries() {
	if len(libcCalls(e.p)) > 0 {
		e.libcEntries()
	}
	e.dllEntries()
}

func libcCalls(p *model.Platform) []*model.Call {
	var out []*model.Call
	for _, c := range p.Calls {
		if c.Convention == model.Libc && !c.Stub {
			out = append(out, c)
		}
	}
	return out
}

func symbol(c *model.Call) string {
	if c.Symbol != "" {
		return c.Symbol
	}
	return c.Name
}

func trampoline(c *model.Call) string { return "libc_" + c.Name + "_trampoline" }

// libcEntries links to the functions of package syscall that golang.org/x/sys
// links to as well, and to no others: newer Go releases refuse the rest.
func (e *emitter) libcEntries() {
	e.f.Anon("unsafe") // go:linkname
	for _, n := range []struct {
		name  string
		width int
	}{{"Syscall", 3}, {"Syscall6", 6}, {"RawSyscall", 3}, {"RawSyscall6", 6}} {
		local := libcEntry(n.name)
		if !e.uses(n.name) {
			continue
		}
		e.f.Comment(fmt.Sprintf("//go:linkname %s syscall.%s", local, local[len("syscall_"):]))
		e.f.Func().Id(local).ParamsFunc(func(g *jen.Group) {
			g.Id("fn").Uintptr()
			for i := range n.width {
				g.Id(fmt.Sprintf("a%d", i+1)).Uintptr()
			}
		}).Params(jen.Id("r1").Uintptr(), jen.Id("r2").Uintptr(), jen.Id("err").Qual("syscall", "Errno"))
		e.f.Line()
	}
	for _, c := range libcCalls(e.p) {
		e.f.Comment(fmt.Sprintf("//go:cgo_import_dynamic libc_%s %s %q", c.Name, symbol(c), e.p.Library))
	}
	e.f.Line()
	e.f.Comment(wrap("Addresses of the trampolines in the assembly file beside this one."))
	e.f.Var().DefsFunc(func(g *jen.Group) {
		for _, c := range libcCalls(e.p) {
			g.Id(trampoline(c) + "_addr").Uintptr()
		}
	})
	e.f.Line()
}

// uses reports whether any libc call goes through the entry of that name.
func (e *emitter) uses(entry string) bool {
	for _, c := range libcCalls(e.p) {
		suffix := ""
		if len(c.Params) > 3 {
			suffix = "6"
		}
		if entry == "RawSyscall"+suffix || (c.Blocking != model.Never && entry == "Syscall"+suffix) {
			return true
		}
	}
	return false
}

// Asm returns the platform's assembly file, or nil if it needs none.
func Asm(p *model.Platform) ([]byte, error) {
	calls := libcCalls(p)
	if len(calls) == 0 {
		return nil, nil
	}
	size := p.DataModel.Basic["pointer"].Size
	jump := "JMP\tlibc_%s(SB)"
	if p.GOARCH == "ppc64" {
		jump = "CALL\tlibc_%s(SB)\n\tRET" // its linker takes no jump to another library
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "// %s\n\n//go:build %s && %s\n\n#include \"textflag.h\"\n", header(p), p.GOOS, p.GOARCH)
	for _, c := range calls {
		t := trampoline(c)
		fmt.Fprintf(&b, "\nTEXT %s<>(SB),NOSPLIT,$0-0\n\t"+jump+"\nGLOBL\t·%s_addr(SB), RODATA, $%d\nDATA\t·%s_addr(SB)/%d, $%s<>(SB)\n",
			t, c.Name, t, size, t, size, t)
	}
	return b.Bytes(), nil
}
