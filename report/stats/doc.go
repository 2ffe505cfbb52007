// Package stats turns rounds of blocks into figures with intervals: quantiles
// of HdrHistograms, the median of rounds with its exact order-statistic
// interval, and seeded resamples of rounds.
//
// It knows numbers, rounds and histograms, and no lab, mode or report. One
// invariant: the unit that is counted or resampled is the round, never the
// transaction, and the same input and seed give the same output.
package stats
