package model

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// CType is a C type as specs spell it: an optional const, a base type, up to
// two pointer levels and an optional array length.
type CType struct {
	Const bool
	Base  string // "int", "struct epoll_event", "size_t", "void"
	Ptr   int    // number of stars
	Array int    // element count, or 0 for no array
}

func (t CType) String() string {
	s := t.Base
	if t.Const {
		s = "const " + s
	}
	if t.Ptr > 0 {
		s += " " + strings.Repeat("*", t.Ptr)
	}
	if t.Array > 0 {
		s += fmt.Sprintf("[%d]", t.Array)
	}
	return s
}

// IsPointer reports whether the type is a pointer, not an array of them.
func (t CType) IsPointer() bool { return t.Ptr > 0 && t.Array == 0 }

// ParseCType reads a C type such as "const struct epoll_event *" or
// "uint8_t[28]".
func ParseCType(s string) (CType, error) {
	var t CType
	rest := strings.TrimSpace(s)
	if open := strings.IndexByte(rest, '['); open >= 0 {
		n, err := strconv.Atoi(strings.TrimSuffix(rest[open+1:], "]"))
		if err != nil || n <= 0 || n > math.MaxInt32 || !strings.HasSuffix(rest, "]") {
			return t, fmt.Errorf("bad array length in C type %q", s)
		}
		t.Array = n
		rest = strings.TrimSpace(rest[:open])
	}
	for strings.HasSuffix(rest, "*") {
		t.Ptr++
		rest = strings.TrimSpace(strings.TrimSuffix(rest, "*"))
	}
	if after, ok := strings.CutPrefix(rest, "const "); ok {
		t.Const = true
		rest = strings.TrimSpace(after)
	}
	t.Base = strings.Join(strings.Fields(rest), " ")
	if t.Base == "" || strings.ContainsAny(t.Base, "*[]();,") {
		return t, fmt.Errorf("cannot read C type %q", s)
	}
	if t.Ptr > 2 {
		return t, fmt.Errorf("C type %q has more than two pointer levels", s)
	}
	return t, nil
}

// BuiltinTypes are the types of Go that a spec may name as they are. Any other
// name is one that package metalio declares.
var BuiltinTypes = []string{
	"bool", "byte", "int", "int8", "int16", "int32", "int64",
	"uint", "uint8", "uint16", "uint32", "uint64", "uintptr", "unsafe.Pointer",
}
