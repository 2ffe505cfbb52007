package report

import (
	"math"

	"github.com/testbed-lab/testbed/report/stats"
)

// perGroup is how many transactions beyond a percentile the jackknife leaves out at once.
// With one or two a step between neighbours takes the place of the distribution's slope, and
// 95% intervals cover 93% or less (docs/proofs/coverage.md).
const perGroup = 5

// pooledMean is a figure of the pooled rounds that have a value, with the jackknife's error
// over them; over groups of rounds where one has too few of the transactions beyond the
// percentile, of which there are so many together.
func (t *trial) pooledMean(has []float64, beyond int64, figure func(weights []int) float64) mean {
	at := []int{}
	for i, v := range has {
		if !math.IsNaN(v) {
			at = append(at, i)
		}
	}
	groups := t.groups(at, int(beyond/perGroup))
	weights := make([]int, len(has))
	whole, pseudo := stats.Pseudo(len(groups), func(some []int) float64 {
		for k, group := range groups {
			for _, i := range group {
				weights[i] = some[k]
			}
		}
		return figure(weights)
	})
	along := make([]float64, len(has))
	for i := range along {
		along[i] = math.NaN()
	}
	for k, group := range groups {
		along[group[0]] = pseudo[k]
	}
	m := t.mean(along)
	m.Value, m.n = whole, len(at)
	return m
}

// groups splits rounds in their order, evenly and so that none is of two boots, into so
// many groups or few more; each is one round where there are no more rounds than that.
func (t *trial) groups(rounds []int, most int) (all [][]int) {
	most = max(most, stats.MinRounds)
	number := func(k int) int { return k * min(most, len(rounds)) / len(rounds) }
	for k, round := range rounds {
		if k == 0 || number(k) != number(k-1) || t.boots[round] != t.boots[rounds[k-1]] {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], round)
	}
	return all
}
