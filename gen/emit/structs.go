package emit

import (
	"fmt"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/metalio/metalio/gen/check"
	"github.com/metalio/metalio/gen/model"
)

func (e *emitter) structs() {
	for _, s := range e.p.Structs {
		e.f.Comment(structDoc(s))
		e.f.Type().Id(s.Name).StructFunc(func(g *jen.Group) {
			g.Id("_").Qual("structs", "HostLayout")
			e.members(g, s)
		})
		e.f.Line()
		e.f.Comment(wrap(fmt.Sprintf("Sizeof%s is the size of %s in bytes.", s.Name, s.Name)))
		e.f.Const().Id("Sizeof" + s.Name).Op("=").Lit(s.Size)
		e.f.Line()
		for _, f := range s.Fields {
			if f.Accessor {
				e.accessors(s, f)
			}
		}
	}
}

// members emits the fields in order with the padding that Go would not insert
// by itself.
func (e *emitter) members(g *jen.Group, s *model.Struct) {
	end, maxAlign := 0, 1
	for _, f := range s.Fields {
		align := e.storedAlign(f)
		if gap := f.Offset - roundUp(end, align); gap > 0 || f.Offset%align != 0 {
			g.Id("_").Index(jen.Lit(f.Offset - end)).Byte()
		}
		member := g.Id(storedName(f)).Add(e.storedType(f))
		if f.Doc != "" {
			member.Comment(f.Doc)
		}
		end = f.Offset + f.Size
		maxAlign = max(maxAlign, align)
	}
	if tail := s.Size - end; tail > 0 && roundUp(end, maxAlign) != s.Size {
		g.Id("_").Index(jen.Lit(tail)).Byte()
	}
}

// inBytes reports whether Go cannot place f and it is stored as bytes.
func (e *emitter) inBytes(f *model.Field) bool {
	return f.Accessor && f.Offset%check.GoAlign(e.p, f) != 0
}

func (e *emitter) storedAlign(f *model.Field) int {
	if e.inBytes(f) {
		return 1
	}
	return check.GoAlign(e.p, f)
}

func (e *emitter) storedType(f *model.Field) jen.Code {
	if e.inBytes(f) {
		return jen.Index(jen.Lit(f.Size)).Byte()
	}
	return goType(f.GoType)
}

// storedName is the Go identifier of the storage: private behind accessors.
func storedName(f *model.Field) string {
	if !f.Accessor {
		return f.Name
	}
	return strings.ToLower(f.Name[:1]) + f.Name[1:]
}

func structDoc(s *model.Struct) string {
	doc := s.Doc
	if doc == "" {
		doc = s.Name + " is " + s.C + "."
	}
	var facts []string
	if s.C != "" {
		facts = append(facts, "C: "+s.C)
	}
	if s.Source != "" {
		facts = append(facts, s.Source)
	}
	facts = append(facts, fmt.Sprintf("%d bytes", s.Size))
	if s.Packed {
		facts = append(facts, "packed")
	}
	return wrap(doc + "\n\n" + strings.Join(facts, "; ") + ".")
}

func (e *emitter) accessors(s *model.Struct, f *model.Field) {
	recv := func() *jen.Statement { return jen.Id("r").Op("*").Id(s.Name) }
	about := f.Doc
	if about == "" {
		about = "the field " + f.C
	}
	store := jen.Id("r").Dot(storedName(f))

	get := jen.Return(store.Clone())
	set := store.Clone().Op("=").Id("v")
	if e.inBytes(f) {
		width := strings.TrimPrefix(f.GoType, "uint")
		get = jen.Return(jen.Qual("encoding/binary", "NativeEndian").Dot("Uint" + width).Call(store.Clone().Index(jen.Op(":"))))
		set = jen.Qual("encoding/binary", "NativeEndian").Dot("PutUint"+width).Call(store.Clone().Index(jen.Op(":")), jen.Id("v"))
	}
	e.f.Comment(wrap(fmt.Sprintf("%s returns %s.", f.Name, about)))
	e.f.Func().Params(recv()).Id(f.Name).Params().Add(goType(f.GoType)).Block(get)
	e.f.Line()
	e.f.Comment(wrap(fmt.Sprintf("Set%s sets %s.", f.Name, about)))
	e.f.Func().Params(recv()).Id("Set" + f.Name).Params(jen.Id("v").Add(goType(f.GoType))).Block(set)
	e.f.Line()
}

// layoutAsserts makes the Go compiler prove what check computed: an array type
// of another length does not convert.
func (e *emitter) layoutAsserts() {
	if len(e.p.Structs) == 0 {
		return
	}
	assert := func(g *jen.Group, want int, what *jen.Statement) {
		g.Id("_").Op("=").Index(jen.Lit(want)).Byte().Call(jen.Index(what).Byte().Values())
	}
	e.f.Comment("The layout of every struct, proved by the compiler.")
	e.f.Var().DefsFunc(func(g *jen.Group) {
		for _, s := range e.p.Structs {
			assert(g, s.Size, jen.Qual("unsafe", "Sizeof").Call(jen.Id(s.Name).Values()))
			for _, f := range s.Fields {
				assert(g, f.Offset, jen.Qual("unsafe", "Offsetof").Call(jen.Id(s.Name).Values().Dot(storedName(f))))
			}
		}
	})
	e.f.Line()
}

func roundUp(n, align int) int { return (n + align - 1) / align * align }
