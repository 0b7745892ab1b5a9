// Package draft writes the first version of a new platform's spec file, for
// `go run ./gen -new GOOS/GOARCH`.
//
// It picks the spec that the new one extends, lays golang.org/x/sys beside what
// that says for the new platform, and writes down the differences alone: call
// numbers, constants, and the structures that are laid out otherwise. A fact
// that x/sys does not know is asked of the platform's own C headers when the
// cross compiler is there (probe.go). What is left stands at the top of the
// draft, one "# TO CHECK:" line for each.
//
//	xsys.go     golang.org/x/sys as a table of facts
//	draft.go    the order of work, and which base to extend
//	facts.go    constants, calls and structs: what differs from the base
//	probe.go    the C headers, for what x/sys lacks
//	write.go    the YAML, and what is left to check
package draft
