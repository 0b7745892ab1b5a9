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
		align := e.storedAlign(s, f)
		if gap := f.Offset - roundUp(end, align); gap > 0 || f.Offset%align != 0 {
			g.Id("_").Index(jen.Lit(f.Offset - end)).Byte()
		}
		names := []jen.Code{jen.Id(storedName(f))}
		if e.storage(s, f) == asHalves {
			names = append(names, jen.Id(restName(f)))
		}
		member := g.List(names...).Add(e.storedType(s, f))
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

// storage is how a field is kept.
type storage uint8

const (
	asItself storage = iota
	asHalves         // a uint64 that Go cannot place, as two uint32, low and high
	asBytes          // any other number that Go cannot place
)

// storage prefers halves to bytes, because Go keeps a copy of a struct of a few
// numbers in registers and puts the halves together in one load, while an array
// makes the copy go through memory.
func (e *emitter) storage(s *model.Struct, f *model.Field) storage {
	switch {
	case !f.Accessor || f.Offset%check.GoAlign(e.p, f) == 0:
		return asItself
	case f.GoType == "uint64" && f.Offset%4 == 0 && s.Size%4 == 0 && !e.p.BigEndian:
		return asHalves
	}
	return asBytes
}

func (e *emitter) storedAlign(s *model.Struct, f *model.Field) int {
	switch e.storage(s, f) {
	case asHalves:
		return 4
	case asBytes:
		return 1
	}
	return check.GoAlign(e.p, f)
}

func (e *emitter) storedType(s *model.Struct, f *model.Field) jen.Code {
	switch e.storage(s, f) {
	case asHalves:
		return jen.Uint32()
	case asBytes:
		return jen.Index(jen.Lit(f.Size)).Byte()
	}
	return goType(f.GoType)
}

// storedName is the Go identifier of the storage: private behind accessors. Of
// halves it is that of the first.
func storedName(f *model.Field) string {
	if !f.Accessor {
		return f.Name
	}
	return strings.ToLower(f.Name[:1]) + f.Name[1:]
}

// restName is the Go identifier of the other half.
func restName(f *model.Field) string { return storedName(f) + "Rest" }

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
	switch e.storage(s, f) {
	case asHalves:
		rest := jen.Id("r").Dot(restName(f))
		get = jen.Return(jen.Uint64().Call(store.Clone()).Op("|").Uint64().Call(rest.Clone()).Op("<<").Lit(32))
		set = jen.List(store.Clone(), rest).Op("=").List(jen.Uint32().Call(jen.Id("v")), jen.Uint32().Call(jen.Id("v").Op(">>").Lit(32)))
	case asBytes:
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
