// Package emit writes a checked platform as Go source, with jennifer, and as
// the assembly trampolines that calls through a C library need.
//
// The output depends on the model alone: no clock, no host, no map order. It is
// the same byte for byte wherever the generator runs.
package emit
