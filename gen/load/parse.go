package load

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/metalio/metalio/gen/model"
)

// kind says what a node holds.
type kind int

const (
	null kind = iota
	text
	integer
	number // not an integer
	boolean
	list
	mapping
)

func (k kind) String() string {
	return [...]string{"nothing", "text", "an integer", "a number", "a truth value", "a list", "a mapping"}[k]
}

// is says what a value of the wrong kind is.
func (k kind) is() string {
	if k == null {
		return "has no value"
	}
	return "is " + k.String()
}

// node is a YAML value with its place. The parser's own tree is too rich for
// merging: it keeps style and tokens.
type node struct {
	kind    kind
	pos     model.Pos
	text    string // of a scalar, as written
	items   []*node
	entries []*entry
}

// entry is a key of a mapping, in the order of the file.
type entry struct {
	key    string
	pos    model.Pos
	value  *node
	family string // narrowest family of the file that first had the key
}

// longestQuoted is how much text a message repeats.
const longestQuoted = 40

// is says what n is, where something else should be.
func (n *node) is() string {
	if n.kind == text && len(n.text) <= longestQuoted {
		return "is the text " + strconv.Quote(n.text)
	}
	return n.kind.is()
}

// get returns the value of key, or nil.
func (n *node) get(key string) *node {
	if e := n.entry(key); e != nil {
		return e.value
	}
	return nil
}

func (n *node) entry(key string) *entry {
	if n == nil {
		return nil
	}
	for _, e := range n.entries {
		if e.key == key {
			return e
		}
	}
	return nil
}

// parse reads one file's text into a mapping. It returns nil if it added
// errors.
func parse(file string, src []byte, errs *model.Errors) *node {
	start := model.Pos{File: file, Line: 1, Col: 1}
	// The parser miscounts the lines of a file that ends them with \r\n.
	src = []byte(strings.TrimPrefix(model.Newlines(string(src)), "\ufeff")) // some editors' byte order mark
	if pos, found := first(file, src, invalid); found {
		errs.Add(pos, "the file is not UTF-8").Expected("text in UTF-8, without a byte that belongs to no character")
		return nil
	}
	if pos, found := first(file, src, control); found {
		errs.Add(pos, "a control character").Expected("text without characters that no editor shows")
		return nil
	}
	tokens := lexer.Tokenize(string(src))
	if deep := tooDeep(tokens); deep != nil {
		errs.Add(place(file, deep), "more than %d brackets are open at once", deepest).Expected("a closing bracket before this one")
		return nil
	}
	tree, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		pos, msg := start, err.Error()
		var located yaml.Error
		if errors.As(err, &located) {
			msg = located.GetMessage()
			if at := located.GetToken(); at != nil {
				pos = place(file, at)
			}
		}
		errs.Add(pos, "cannot read this as YAML: %s", msg).Expected("%s", whatYAMLWants(msg))
		return nil
	}
	return document(file, tree, errs)
}

// deepest bounds the brackets that are open at once: specs have four, and the
// parser takes a step into itself for each.
const deepest = 32

// tooDeep returns the token that opens one bracket too many, or nil.
func tooDeep(tokens token.Tokens) *token.Token {
	open := 0
	for _, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			if open++; open > deepest {
				return t
			}
		case token.MappingEndType, token.SequenceEndType:
			open--
		}
	}
	return nil
}

// yamlWants says what should stand there, by what the parser says of the fault.
var yamlWants = []struct{ part, want string }{
	{"'\t'", "spaces: a tab does not indent in YAML"},
	{"'\\t'", "spaces: a tab does not indent in YAML"},
	{"tab character", "spaces: a tab does not indent in YAML"},
	{"mapping value is not allowed", "quotes around a text that has a colon and a space, or a line that is indented as its neighbours in the same mapping are"},
	{"not allowed in this context", "a line that is indented as its neighbours in the same mapping are"},
	{"unexpected key name", "a colon and a space after the key, as in \"read: 0\""},
	{"must be specified", "a comma between the items, a bracket at their end, and quotes around text that has any of [ ] { } , : #"},
	{"end token", "a closing bracket"},
	{"end character", "a closing quotation mark"},
}

func whatYAMLWants(fault string) string {
	for _, w := range yamlWants {
		if strings.Contains(fault, w.part) {
			return w.want
		}
	}
	return "lines of the form \"key: value\", indented by spaces, and quotes around text that has any of [ ] { } , : # * & !"
}

// document returns the mapping of the only document of tree.
func document(file string, tree *ast.File, errs *model.Errors) *node {
	start := model.Pos{File: file, Line: 1, Col: 1}
	var bodies []ast.Node
	for _, doc := range tree.Docs {
		if doc.Body != nil {
			bodies = append(bodies, doc.Body)
		}
	}
	if len(bodies) == 0 {
		errs.Add(start, "the spec is empty").Expected("at least the keys that differ from the files it extends")
		return nil
	}
	c := converter{file: file, errs: errs}
	before := len(*errs)
	root := c.value(bodies[0], start)
	if len(bodies) > 1 {
		errs.Add(c.value(bodies[1], start).pos, "a second YAML document").Expected("one document in each file")
	}
	if len(*errs) == before && root.kind != mapping {
		errs.Add(root.pos, "the spec %s", root.kind.is()).Expected("a mapping with keys such as extends, constants, structs, calls")
	}
	if len(*errs) > before {
		return nil
	}
	return root
}

// invalid reports what stands for a byte that belongs to no character.
func invalid(r rune, size int) bool { return r == utf8.RuneError && size <= 1 }

// control reports the characters that YAML allows nowhere.
func control(r rune, _ int) bool { return r < ' ' && r != '\t' || r == 0x7f }

// first finds the first character that is as wanted; size is that of its bytes.
func first(file string, src []byte, wanted func(r rune, size int) bool) (model.Pos, bool) {
	for i, line := range bytes.Split(src, []byte("\n")) {
		for col := 1; len(line) > 0; col++ {
			r, size := utf8.DecodeRune(line)
			if wanted(r, size) {
				return model.Pos{File: file, Line: i + 1, Col: col}, true
			}
			line = line[size:]
		}
	}
	return model.Pos{}, false
}

func place(file string, t *token.Token) model.Pos {
	if t == nil || t.Position == nil {
		return model.Pos{File: file, Line: 1, Col: 1}
	}
	return model.Pos{File: file, Line: max(1, t.Position.Line), Col: max(1, t.Position.Column)}
}

// converter turns the parser's tree into nodes.
type converter struct {
	file string
	errs *model.Errors
}

// value converts n; at is the place of an absent value.
func (c converter) value(n ast.Node, at model.Pos) *node {
	if n == nil {
		return &node{pos: at}
	}
	scalar := func(k kind) *node {
		t := n.GetToken()
		return &node{kind: k, pos: place(c.file, t), text: t.Value}
	}
	switch n := n.(type) {
	case *ast.NullNode:
		return &node{pos: at}
	case *ast.StringNode:
		if n.Token.Type == token.StringType && numeral.MatchString(n.Token.Value) {
			return scalar(integer) // beyond 64 bits
		}
		return scalar(text)
	case *ast.IntegerNode:
		return scalar(integer)
	case *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return scalar(number)
	case *ast.BoolNode:
		b := scalar(boolean)
		b.text = strings.ToLower(b.text)
		return b
	case *ast.LiteralNode:
		return &node{kind: text, pos: place(c.file, n.Start), text: n.Value.Value}
	case *ast.SequenceNode:
		return c.list(n)
	case *ast.MappingNode:
		return c.mapping(n, n.Values)
	case *ast.MappingValueNode:
		return c.mapping(n, []*ast.MappingValueNode{n})
	}
	c.errs.Add(place(c.file, n.GetToken()), "YAML's anchors, aliases, tags and merge keys have no meaning in a spec").
		Expected("plain values; what two files share goes into a third that both extend")
	return &node{pos: at}
}

func (c converter) list(n *ast.SequenceNode) *node {
	out := &node{kind: list, pos: place(c.file, n.Start)}
	for _, item := range n.Values {
		out.items = append(out.items, c.value(item, out.pos))
	}
	return out
}

// mapping places a block mapping at its first key: the parser's own place for
// it is the colon after that.
func (c converter) mapping(n ast.Node, values []*ast.MappingValueNode) *node {
	out := &node{kind: mapping, pos: place(c.file, n.GetToken())}
	for i, v := range values {
		pos := place(c.file, v.Key.GetToken())
		if i == 0 && n.GetToken().Type != token.MappingStartType {
			out.pos = pos
		}
		e := &entry{key: v.Key.GetToken().Value, pos: pos}
		if v.Key.IsMergeKey() {
			c.value(v.Key, pos)
			continue
		}
		if _, ok := v.Key.(ast.ScalarNode); !ok {
			c.errs.Add(pos, "a key that is not a plain word").Expected("a name before the colon")
			continue
		}
		if first := out.entry(e.key); first != nil {
			c.errs.Add(pos, "duplicate key %q", e.key).Expected("one %q here; the first is on line %d", e.key, first.pos.Line)
			continue
		}
		e.value = c.value(v.Value, pos)
		out.entries = append(out.entries, e)
	}
	return out
}
