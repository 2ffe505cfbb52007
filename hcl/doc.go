// Package hcl reads lab files: text becomes a [testbed.Lab] with every default
// filled in and every reference resolved, or diagnostics that point at each
// mistake. It is the only place that knows HCL; it starts nothing, and opens no
// file but the lab and the kernels that the lab names.
//
// The language is one table, in schema.go and the files schema_*.go: what is
// accepted and what is documented are both read from it.
//
// Invariant: all mistakes of a file are reported at once, each once. A value
// that has been reported is never evaluated further, so no mistake causes a
// second diagnostic.
package hcl
