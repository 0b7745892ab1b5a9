// Package model holds a platform's ABI as the generator sees it: what package
// load reads from the spec files, package check completes with computed
// layouts, and package emit writes as Go.
//
// Every entity remembers the place in the spec file that it came from, so that
// whichever step finds a fault can name file, line and column.
package model
