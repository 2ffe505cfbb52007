package stats

import "math"

// ModeShare is the part of the variance of a mode's log ratio to host that is
// taken to be the mode's own, when the error of the mode's own figure is wanted
// and what all modes share (drift, a busy neighbour) must not count. It would be
// 2/3 if all blocks scattered alike (a mode has one in a round, host two) and 1
// if only the mode's did. Four fifths covers what it says in between.
const ModeShare = 0.8

// Added is the mean of the paired differences of a mode to host. Either may
// follow the level of the rig: a mode that adds a time leaves the difference as
// it is, one that takes a share of it does not, and the difference then follows
// all that drifts. What follows the level is no error of the mean over the
// rounds measured: the error is that of the differences or, where that is
// smaller by more than a tenth of its variance, of what is left of them when
// each round's share of the level is taken out.
func Added(mode, host []float64) Mean {
	differences, levels := make([]float64, len(mode)), make([]float64, len(mode))
	for i := range mode {
		differences[i] = mode[i] - host[i]
		// The weights of 1/8 and 7/8 leave the errors of the two blocks with
		// nearly the weight that they have in the difference.
		levels[i] = math.Pow(mode[i], 0.125) * math.Pow(host[i], 0.875)
	}
	plain := RoundMean(differences)
	level := average(levels)
	if plain.Freedom == 0 || !(level > 0) || math.IsInf(level, 0) {
		return plain
	}
	left := make([]float64, len(mode))
	for i, d := range differences {
		left[i] = d - plain.Value*(levels[i]/level-1)
	}
	const margin = 1.1
	if e := math.Sqrt(margin) * RoundMean(left).Error; e < plain.Error {
		plain.Error = e
	}
	// The smaller of two estimates is a little small; simulated with few rounds.
	plain.Error *= math.Sqrt(1 + 1/float64(len(mode)))
	return plain
}

// Pseudo are the jackknife's pseudo-values of a figure that is computed from
// all rounds together: n times the figure less n-1 times the figure without the
// round (Quenouille 1956, Tukey 1958). Their mean has the figure's error.
func Pseudo(n int, figure func(weights []int) float64) (whole float64, values []float64) {
	weights := make([]int, n)
	for i := range weights {
		weights[i] = 1
	}
	whole = figure(weights)
	values = make([]float64, n)
	for i := range values {
		weights[i] = 0
		values[i] = float64(n)*whole - float64(n-1)*figure(weights)
		weights[i] = 1
	}
	return whole, values
}
