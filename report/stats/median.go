package stats

import (
	"math"
	"slices"
)

// Confidence of every interval.
const Confidence = 0.95

// Median returns the middle value, or the mean of the two middle ones. The
// values are left in their order. It is NaN for no values.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
