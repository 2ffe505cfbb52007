package stats

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
)

// Resamples is how many bootstrap resamples are drawn: enough that the 2.5%
// ends of an interval rest on 25 of them.
const Resamples = 1000

// Resample draws seeded bootstrap resamples of rounds: for each, how often each
// of n rounds was drawn in n draws with replacement. name separates the random
// streams of different tests under one seed.
func Resample(seed int64, name string, n int) [][]int {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	random := rand.New(rand.NewPCG(uint64(seed), hash.Sum64()))
	all := make([][]int, Resamples)
	for i := range all {
		weights := make([]int, n)
		for range n {
			weights[random.IntN(n)]++
		}
		all[i] = weights
	}
	return all
}

// PercentileInterval returns the ends between which [Confidence] of the
// resampled figures lie: the percentile bootstrap. With few rounds it covers
// less than it says (about 90% for 10 rounds), so it serves only where no exact
// interval exists. ok is false for no values.
func PercentileInterval(figures []float64) (lo, hi float64, ok bool) {
	if len(figures) == 0 {
		return 0, 0, false
	}
	sorted := slices.Sorted(slices.Values(figures))
	at := func(q float64) float64 {
		return sorted[nearestRank(q, int64(len(sorted)))-1]
	}
	return at((1 - Confidence) / 2), at((1 + Confidence) / 2), true
}
