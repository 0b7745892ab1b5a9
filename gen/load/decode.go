package load

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/metalio/metalio/gen/model"
)

// decoder fills the model from a merged mapping, whose values conform to the
// format by now: what is left to find are keys that are missing and names that
// name nothing.
type decoder struct {
	errs       *model.Errors
	convention model.Convention
}

func (d *decoder) platform(goos, goarch string, n *node, pos model.Pos) *model.Platform {
	before := len(*d.errs)
	for _, key := range []string{"families", "data_model", "endian", "convention"} {
		d.require(n, key, "the spec", pos)
	}
	if len(*d.errs) > before {
		return nil
	}
	d.convention = model.Convention(textOf(n, "convention"))
	p := &model.Platform{
		GOOS: goos, GOARCH: goarch, Pos: pos,
		Families:   textsOf(n, "families"),
		DataModel:  d.dataModel(n),
		BigEndian:  textOf(n, "endian") == "big",
		Convention: d.convention,
		Library:    textOf(n, "library"),
		CTarget:    textOf(n, "c_target"),
		Defines:    textsOf(n, "defines"),
		Headers:    textsOf(n, "headers"),
	}
	if len(p.Families) == 0 {
		d.errs.Add(n.get("families").pos, "families is empty").Expected("at least one family, such as [unix, linux]")
	}
	d.port(p, n)
	if len(*d.errs) > before {
		return nil // of another platform: its calls would only repeat that
	}
	if p.Convention == model.Libc {
		d.require(n, "library", "a spec whose convention is libc", pos)
	}
	for _, e := range entriesOf(n, "types") {
		p.Typedefs = append(p.Typedefs, d.typedef(e))
	}
	p.Groups = d.groups(entriesOf(n, "constants"))
	for _, e := range entriesOf(n, "structs") {
		p.Structs = append(p.Structs, d.structure(e, n.get("data_models")))
	}
	for _, e := range entriesOf(n, "calls") {
		p.Calls = append(p.Calls, d.call(e))
	}
	p.NumbersPos = p.Pos
	if e := n.entry("syscalls"); e != nil {
		p.NumbersPos = e.pos
	}
	d.numbers(p, entriesOf(n, "syscalls"))
	d.absent(p, n.get("absent"))
	for _, e := range entriesOf(n, "abilities") {
		p.Abilities = append(p.Abilities, d.ability(e))
	}
	for _, e := range entriesOf(n, "simulated") {
		p.Simulated = append(p.Simulated, d.simulated(p, e))
	}
	if len(*d.errs) > before {
		return nil
	}
	return p
}

// require reports a key that n must have. at is n's place.
func (d *decoder) require(n *node, key, where string, at model.Pos) bool {
	if n.get(key) != nil {
		return true
	}
	d.errs.Add(at, "%s has no %q", where, key).Expected("the key %q, here or in a file that this one extends", key)
	return false
}

func (d *decoder) dataModel(n *node) *model.DataModel {
	chosen := n.get("data_model")
	models := n.get("data_models")
	e := models.entry(chosen.text)
	if e == nil {
		known := keysOf(models)
		d.errs.Add(chosen.pos, "unknown data model %q%s", chosen.text, model.Suggest(chosen.text, known)).
			Expected("one of %s", orNone(known))
		return nil
	}
	m := &model.DataModel{Name: e.key, Pos: e.pos, Basic: map[string]model.SizeAlign{}}
	var missing []string
	for _, basic := range basicTypes {
		pair := e.value.get(basic)
		if pair == nil {
			missing = append(missing, basic)
			continue
		}
		size, align := intOf(pair.items[0]), intOf(pair.items[1])
		if !slices.Contains(sizesOf(basic), size) {
			d.errs.Add(pair.pos, "%s of data model %s has %d bytes", basic, e.key, size).Expected("a size of %s", orList(sizesOf(basic)))
		} else if align&(align-1) != 0 || size%align != 0 {
			d.errs.Add(pair.pos, "%s of data model %s has size %d and alignment %d", basic, e.key, size, align).
				Expected("an alignment that is a power of two and divides the size")
		}
		m.Basic[basic] = model.SizeAlign{Size: size, Align: align}
	}
	if len(missing) > 0 {
		d.errs.Add(e.pos, "data model %s does not give %s", e.key, strings.Join(missing, ", ")).
			Expected("a size and an alignment for each basic type of C, and for pointer")
	}
	return m
}

// sizesOf are the sizes of a basic type that Go has an integer for and that some
// platform of Go uses.
func sizesOf(basic string) []int {
	switch strings.TrimPrefix(strings.TrimPrefix(basic, "signed "), "unsigned ") {
	case "char":
		return []int{1}
	case "short":
		return []int{2}
	case "int":
		return []int{4}
	case "long long":
		return []int{8}
	}
	return []int{4, 8} // long, pointer
}

func orList(numbers []int) string {
	var words []string
	for _, n := range numbers {
		words = append(words, strconv.Itoa(n))
	}
	return strings.Join(words, " or ")
}

func (d *decoder) typedef(e *entry) *model.Typedef {
	d.require(e.value, "c", "type "+e.key, e.pos)
	return &model.Typedef{
		Name: e.key, Pos: e.pos,
		C: textOf(e.value, "c"), Go: textOf(e.value, "go"), Doc: textOf(e.value, "doc"),
		Declared: boolOf(e.value, "declared"),
	}
}

func (d *decoder) groups(entries []*entry) []*model.Group {
	var groups []*model.Group
	owner := map[string]string{}
	for _, e := range entries {
		g := &model.Group{
			Name: e.key, Pos: e.pos,
			Doc: textOf(e.value, "doc"), Header: textOf(e.value, "header"),
			Unproved: textOf(e.value, "unproved"), GoType: textOf(e.value, "type"),
		}
		d.require(e.value, "values", "group "+e.key, e.pos)
		for _, v := range entriesOf(e.value, "values") {
			if other, ok := owner[v.key]; ok {
				d.errs.Add(v.pos, "constant %s is in group %q and in group %q", v.key, other, e.key).
					Expected("each constant in one group; to change its value, repeat the group's name")
				continue
			}
			owner[v.key] = e.key
			g.Consts = append(g.Consts, d.constant(v))
		}
		groups = append(groups, g)
	}
	return groups
}

func (d *decoder) constant(e *entry) *model.Const {
	c := &model.Const{Name: e.key, Pos: e.pos, C: textOf(e.value, "c")}
	if !d.require(e.value, "value", "constant "+e.key, e.pos) {
		return c
	}
	v := e.value.get("value")
	big := bigOf(v)
	c.Text = strings.TrimPrefix(v.text, "+")
	c.Unsigned = !big.IsInt64()
	c.Value = bits(big)
	return c
}

// simulated reads what Linux takes. A beginning that no name has is a mistake.
func (d *decoder) simulated(p *model.Platform, e *entry) *model.Simulated {
	s := &model.Simulated{Tag: e.key, Pos: e.pos}
	// The tag names a file, whose name means more to Go at its end.
	end := e.key[strings.LastIndexByte(e.key, '_')+1:]
	if slices.Contains(operatingSystems, end) || slices.Contains(architectures, end) || end == "test" {
		d.errs.Add(e.pos, "build tag %s ends in %s, which Go takes for a constraint of the file", e.key, end).Expected("a tag that ends otherwise")
	}
	var names []string
	for _, g := range p.Groups {
		for _, c := range g.Consts {
			names = append(names, c.Name)
		}
	}
	for _, st := range p.Structs {
		names = append(names, st.Name)
	}
	for _, item := range e.value.items {
		s.Take = append(s.Take, item.text)
		if !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, item.text) }) {
			d.errs.Add(item.pos, "no constant or struct begins with %q%s", item.text, model.Suggest(item.text, names)).
				Expected("the beginning of the name of a constant or a struct")
		}
	}
	return s
}

func (d *decoder) ability(e *entry) *model.Ability {
	a := &model.Ability{Name: e.key, Pos: e.pos, Doc: textOf(e.value, "doc")}
	d.require(e.value, "doc", "ability "+e.key, e.pos)
	d.require(e.value, "constants", "ability "+e.key, e.pos)
	for _, c := range entriesOf(e.value, "constants") {
		a.StandIns = append(a.StandIns, &model.Const{Name: c.key, Pos: c.pos, Text: strings.TrimPrefix(c.value.text, "+")})
	}
	return a
}

func (d *decoder) structure(e *entry, models *node) *model.Struct {
	n := e.value
	s := &model.Struct{
		Name: e.key, Pos: e.pos,
		C: textOf(n, "c"), XSys: textOf(n, "xsys"), Doc: textOf(n, "doc"), Source: textOf(n, "source"),
		Packed: boolOf(n, "packed"), Unproved: textOf(n, "unproved"),
	}
	d.require(n, "fields", "struct "+e.key, e.pos)
	for _, f := range entriesOf(n, "fields") {
		s.Fields = append(s.Fields, d.field(f, "field "+f.key+" of struct "+e.key))
	}
	for _, x := range entriesOf(n, "expect") {
		if models.get(x.key) == nil {
			known := keysOf(models)
			d.errs.Add(x.pos, "unknown data model %q%s", x.key, model.Suggest(x.key, known)).Expected("one of %s", orNone(known))
			continue
		}
		if s.Expect == nil {
			s.Expect = map[string]*model.Expect{}
		}
		s.Expect[x.key] = d.expect(x, e.key)
	}
	return s
}

func (d *decoder) field(e *entry, where string) *model.Field {
	n := e.value
	f := &model.Field{
		Name: e.key, Pos: e.pos, At: -1,
		C: textOf(n, "c"), Opaque: textOf(n, "opaque"), Doc: textOf(n, "doc"),
		Accessor: boolOf(n, "accessor"),
	}
	if d.require(n, "type", where, e.pos) {
		f.Type, f.TypePos = cTypeOf(n.get("type")), n.get("type").pos
	}
	if at := n.get("at"); at != nil {
		f.At = intOf(at)
	}
	return f
}

func (d *decoder) expect(e *entry, owner string) *model.Expect {
	x := &model.Expect{Pos: e.pos}
	if d.require(e.value, "size", "layout "+e.key+" of struct "+owner, e.pos) {
		x.Size = intOf(e.value.get("size"))
	}
	if list := e.value.get("offsets"); list != nil {
		for _, item := range list.items {
			x.Offsets = append(x.Offsets, intOf(item))
		}
	}
	return x
}

func (d *decoder) call(e *entry) *model.Call {
	n, where := e.value, "call "+e.key
	for _, key := range []string{"go", "blocking", "returns"} {
		d.require(n, key, where, e.pos)
	}
	c := &model.Call{
		Name: e.key, Pos: e.pos, Family: e.family, Number: -1,
		Go: textOf(n, "go"), Doc: textOf(n, "doc"), Source: textOf(n, "source"),
		Errors: textsOf(n, "errors"), Blocking: model.Blocking(textOf(n, "blocking")),
		Optional: boolOf(n, "optional"), Convention: d.convention,
		Symbol: textOf(n, "symbol"), DLL: textOf(n, "dll"), Unproved: textOf(n, "unproved"),
	}
	if own := textOf(n, "convention"); own != "" {
		c.Convention = model.Convention(own)
	}
	if c.Symbol == "" && c.Convention != model.Trap {
		c.Symbol = e.key
	}
	for _, p := range entriesOf(n, "params") {
		c.Params = append(c.Params, d.param(p, "parameter "+p.key+" of "+where))
	}
	if r := n.get("returns"); r != nil {
		c.Returns = d.result(r, c.Convention, where)
	}
	return c
}

func (d *decoder) param(e *entry, where string) *model.Param {
	n := e.value
	p := &model.Param{
		Name: e.key, Pos: e.pos, Dir: model.Direction(textOf(n, "dir")),
		Len: textOf(n, "len"), SizeOf: textOf(n, "sizeof"), Go: textOf(n, "go"),
	}
	if !d.require(n, "type", where, e.pos) {
		return p
	}
	p.Type = cTypeOf(n.get("type"))
	if v := n.get("value"); v != nil {
		p.Value = new(bits(bigOf(v)))
	}
	return p
}

func (d *decoder) result(n *node, convention model.Convention, where string) model.Result {
	r := model.Result{Pos: n.pos, Fails: textOf(n, "fails"), None: boolOf(n, "none")}
	if d.require(n, "type", "returns of "+where, n.pos) {
		r.Type = cTypeOf(n.get("type"))
	}
	if r.Fails != "" {
		return r
	}
	r.Fails = model.FailsErrno
	if convention == model.DLL {
		d.require(n, "fails", "returns of "+where+", which a DLL exports,", n.pos)
	}
	return r
}

// numbers gives the calls their system call numbers.
func (d *decoder) numbers(p *model.Platform, entries []*entry) {
	for _, e := range entries {
		c := d.known(p, e.key, e.pos, "number for")
		if c == nil {
			continue
		}
		if c.Convention != model.Trap {
			d.errs.Add(e.pos, "number for call %s, whose convention is %s", e.key, c.Convention).
				Expected("numbers for calls whose convention is trap")
			continue
		}
		c.NumberMacro, c.NumberPos = textOf(e.value, "macro"), e.pos
		if d.require(e.value, "number", "syscall "+e.key, e.pos) {
			c.Number = intOf(e.value.get("number"))
		}
	}
	d.distinct(p)
}

// distinct refuses two calls with one number, at the place that the platform's
// own file has.
func (d *decoder) distinct(p *model.Platform) {
	owner := map[int]*model.Call{}
	for _, c := range p.Calls {
		first := owner[c.Number]
		if c.Number < 0 || first == nil {
			owner[c.Number] = c
			continue
		}
		second := c
		if first.NumberPos.File == p.Pos.File && second.NumberPos.File != p.Pos.File {
			first, second = second, first
		}
		d.errs.Add(second.NumberPos, "call %s has the number of call %s", second.Name, first.Name).
			Expected("another number than %d, which %s has at %s", first.Number, first.Name, first.NumberPos)
	}
}

// absent marks the calls that the platform lacks.
func (d *decoder) absent(p *model.Platform, names *node) {
	if names == nil {
		return
	}
	for _, item := range names.items {
		c := d.known(p, item.text, item.pos, "absence of")
		if c == nil {
			continue
		}
		if c.Number >= 0 {
			d.errs.Add(item.pos, "call %s is absent, and has the number %d at %s", c.Name, c.Number, c.NumberPos).
				Expected("one of the two")
		}
		c.Absent = true
	}
}

// known returns the call of that name, or adds an error. what says for what
// it is wanted.
func (d *decoder) known(p *model.Platform, name string, pos model.Pos, what string) *model.Call {
	var names []string
	for _, c := range p.Calls {
		if c.Name == name {
			return c
		}
		names = append(names, c.Name)
	}
	d.errs.Add(pos, "%s an unknown call %q%s", what, name, model.Suggest(name, names)).
		Expected("the name of a call that this file or one that it extends declares under calls")
	return nil
}

func textOf(n *node, key string) string {
	if v := n.get(key); v != nil {
		return v.text
	}
	return ""
}

func boolOf(n *node, key string) bool { return textOf(n, key) == "true" }

func textsOf(n *node, key string) []string {
	var out []string
	if v := n.get(key); v != nil {
		for _, item := range v.items {
			out = append(out, item.text)
		}
	}
	return out
}

func entriesOf(n *node, key string) []*entry {
	if v := n.get(key); v != nil {
		return v.entries
	}
	return nil
}

func keysOf(n *node) []string {
	if n == nil {
		return nil
	}
	var keys []string
	for _, e := range n.entries {
		keys = append(keys, e.key)
	}
	return keys
}

func orNone(words []string) string {
	if len(words) == 0 {
		return "those that data_models declares: none yet"
	}
	return strings.Join(words, ", ")
}

// The scalars below have passed their shape's check, which says the same of
// their text: parsing it again cannot fail.

func bigOf(n *node) *big.Int {
	v, _ := parseInt(n.text)
	return v
}

func intOf(n *node) int { return int(bigOf(n).Int64()) }

func cTypeOf(n *node) model.CType {
	t, _ := model.ParseCType(n.text)
	return t
}

// bits returns v as an int64; above the int64 range, the same bits.
func bits(v *big.Int) int64 {
	if v.IsInt64() {
		return v.Int64()
	}
	return int64(v.Uint64())
}
