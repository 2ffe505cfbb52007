// Package history keeps results over time: each night's figures, the result and its page
// in one file, and what of them has changed for good.
//
// It judges a figure's series over many results; a comparison of two is report's. It
// measures nothing and prints nothing for a person. One invariant: a result is in the
// store whole or not at all, whatever ends the process, and once.
package history
