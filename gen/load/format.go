package load

import "github.com/metalio/metalio/gen/model"

// The scalars of the format.
var (
	aText    = &shape{kind: text, noun: "text (in quotes, if YAML would read it as something else)"}
	aBool    = &shape{kind: boolean, noun: "true or false"}
	aNumber  = &shape{kind: integer, noun: "a number of at most 64 bits, such as 12, -1 or 0x80000000 (octal is 0o17)"}
	aCount   = &shape{kind: integer, noun: "a number from 0 to 2147483647", low: new(int64(0))}
	aSize    = &shape{kind: integer, noun: "a number from 1 to 2147483647", low: new(int64(1))}
	aCType   = &shape{kind: text, noun: "a C type, such as int, const void *, uint8_t[28] or struct timespec", check: cTypeRule}
	aCName   = &shape{kind: text, noun: "a name of letters, digits and underscores", check: cNameRule, regex: cName.String()}
	aGoName  = &shape{kind: text, noun: "an exported Go name, such as EpollEvent", check: goNameRule, regex: "^[A-Z][A-Za-z0-9_]*$"}
	aType    = &shape{kind: text, noun: "the name of a Go type: an integer, bool, unsafe.Pointer, or an exported name of package metalio", check: typeNameRule, regex: `^([A-Za-z][A-Za-z0-9]*|unsafe\.Pointer)$`}
	aConst   = &shape{kind: text, noun: "a name that begins with a capital letter, since Go code outside the package uses it; c: says how C spells it", check: goNameRule, regex: "^[A-Z][A-Za-z0-9_]*$"}
	aDLL     = &shape{kind: text, noun: "the file name of a DLL, such as ws2_32.dll", check: fileNameRule, regex: fileName.String()}
	aLibrary = &shape{kind: text, noun: "the install name of a library, such as libc.so", check: filePathRule, regex: filePath.String()}
	aSymbol  = &shape{kind: text, noun: "a name of letters, digits, underscores and dollar signs", check: symbolRule, regex: symbolName.String()}
	aTag     = &shape{kind: text, noun: "a build tag of your own, of letters, digits and underscores", check: tagRule, regex: cName.String()}
	aGoType  = &shape{kind: text, noun: "a Go type, such as uintptr or *[2]int32", check: goTypeRule}
	aParam   = &shape{kind: text, noun: "a name of letters, digits and underscores that neither Go nor the generated function uses", check: paramNameRule, regex: cName.String()}
	errnos   = &shape{kind: list, noun: "a list of errors, such as [EAGAIN, EINTR]", items: &shape{kind: text, noun: "the name of an error, such as EAGAIN", check: errorNameRule, regex: errorName.String()}}
	texts    = &shape{kind: list, noun: "a list of texts, such as [one, two]", items: aText}
	sizePair = &shape{kind: list, noun: "[size, alignment] in bytes", items: aSize, count: 2}
	offsets  = &shape{kind: list, noun: "a list of offsets, one for each field", items: aCount}
)

// familyList allows the systems' own names and the two families that span
// several.
var familyList = &shape{kind: list, noun: "a list of families", items: oneOf(append([]string{"unix", "bsd"}, operatingSystems...)...)}

func oneOf(words ...string) *shape {
	return &shape{kind: text, noun: "a known word", words: words}
}

// named is a mapping from names of the author's choice to values of one shape.
func named(noun string, name, value *shape) *shape {
	return &shape{kind: mapping, noun: noun, name: name, named: value}
}

// shortFor makes a bare scalar stand for a mapping with that one key.
func shortFor(name string) func(*node) *node {
	return func(n *node) *node { return wrap(n.pos, name, n) }
}

func wrap(pos model.Pos, name string, value *node) *node {
	return &node{kind: mapping, pos: pos, entries: []*entry{{key: name, pos: pos, value: value}}}
}

// bareReturn writes out "returns: none" and "returns: int". Both say whether
// the value counts, so that each replaces the other when files are merged.
func bareReturn(n *node) *node {
	none, cType := "false", n
	if n.kind == text && n.text == "none" {
		none, cType = "true", &node{kind: text, pos: n.pos, text: "int"}
	}
	out := wrap(n.pos, "type", cType)
	out.entries = append(out.entries, &entry{key: "none", pos: n.pos, value: &node{kind: boolean, pos: n.pos, text: none}})
	return out
}

// basicTypes are C's types whose sizes a data model gives.
var basicTypes = []string{
	"char", "signed char", "unsigned char", "short", "unsigned short", "int", "unsigned int",
	"long", "unsigned long", "long long", "unsigned long long", "pointer",
}

func dataModelKeys() []key {
	var keys []key
	for _, t := range basicTypes {
		keys = append(keys, key{t, "Size and alignment inside a struct, in bytes.", sizePair})
	}
	return keys
}

// fileShape is a whole spec file.
var fileShape = &shape{kind: mapping, noun: "a spec", keys: []key{
	{"extends", "Files to start from, relative to this one, in order.", texts},
	{"families", "Families from broad to narrow, such as [unix, linux].", familyList},
	{"data_models", "Sizes and alignments of C's basic types, by data model.", named("data model", nil, dataModelShape)},
	{"data_model", "The data model in force.", aText},
	{"endian", "Byte order.", oneOf("little", "big")},
	{"convention", "How calls are made unless a call says otherwise.", oneOf(model.Conventions...)},
	{"library", "The C library's install name, for the convention libc.", aLibrary},
	{"c_target", "The platform as the C cross compiler names it, for the header oracle; none if it has no headers of the system.", aText},
	{"absent", "C names of calls that this platform lacks; added to those of the extended files.", texts},
	{"defines", "Macros that the header oracle defines; added to those of the extended files.", texts},
	{"headers", "C headers that the header oracle includes, in order; added to those of the extended files.", texts},
	{"types", "Typedefs: a C type, or a mapping.", named("type", aCName, typeShape)},
	{"constants", "Groups of constants that belong together.", named("group", nil, groupShape)},
	{"structs", "Structures by Go name.", named("struct", aGoName, structShape)},
	{"calls", "Kernel entries by C name.", named("call", aCName, callShape)},
	{"syscalls", "Numbers of calls by C name.", named("syscall", aCName, numberShape)},
	{"abilities", "What not every platform of a family can do, by the name that follows Has.", named("ability", aGoName, abilityShape)},
	{"simulated", "What Linux takes from here for a simulated kernel: beginnings of names, by build tag.", named("build tag", aTag, texts)},
}}

var dataModelShape = &shape{kind: mapping, noun: "a mapping from C's basic types to [size, alignment]", keys: dataModelKeys()}

var typeShape = &shape{kind: mapping, noun: "a C type or a mapping", bare: shortFor("c"), short: "c", keys: []key{
	{"c", "The C type that the name stands for.", aCType},
	{"go", "The Go type: a builtin one, or a name that is emitted as an alias.", aType},
	{"declared", "Whether the root package declares the Go type by hand.", aBool},
	{"doc", "Doc comment of the Go type.", aText},
}}

var groupShape = &shape{kind: mapping, noun: "a mapping with values", keys: []key{
	{"header", "The C header that declares the constants.", aText},
	{"doc", "Comment over the constants.", aText},
	{"type", "Go type of the constants; untyped without.", aType},
	{"unproved", "Why no oracle knows the constants, and what proves them instead.", aText},
	{"values", "The constants: a number, or a mapping.", named("constant", aConst, constShape)},
}}

var constShape = &shape{kind: mapping, noun: "a number or a mapping", bare: shortFor("value"), short: "value", keys: []key{
	{"value", "The number.", aNumber},
	{"c", "The C expression that it equals, if that is not the name.", aText},
}}

var abilityShape = &shape{kind: mapping, noun: "a mapping with doc and constants", keys: []key{
	{"doc", "What the ability is, to follow \"whether this platform has\".", aText},
	{"constants", "The constants that it takes, with the value that stands in for each where a platform lacks it.", named("constant", aConst, standInShape)},
}}

var standInShape = &shape{kind: integer, noun: aNumber.noun}

var structShape = &shape{kind: mapping, noun: "a mapping with fields", keys: []key{
	{"c", "The C type, such as struct epoll_event; none if no header has it.", aCType},
	{"xsys", "The structure's name in golang.org/x/sys, for the second oracle; empty if it has none.", aText},
	{"doc", "Doc comment.", aText},
	{"source", "Man page or header.", aText},
	{"packed", "Whether the fields lie without padding.", aBool},
	{"unproved", "Why no oracle knows the struct, and what proves it instead.", aText},
	{"fields", "Fields by Go name, in order: a C type, or a mapping.", named("field", aGoName, fieldShape)},
	{"expect", "The layout that must come out, by data model.", named("layout", nil, expectShape)},
}}

var fieldShape = &shape{kind: mapping, noun: "a C type or a mapping", bare: shortFor("type"), short: "type", keys: []key{
	{"c", "Member designator in C, such as data.u64.", aText},
	{"type", "C type.", aCType},
	{"at", "Forced offset in bytes.", aCount},
	{"opaque", "Go integer that stands for a pointer-typed slot.", oneOf("uintptr", "uint64", "uint32")},
	{"accessor", "Whether the field is reached through methods.", aBool},
	{"doc", "Comment on the field.", aText},
}}

var expectShape = &shape{kind: mapping, noun: "a mapping with size and offsets", keys: []key{
	{"size", "Size in bytes.", aSize},
	{"offsets", "Offset of each field in bytes, in order.", offsets},
}}

var callShape = &shape{kind: mapping, noun: "a mapping", keys: []key{
	{"go", "Go name, without Raw.", aGoName},
	{"doc", "What the call does, to follow its name.", aText},
	{"source", "Man page or documentation page.", aText},
	{"errors", "Errors that a caller should expect.", errnos},
	{"blocking", "Whether the call can put the thread to sleep.", oneOf(string(model.Never), string(model.Maybe))},
	{"optional", "Whether a platform may lack the call.", aBool},
	{"params", "Parameters in order: a C type, or a mapping.", named("parameter", aParam, paramShape)},
	{"returns", "none, a C type, or a mapping.", returnShape},
	{"convention", "How the call is made, if not as the platform's calls are.", oneOf(model.Conventions...)},
	{"symbol", "The symbol or export, if it is not the call's name.", aSymbol},
	{"dll", "The DLL that exports the call.", aDLL},
	{"unproved", "Why no oracle knows the call, and what proves it instead.", aText},
}}

var paramShape = &shape{kind: mapping, noun: "a C type or a mapping", bare: shortFor("type"), short: "type", keys: []key{
	{"type", "C type.", aCType},
	{"dir", "Who fills what the pointer refers to.", oneOf(string(model.In), string(model.Out), string(model.InOut))},
	{"len", "The parameter that carries the element count: makes a slice.", aParam},
	{"value", "A value passed always; the parameter vanishes from Go.", aNumber},
	{"sizeof", "The struct, by Go name, whose size is passed always; the parameter vanishes from Go.", aGoName},
	{"go", "Go type, if not the computed one.", aGoType},
}}

var returnShape = &shape{kind: mapping, noun: "none, a C type or a mapping", bare: bareReturn, short: "type", keys: []key{
	{"type", "C type.", aCType},
	{"fails", "How the call reports failure.", oneOf(model.FailModes...)},
	{"none", "Whether the value says nothing on success.", aBool},
}}

var numberShape = &shape{kind: mapping, noun: "a number or a mapping", bare: shortFor("number"), short: "number", keys: []key{
	{"number", "The number.", aCount},
	{"macro", "The header's macro, if it is not SYS_<name>.", aCName},
}}
