// Package stats turns rounds of blocks into figures with intervals: quantiles
// of HdrHistograms, means of rounds or boots with an error that allows for rounds
// that resemble each other, Holm's correction, and seeded resamples of rounds.
//
// It knows numbers, rounds and histograms, and no lab, mode or report. One
// invariant: the unit that is counted or resampled is the round, never the
// transaction, and the same input and seed give the same output.
package stats
