// Package strace is for tests on Linux that let the program strace(1) count their
// system calls or make them fail.
package strace
