// Package handles counts the handles that a Windows process has open. It is for
// tests that look for leaks.
package handles
