// Package slurm holds the test that hands cells to a real Slurm: daemons of its own, on
// loopback, in a temporary folder, which know nothing of the machine's. It has no code of
// its own. What it starts carries this checkout's mark in its environment, and the next
// run ends it even when a test was killed.
package slurm
