package oracle

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/metalio/metalio/gen/model"
)

// Kind says what a Fact is about.
type Kind string

// The kinds of facts.
const (
	Constant Kind = "constant"
	Size     Kind = "size"
	Offset   Kind = "offset"
	Number   Kind = "number"
	Symbol   Kind = "symbol"
)

// Kinds lists every kind in the order of reports.
var Kinds = []Kind{Constant, Size, Offset, Number, Symbol}

// Fact is one statement of a spec that an oracle can prove or refute.
type Fact struct {
	Kind     Kind
	Name     string // "EPOLLIN", "EpollEvent", "EpollEvent.Events", "epoll_ctl"
	Pos      model.Pos
	Unproved string // the spec's reason why no oracle knows it
	Want     string // the value as the spec has it; empty for a Symbol

	// bits is Want as 64 bits, sign-extended.
	bits uint64

	// c is what the fact is about as C spells it: an expression, or the name
	// that must be declared for a Symbol. Empty if no header has it.
	c string
	// xsysType and xsysName are what x/sys calls it: a constant's name alone, a
	// struct's name alone, or a struct's and a field's.
	xsysType, xsysName string
}

// Key tells the facts of one platform apart.
func (f Fact) Key() string { return string(f.Kind) + " " + f.Name }

func (f Fact) String() string {
	s := f.Key()
	if f.Want != "" {
		s += " = " + f.Want
	}
	return s
}

// Facts lists what p states, in the order of its spec. p must have been
// completed by package check: sizes and offsets are what check computed.
func Facts(p *model.Platform) []Fact {
	var facts []Fact
	for _, g := range p.Groups {
		for _, c := range g.Consts {
			facts = append(facts, constFact(g, c))
		}
	}
	for _, s := range p.Structs {
		facts = append(facts, size(s))
		for _, f := range s.Fields {
			facts = append(facts, offset(s, f))
		}
	}
	for _, c := range p.Calls {
		if c.Stub || c.Absent {
			continue
		}
		if c.Convention != model.Trap {
			facts = append(facts, symbol(c))
		} else if c.Number >= 0 {
			facts = append(facts, number(c))
		}
	}
	return facts
}

func constFact(g *model.Group, c *model.Const) Fact {
	return Fact{
		Kind: Constant, Name: c.Name, Pos: c.Pos, Unproved: g.Unproved, Want: c.Text,
		bits: uint64(c.Value), c: cmp.Or(c.C, c.Name), xsysName: c.Name,
	}
}

func size(s *model.Struct) Fact {
	f := Fact{
		Kind: Size, Name: s.Name, Pos: s.Pos, Unproved: s.Unproved, Want: strconv.Itoa(s.Size),
		bits: uint64(s.Size), xsysType: s.XSys,
	}
	if s.C != "" {
		f.c = fmt.Sprintf("sizeof(%s)", s.C)
	}
	return f
}

func offset(s *model.Struct, field *model.Field) Fact {
	f := Fact{
		Kind: Offset, Name: s.Name + "." + field.Name, Pos: field.Pos, Unproved: s.Unproved, Want: strconv.Itoa(field.Offset),
		bits: uint64(field.Offset), xsysType: s.XSys, xsysName: field.Name,
	}
	if s.C != "" {
		f.c = fmt.Sprintf("offsetof(%s, %s)", s.C, field.C)
	}
	return f
}

func number(c *model.Call) Fact {
	macro := cmp.Or(c.NumberMacro, "SYS_"+c.Name)
	return Fact{
		Kind: Number, Name: c.Name, Pos: c.NumberPos, Unproved: c.Unproved, Want: strconv.Itoa(c.Number),
		bits: uint64(c.Number), c: macro, xsysName: strings.ToUpper(macro),
	}
}

func symbol(c *model.Call) Fact {
	return Fact{Kind: Symbol, Name: c.Name, Pos: c.Pos, Unproved: c.Unproved, c: cmp.Or(c.Symbol, c.Name)}
}

// Verdict is what one oracle says of a platform's facts. A fact in neither
// list is one that it does not know.
type Verdict struct {
	Known    map[string]bool // by Fact.Key, whether agreed to or not
	Failures []Failure
}

// Failure is a fact that an oracle contradicts.
type Failure struct {
	Fact
	Reason string // in the oracle's own words
}

func (f Failure) Error() string { return fmt.Sprintf("%s: %s: %s", f.Pos, f.Fact, f.Reason) }
