package report

import (
	"math"

	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

// mostNeeded is how many times as much as was measured is looked at: beyond
// that the estimate lies so near the border that its own error decides.
const mostNeeded = 64

// decides is the share of larger resamples from which on four of five runs of
// that size would confirm: the estimate then lies as far from the border as the
// quantiles of 95% and 80% together, 1.645 + 0.842 standard errors.
const decides = 0.9935

// needed is how many rounds would decide a claim. Resamples of more rounds than
// there are, drawn from those there are, scatter less; the least number is
// sought at which they agree so much that a run of that size would decide, by
// doubling and then halving the step. It is about as sure as the estimate: where
// the truth lies nearer to the border than what these rounds show, it takes more.
func (c *court) needed(holds testbed.Predicate, asked map[testbed.Metric]bool) *testbed.Needed {
	largest := c.largest(asked)
	if largest == nil { // It rests on no rounds.
		return nil
	}
	measured := stats.Units(largest.boots)
	enough := func(units int) bool {
		share := c.share(holds, asked, func(t *trial) [][]int { return t.resampledTo(float64(units) / float64(measured)) })
		return share >= decides || share <= 1-decides
	}
	few, many := measured, 2*measured
	for !enough(many) {
		if many >= mostNeeded*measured {
			return largest.neededUnits(mostNeeded*measured, true)
		}
		few, many = many, 2*many
	}
	for many-few > max(1, many/32) {
		if middle := (few + many) / 2; enough(middle) {
			many = middle
		} else {
			few = middle
		}
	}
	// What was drawn from n scatters by (n-1)/n less than what n were drawn from.
	more := float64(many) * float64(measured) / float64(measured-1)
	return largest.neededUnits(twoDigits(more), false)
}

// twoDigits rounds up to two digits: no resamples tell more.
func twoDigits(n float64) int {
	step := math.Max(1, math.Pow(10, math.Floor(math.Log10(n))-1))
	return int(math.Ceil(n/step) * step)
}

// largest is the test with the most rounds of those that a claim is about.
func (c *court) largest(asked map[testbed.Metric]bool) (largest *trial) {
	for _, m := range sortedMetrics(asked) {
		t := c.trials[m.Test]
		if t != nil && m.Function != "capability" && (largest == nil || len(t.rounds) > len(largest.rounds)) {
			largest = t
		}
	}
	return largest
}

// resampledTo are resamples of a run so many times as large.
func (t *trial) resampledTo(times float64) [][]int {
	units := int(math.Ceil(times * float64(stats.Units(t.boots))))
	return stats.ResampleTo(t.seed, trialKey(t.test.Name, t.coordinates), t.boots, units)
}

// neededUnits says of what so many are needed.
func (t *trial) neededUnits(units int, atLeast bool) *testbed.Needed {
	of := t.round() + "s"
	if t.booted() > 1 && of == "rounds" {
		of = "boots"
	}
	return &testbed.Needed{Count: units, Of: of, AtLeast: atLeast}
}
