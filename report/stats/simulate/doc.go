// Package simulate makes up rounds of blocks whose truth is known, to see how
// often an interval holds it: heavy-tailed, disturbed and drifting, with blocks
// that remember the transaction before and rounds that remember the round before.
//
// It estimates nothing and knows no report. One invariant: all randomness is the
// caller's, so the same seed makes the same world.
package simulate
