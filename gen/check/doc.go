// Package check completes and judges what package load has read: it computes
// the layout of every struct from its C types and the platform's data model,
// decides each Go type, adds the stubs for calls that a platform lacks, and
// refuses a spec that contradicts itself.
//
// Nothing is emitted unless All accepts every platform, so a bad spec never
// leaves half a binding behind.
package check
