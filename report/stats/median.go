package stats

import (
	"math"
	"slices"
)

// Confidence of every interval.
const Confidence = 0.95

// MinRounds is the least number of rounds for which the median has an interval
// at [Confidence]: the widest there is, from the smallest to the largest of n
// values, misses the median with probability 2·2⁻ⁿ, which is 6.3% for 5 rounds
// and 3.1% for 6.
const MinRounds = 6

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

// MedianInterval returns the exact, distribution-free interval of the median:
// the k-th smallest and k-th largest value, for the largest k that still covers
// [Confidence]. The number of values below the median is binomial (n, ½),
// whatever their distribution; they need only be independent. Below [MinRounds]
// values there is no such interval, and ok is false.
func MedianInterval(values []float64) (lo, hi float64, ok bool) {
	k := medianOrder(len(values))
	if k == 0 {
		return 0, 0, false
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[k-1], sorted[len(sorted)-k], true
}

// medianOrder returns the largest k with P(B < k) ≤ (1-Confidence)/2 for B
// binomial (n, ½); 0 where even k = 1 covers too little.
func medianOrder(n int) int {
	tail := 0.0
	for k := 0; k < n/2; k++ {
		tail += math.Exp(logChoose(n, k) - float64(n)*math.Ln2)
		if tail > (1-Confidence)/2 {
			return k
		}
	}
	return n / 2
}

func logChoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}
