// Package hold keeps two processes from changing one lab at once, and tells
// whether the process that made something still lives. It knows no lab: a lock
// is a file, a process is what the kernel says of it.
//
// Invariant: what a process holds ends with the process, however it ends.
package hold
