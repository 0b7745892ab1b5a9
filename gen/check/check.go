package check

import (
	"math/big"
	"strings"

	"github.com/metalio/metalio/gen/model"
)

// All completes every platform and returns all faults found as model.Errors,
// or nil. The platforms are judged together, because a call that one of them
// has becomes a stub on the others of its family.
func All(platforms []*model.Platform) error {
	var errs model.Errors
	for _, p := range platforms {
		platform(p, &errs)
	}
	if err := errs.Err(); err != nil {
		return err
	}
	for _, p := range platforms {
		stubs(p, platforms)
	}
	return nil
}

func platform(p *model.Platform, errs *model.Errors) {
	if p.DataModel == nil {
		errs.Add(p.Pos, "platform %s has no data_model", p.Name()).Expected("data_model with the name of an entry of data_models")
		return
	}
	if _, ok := p.DataModel.Basic["pointer"]; !ok {
		errs.Add(p.DataModel.Pos, "data model %s does not give the size of a pointer", p.DataModel.Name)
		return
	}
	r := newResolver(p, errs)
	for _, td := range p.Typedefs {
		r.alias(td)
	}
	for _, s := range p.Structs {
		r.layout(s)
	}
	if !r.allLaidOut() {
		return
	}
	for _, c := range p.Calls {
		r.call(c)
	}
	r.missingNumbers()
	names(p, errs)
	r.constants()
}

func (r *resolver) allLaidOut() bool {
	for _, s := range r.p.Structs {
		if s.Align == 0 {
			return false
		}
	}
	return len(*r.errs) == 0
}

// names refuses two entities with one Go name.
func names(p *model.Platform, errs *model.Errors) {
	seen := map[string]model.Pos{}
	claim := func(name string, pos model.Pos) {
		if first, dup := seen[name]; dup {
			errs.Add(pos, "Go name %s is taken already", name).Expected("another name than the one at %s", first)
			return
		}
		seen[name] = pos
	}
	for _, s := range p.Structs {
		claim(s.Name, s.Pos)
		claim("Sizeof"+s.Name, s.Pos)
		fields := map[string]model.Pos{}
		for _, f := range s.Fields {
			if first, dup := fields[f.Name]; dup {
				errs.Add(f.Pos, "field %s of struct %s is there already", f.Name, s.Name).Expected("another name than the one at %s", first)
			}
			fields[f.Name] = f.Pos
		}
		for _, f := range s.Fields {
			if setter := "Set" + f.Name; f.Accessor && fields[setter] != (model.Pos{}) {
				errs.Add(fields[setter], "field %s of struct %s has the name of the method that sets %s", setter, s.Name, f.Name).
					Expected("another name, or no accessor on the field at %s", f.Pos)
			}
		}
	}
	aliases := map[string]bool{}
	for _, td := range p.Typedefs {
		if td.Go == "" || isBuiltin(td.Go) || td.Declared || aliases[td.Go] {
			continue
		}
		aliases[td.Go] = true
		claim(td.Go, td.Pos)
	}
	for _, g := range p.Groups {
		for _, c := range g.Consts {
			claim(c.Name, c.Pos)
		}
	}
	for _, c := range p.Calls {
		for _, name := range GoNames(c) {
			claim(name, c.Pos)
		}
	}
	for _, a := range p.Abilities {
		for _, c := range p.Calls {
			if c.Go == a.Name {
				errs.Add(a.Pos, "Go name Has%s is taken already", a.Name).Expected("another name than the call's at %s", c.Pos)
			}
		}
		claim("Has"+a.Name, a.Pos)
		for _, c := range a.Lacking(p.Groups) {
			claim(c.Name, c.Pos)
		}
	}
}

// GoNames lists the functions that c is emitted as.
func GoNames(c *model.Call) []string {
	if c.Convention == model.DLL {
		return []string{c.Go}
	}
	if c.Blocking == model.Never {
		return []string{"Raw" + c.Go}
	}
	return []string{c.Go, "Raw" + c.Go}
}

// constants refuses a type that is no integer, and a value that it cannot hold.
func (r *resolver) constants() {
	for _, g := range r.p.Groups {
		if g.GoType == "" {
			continue
		}
		known, _ := r.goType(g.GoType)
		low, high, ok := r.limits(g.GoType)
		if !known || !ok {
			r.errs.Add(g.Pos, "the constants of %s have the type %q, which is no integer%s", g.Name, g.GoType, model.Suggest(g.GoType, r.goTypes())).
				Expected("an integer of Go, or the go of an entry of types")
			continue
		}
		for _, c := range g.Consts {
			if v := c.Big(); v.Cmp(low) < 0 || v.Cmp(high) > 0 {
				r.errs.Add(c.Pos, "constant %s = %s does not fit %s", c.Name, c.Text, g.GoType).Expected("a value from %d to %d", low, high)
			}
		}
	}
}

// limits are the least and the greatest value of a Go integer.
func (r *resolver) limits(goType string) (low, high *big.Int, ok bool) {
	for _, td := range r.p.Typedefs {
		if td.Go != goType {
			continue
		}
		if goType = td.Alias; td.Declared {
			goType = "uint32" // NTStatus, the one type that is declared by hand and has constants
		}
		break
	}
	if !isBuiltin(goType) || goType == "bool" || goType == "unsafe.Pointer" {
		return nil, nil, false
	}
	bits := uint(r.builtinSize(goType) * 8)
	one := big.NewInt(1)
	if strings.HasPrefix(goType, "u") || goType == "byte" {
		return new(big.Int), new(big.Int).Sub(new(big.Int).Lsh(one, bits), one), true
	}
	half := new(big.Int).Lsh(one, bits-1)
	return new(big.Int).Neg(half), new(big.Int).Sub(half, one), true
}

// stubs adds to p what others of its families have and p lacks.
func stubs(p *model.Platform, all []*model.Platform) {
	own := map[string]*model.Call{}
	for _, c := range p.Calls {
		own[c.Name] = c
		c.Stub = lacks(c)
		c.HasConst = c.Optional || c.Stub
	}
	for _, other := range all {
		if other == p {
			continue
		}
		for _, c := range other.Calls {
			mine, known := own[c.Name]
			if known {
				mine.HasConst = mine.HasConst || lacks(c)
				continue
			}
			if !contains(p.Families, c.Family) {
				continue
			}
			stub := *c
			stub.Stub, stub.HasConst, stub.Convention = true, true, p.Convention
			own[c.Name] = &stub
			p.Calls = append(p.Calls, &stub)
		}
	}
	markMissingElsewhere(p, all)
	placeholders(p)
}

// lacks reports whether the platform says, or shows by giving no number, that
// it has no such call.
func lacks(c *model.Call) bool {
	if c.Absent {
		return true
	}
	return c.Convention == model.Trap && c.Number < 0
}

// markMissingElsewhere gives a Has constant to the calls that another platform
// of the family does not know at all.
func markMissingElsewhere(p *model.Platform, all []*model.Platform) {
	for _, other := range all {
		if other == p {
			continue
		}
		known := map[string]bool{}
		for _, c := range other.Calls {
			known[c.Name] = !c.Stub
		}
		for _, c := range p.Calls {
			if contains(other.Families, c.Family) && !known[c.Name] {
				c.HasConst = true
			}
		}
	}
}

// placeholders finds the type names that only stubs use, so that they compile.
func placeholders(p *model.Platform) {
	have := map[string]bool{}
	for _, s := range p.Structs {
		have[s.Name] = true
	}
	for _, td := range p.Typedefs {
		have[td.Go] = true
	}
	for _, c := range p.Calls {
		if !c.Stub {
			continue
		}
		for _, prm := range c.Params {
			name := strings.TrimLeft(prm.GoType, "[]*0123456789")
			if prm.Fixed() || prm.LenOf != nil || isBuiltin(name) || have[name] {
				continue
			}
			have[name] = true
			p.Placeholders = append(p.Placeholders, name)
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
