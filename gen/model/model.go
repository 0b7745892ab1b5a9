package model

import (
	"fmt"
	"math/big"
)

// Pos is a place in a spec file. Lines and columns count from one.
type Pos struct {
	File string // as the user would name it, relative to the module's root
	Line int
	Col  int
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// Convention is how a call reaches the kernel.
type Convention string

// The conventions that a spec may name.
const (
	Trap Convention = "trap" // a raw system call number through package syscall
	Libc Convention = "libc" // a symbol of the system's C library, through a trampoline
	DLL  Convention = "dll"  // an export of a Windows DLL
)

// NoHeaders is the c_target of a system whose headers the C cross compiler lacks.
const NoHeaders = "none"

// Conventions lists every known convention, for checks and suggestions.
var Conventions = []string{string(Trap), string(Libc), string(DLL)}

// Platform is one GOOS/GOARCH pair with everything its spec file and the files
// that it extends say, later files overriding earlier ones by name.
type Platform struct {
	GOOS, GOARCH string
	Pos          Pos      // the platform's own file
	Families     []string // broad to narrow, such as unix, linux
	DataModel    *DataModel
	BigEndian    bool
	Convention   Convention
	Library      string   // the C library's install name, for Libc
	CTarget      string   // the platform as the C cross compiler names it, for the oracle
	Defines      []string // macros to define before the headers, for the oracle
	Headers      []string // C headers in order, for the oracle
	Typedefs     []*Typedef
	Groups       []*Group
	Structs      []*Struct
	Calls        []*Call
	Abilities    []*Ability
	Simulated    []*Simulated

	// NumbersPos is the place of the last file's system call numbers, or of the
	// platform's file if it has none: a number that is missing is missing there.
	NumbersPos Pos

	// Placeholders are the types that only stubs mention: check fills them.
	Placeholders []string
}

// Name returns GOOS_GOARCH, the middle of the generated file's name.
func (p *Platform) Name() string { return p.GOOS + "_" + p.GOARCH }

// Ability is something that not every platform of a family can do, told by the
// constants that it takes.
type Ability struct {
	Name string // without Has
	Pos  Pos
	Doc  string

	// StandIns are the constants, with values for a platform that lacks them:
	// code that branches on the ability still has to compile there.
	StandIns []*Const
}

// Lacking returns the stand-ins of a for the constants that groups do not have:
// none if the platform has the ability.
func (a *Ability) Lacking(groups []*Group) []*Const {
	have := map[string]bool{}
	for _, g := range groups {
		for _, c := range g.Consts {
			have[c.Name] = true
		}
	}
	var out []*Const
	for _, c := range a.StandIns {
		if !have[c.Name] {
			out = append(out, c)
		}
	}
	return out
}

// Simulated is what Linux takes from the platform under a build tag, so that a
// backend for the platform's mechanism can run there against a simulated kernel.
type Simulated struct {
	Tag  string // the build tag, and the middle of the generated file's name
	Pos  Pos
	Take []string // beginnings of the names of constants and structs
}

// DataModel gives the size and alignment of C's basic types.
type DataModel struct {
	Name  string
	Pos   Pos
	Basic map[string]SizeAlign // "int", "long", "pointer", …
}

// SizeAlign is a size and an alignment inside a struct, in bytes.
type SizeAlign struct{ Size, Align int }

// Typedef names a C type. Go, when it is a builtin type's name, says how the
// typedef appears in Go; any other name is emitted as an alias, so that code
// shared by platforms can convert to it.
type Typedef struct {
	Name     string
	Pos      Pos
	C        string
	Go       string
	Doc      string
	Declared bool // the Go type is hand-written in the root package

	// Alias is the Go type that Go is emitted as an alias of; computed by
	// check, empty if nothing is emitted.
	Alias string
}

// Group is a set of constants that belong together.
type Group struct {
	Name     string
	Pos      Pos
	Doc      string
	Header   string // where C declares them
	Unproved string // why no oracle knows them; empty if one does
	GoType   string // type of the constants; empty for untyped
	Consts   []*Const
}

// Const is one constant. Its Go name is its C name.
type Const struct {
	Name     string
	Pos      Pos
	Value    int64  // the value as written, which must fit 64 bits
	Unsigned bool   // Value holds the bits of a uint64 above the int64 range
	Text     string // as written in the spec: keeps the radix
	C        string // C expression for the oracle when it is not the name
}

// Big returns the value with its sign.
func (c *Const) Big() *big.Int {
	if c.Unsigned {
		return new(big.Int).SetUint64(uint64(c.Value))
	}
	return big.NewInt(c.Value)
}

// Struct is a C structure.
type Struct struct {
	Name     string // in Go
	Pos      Pos
	C        string // as C spells it, such as "struct epoll_event"; empty if no header has it
	XSys     string // its name in golang.org/x/sys; empty if that has none
	Doc      string
	Source   string // man page or header
	Packed   bool
	Unproved string
	Fields   []*Field
	Expect   map[string]*Expect // by data model

	// Computed by check.
	Size, Align int
}

// Expect is the layout that the spec's author expects, compared with the
// computed one.
type Expect struct {
	Pos     Pos
	Size    int
	Offsets []int // one for each field, in order; nil if only the size is known
}

// Field is one member of a Struct.
type Field struct {
	Name     string // in Go
	Pos      Pos
	C        string // member designator in C, such as "data.u64"
	Type     CType
	TypePos  Pos
	At       int    // forced offset, or -1
	Opaque   string // Go integer type that stands for a pointer-typed slot
	Accessor bool   // reached through methods, because some platform cannot place it
	Doc      string

	// Computed by check.
	Offset, Size, Align int
	GoType              string
}

// Blocking says whether a call can put the thread to sleep.
type Blocking string

// The two answers: a call that never blocks has only a raw wrapper, one that
// may block has a raw and a scheduler-aware one.
const (
	Never Blocking = "never"
	Maybe Blocking = "maybe"
)

// Call is one kernel entry.
type Call struct {
	Name     string // in C
	Pos      Pos
	Go       string
	Doc      string
	Source   string // man page or documentation page
	Errors   []string
	Family   string // the family of the file that declared it
	Blocking Blocking
	Optional bool // a platform, or of a DLL an older release, may lack the call
	Params   []*Param
	Returns  Result

	Convention  Convention
	Number      int // trap number, or -1
	NumberPos   Pos
	NumberMacro string // the C macro of the number, when it is not SYS_<name>
	Symbol      string // libc symbol or DLL export
	DLL         string
	Unproved    string

	// Absent is set when the platform's spec says that it lacks the call.
	Absent bool
	// Stub is set by check on a call that this platform lacks.
	Stub bool
	// HasConst is set by check on a call that some platform of the family lacks.
	HasConst bool
}

// Direction says who fills what a pointer refers to.
type Direction string

// The directions a pointer parameter can have, from the caller's view.
const (
	In    Direction = "in"    // the kernel reads
	Out   Direction = "out"   // the kernel fills
	InOut Direction = "inout" // both
)

// Param is one parameter of a Call.
type Param struct {
	Name string
	Pos  Pos
	Type CType
	Dir  Direction
	Len  string // the parameter that carries this one's element count: makes it a slice in Go
	// Value, when set, is passed always and the parameter vanishes from Go.
	Value *int64
	// SizeOf names a struct whose size is passed always, in the same way.
	SizeOf string
	// Go overrides the computed Go type.
	Go string

	// Computed by check.
	GoType string
	LenOf  *Param // set on the parameter that another's Len names
}

// Fixed reports whether the specs say what is passed, so that Go code does not.
func (p *Param) Fixed() bool { return p.Value != nil || p.SizeOf != "" }

// Result is what a call returns and how it fails.
type Result struct {
	Pos   Pos
	Type  CType
	Fails string // errno, zero, minus1, status, never: see the Fails constants
	None  bool   // the value says nothing on success and is dropped

	GoType string // computed by check; empty when None
}

// How a call reports failure.
const (
	FailsErrno  = "errno"  // Unix: minus one and errno
	FailsZero   = "zero"   // Windows: zero, and GetLastError says why
	FailsMinus1 = "minus1" // Windows: all bits set, and GetLastError says why
	FailsStatus = "status" // Windows: the value is the status
	FailsNever  = "never"  // the value is the answer
)

// AbsentStatus names the constant that a wrapper which fails with a status
// returns for an optional export that the running system lacks.
const AbsentStatus = "STATUS_PROCEDURE_NOT_FOUND"

// FailModes lists every known failure mode, for checks and suggestions.
var FailModes = []string{FailsErrno, FailsZero, FailsMinus1, FailsStatus, FailsNever}
