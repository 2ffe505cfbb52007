// Package house holds the tests of what is true of the whole checkout and of no
// package alone: which package may import which, that no file names a registry
// or a mirror, that every package says what it is. It has no code of its own.
package house
