// Package oracle proves the specs against two sources that metalio did not
// write: the systems' own C headers, through a C cross compiler, and
// golang.org/x/sys for the same GOOS and GOARCH.
//
// Both judge the same list of facts: the value of a constant, the size of a
// structure, the offset of a field, the number of a system call, the symbol of
// a library call. Headers compiles one C file of static assertions for each
// platform (CSource); LoadXSys and Compare look the facts up in x/sys. Each
// gives a Verdict: which facts it knows, and which of those it contradicts.
//
// A fact that neither knows must say so in its spec (unproved: reason), and one
// that says so must be unknown to both: the package's tests hold the specs to
// that.
package oracle
