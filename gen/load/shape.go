package load

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/metalio/metalio/gen/model"
)

// shape says what a value of the format may be: the table of them in format.go
// is the format's only definition, and the JSON Schema is written from it.
type shape struct {
	kind  kind
	noun  string             // what messages call it: "a C type"
	keys  []key              // of a mapping with fixed keys
	named *shape             // of a mapping from names to this
	name  *shape             // what the names of a named mapping must be
	items *shape             // of a list
	count int                // of a list's items, if fixed
	words []string           // the only texts allowed
	check func(string) error // a scalar's further rule
	regex string             // the same rule for the JSON Schema, as far as it can say it
	low   *int64             // least integer
	bare  func(*node) *node  // turns a bare scalar into the mapping it is short for
	short string             // the key whose value a bare scalar is
}

// key is one fixed key of a mapping.
type key struct {
	name string
	doc  string
	*shape
}

func (s *shape) key(name string) *shape {
	for _, k := range s.keys {
		if k.name == name {
			return k.shape
		}
	}
	return nil
}

func (s *shape) keyNames() []string {
	var names []string
	for _, k := range s.keys {
		names = append(names, k.name)
	}
	return names
}

// conform checks n against s, and returns n with its shorthands written out.
// where names n in messages.
func (s *shape) conform(n *node, where string, errs *model.Errors) *node {
	if s.bare != nil && n.kind != mapping && n.kind != list && n.kind != null {
		n = s.bare(n)
	}
	if n.kind != s.kind {
		errs.Add(n.pos, "%s %s", where, n.is()).Expected("%s", s.expectation())
		return n
	}
	switch s.kind {
	case mapping:
		s.conformEntries(n, where, errs)
	case list:
		s.conformItems(n, where, errs)
	default:
		s.conformScalar(n, where, errs)
	}
	return n
}

func (s *shape) expectation() string {
	if len(s.words) > 0 {
		return "one of " + strings.Join(s.words, ", ")
	}
	if s.named != nil {
		return fmt.Sprintf("a mapping with a key for each %s", s.noun)
	}
	return s.noun
}

func (s *shape) conformEntries(n *node, where string, errs *model.Errors) {
	for _, e := range n.entries {
		if s.named != nil {
			s.conformNamed(e, where, errs)
			continue
		}
		ks := s.key(e.key)
		if ks == nil {
			names := s.keyNames()
			errs.Add(e.pos, "unknown key %q in %s%s", e.key, where, model.Suggest(e.key, names)).
				Expected("one of %s", strings.Join(names, ", "))
			continue
		}
		e.value = ks.conform(e.value, e.key+" of "+where, errs)
	}
}

// conformNamed checks an entry whose key is the spec author's own.
func (s *shape) conformNamed(e *entry, where string, errs *model.Errors) {
	if s.name != nil {
		s.name.conformScalar(&node{kind: text, pos: e.pos, text: e.key}, "name of a "+s.noun, errs)
	}
	inside := s.noun + " " + e.key
	if strings.HasPrefix(where, "fields of ") || strings.HasPrefix(where, "params of ") {
		_, owner, _ := strings.Cut(where, " of ")
		inside += " of " + owner
	}
	e.value = s.named.conform(e.value, inside, errs)
}

func (s *shape) conformItems(n *node, where string, errs *model.Errors) {
	if s.count > 0 && len(n.items) != s.count {
		errs.Add(n.pos, "%s has %d items", where, len(n.items)).Expected("%s", s.noun)
	}
	for i, item := range n.items {
		n.items[i] = s.items.conform(item, "item "+strconv.Itoa(i+1)+" of "+where, errs)
	}
}

func (s *shape) conformScalar(n *node, where string, errs *model.Errors) {
	if len(s.words) > 0 && !slices.Contains(s.words, n.text) {
		errs.Add(n.pos, "%s is %q%s", where, n.text, model.Suggest(n.text, s.words)).Expected("%s", s.expectation())
		return
	}
	if s.check != nil {
		if err := s.check(n.text); err != nil {
			errs.Add(n.pos, "%s: %v", where, err).Expected("%s", s.noun)
		}
	}
	if s.kind != integer {
		return
	}
	v, err := parseInt(n.text)
	if err != nil {
		errs.Add(n.pos, "%s: %v", where, err).Expected("%s", s.noun)
		return
	}
	if s.low != nil && (v.Cmp(big.NewInt(*s.low)) < 0 || v.Cmp(big.NewInt(maxCount)) > 0) {
		errs.Add(n.pos, "%s is %s", where, n.text).Expected("%s", s.noun)
	}
}

// maxCount bounds counts, sizes and offsets: they are ints on every host.
const maxCount = 1<<31 - 1

var (
	numeral = regexp.MustCompile(`^[+-]?(0|[1-9][0-9]*|0x[0-9a-fA-F]+|0o[0-7]+|0b[01]+)$`)
	least   = big.NewInt(-1 << 63)
	limit   = new(big.Int).Lsh(big.NewInt(1), 64)
)

// parseInt reads a number that fits an int64 or a uint64. A leading zero is
// refused, because C and YAML 1.2 disagree about its meaning.
func parseInt(s string) (*big.Int, error) {
	if !numeral.MatchString(s) {
		return nil, fmt.Errorf("cannot read the number %q", s)
	}
	v, ok := new(big.Int).SetString(s, 0)
	if !ok {
		return nil, fmt.Errorf("cannot read the number %q", s)
	}
	if v.Cmp(least) < 0 || v.Cmp(limit) >= 0 {
		return nil, fmt.Errorf("the number %s does not fit 64 bits", s)
	}
	return v, nil
}

func cTypeRule(s string) error {
	_, err := model.ParseCType(s)
	return err
}

var cName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func cNameRule(s string) error {
	if !cName.MatchString(s) {
		return fmt.Errorf("%q is no identifier", s)
	}
	return nil
}

func goNameRule(s string) error {
	if !token.IsIdentifier(s) || !token.IsExported(s) {
		return fmt.Errorf("%q is no exported Go name", s)
	}
	return nil
}

// typeNameRule allows what can stand on either side of an alias declaration.
func typeNameRule(s string) error {
	if slices.Contains(model.BuiltinTypes, s) || goNameRule(s) == nil {
		return nil
	}
	return fmt.Errorf("%q is no such name", s)
}

func goTypeRule(s string) error {
	expr, err := parser.ParseExpr(s)
	if err != nil || !isGoType(expr) {
		return fmt.Errorf("cannot read the Go type %q", s)
	}
	return nil
}

func isGoType(expr ast.Expr) bool {
	switch e := expr.(type) {
	case *ast.StarExpr:
		return isGoType(e.X)
	case *ast.ArrayType:
		return isGoType(e.Elt)
	case *ast.SelectorExpr, *ast.Ident:
		return true
	}
	return false
}

// inWrappers are the names that the body of a generated wrapper uses, besides
// those that Go declares: a parameter of that name would hide what it means.
var inWrappers = []string{"_", "e", "lastError", "r", "raceEnabled", "syscall", "unsafe", "windows"}

func paramNameRule(s string) error {
	switch {
	case token.IsKeyword(s):
		return fmt.Errorf("%q is a keyword of Go", s)
	case types.Universe.Lookup(s) != nil || slices.Contains(inWrappers, s):
		return fmt.Errorf("%q means something else in the generated function", s)
	}
	return cNameRule(s)
}

var fileName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

func fileNameRule(s string) error {
	if !fileName.MatchString(s) {
		return fmt.Errorf("%q is no file's name", s)
	}
	return nil
}

var filePath = regexp.MustCompile(`^[A-Za-z0-9_./+-]+$`)

func filePathRule(s string) error {
	if !filePath.MatchString(s) {
		return fmt.Errorf("%q is no path of a file", s)
	}
	return nil
}

var symbolName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]*$`)

func symbolRule(s string) error {
	if !symbolName.MatchString(s) {
		return fmt.Errorf("%q is no symbol", s)
	}
	return nil
}

var errorName = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

func errorNameRule(s string) error {
	if !errorName.MatchString(s) {
		return fmt.Errorf("%q is no error's name", s)
	}
	return nil
}

// ownTags are the build tags that Go sets by itself.
var ownTags = []string{"asan", "boringcrypto", "cgo", "gc", "gccgo", "ignore", "msan", "race", "unix"}

func tagRule(s string) error {
	if slices.Contains(ownTags, s) {
		return fmt.Errorf("%q means something else to Go", s)
	}
	return cNameRule(s)
}
