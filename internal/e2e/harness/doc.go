// Package harness is what the packages of tests that drive the built program share:
// the program, the mark on all that they make, and how they run a process. It knows no
// lab and asserts nothing of the program. A process that it runs has a deadline and leads
// a group of its own, and none outlives its test.
package harness
