package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/perf/benchmath"
)

func TestMedian(t *testing.T) {
	values := []float64{3, 1, 2}
	assert.Equal(t, 2.0, Median(values))
	assert.Equal(t, []float64{3, 1, 2}, values, "the caller's order is kept")
	assert.Equal(t, 2.5, Median([]float64{4, 1, 2, 3}))
	assert.True(t, math.IsNaN(Median(nil)))
}

func TestMedianIntervalNeedsMinRounds(t *testing.T) {
	_, _, ok := MedianInterval(make([]float64, MinRounds-1))
	assert.False(t, ok)
	lo, hi, ok := MedianInterval([]float64{6, 5, 4, 3, 2, 1})
	require.True(t, ok)
	assert.Equal(t, [2]float64{1, 6}, [2]float64{lo, hi})
}

// The binomial table: for n values the interval runs from the k-th smallest to
// the k-th largest.
func TestMedianOrderAgainstTable(t *testing.T) {
	for n, k := range map[int]int{5: 0, 6: 1, 8: 1, 9: 2, 10: 2, 12: 3, 15: 4, 17: 5, 20: 6, 25: 8, 30: 10, 40: 14, 50: 18, 100: 40} {
		assert.Equal(t, k, medianOrder(n), "n = %d", n)
	}
}

// benchmath computes the same interval by another program. It may drop a value
// at one end where that still covers, and beyond 30 values it approximates by a
// normal distribution: never further than one value from ours.
func TestMedianIntervalAgainstBenchmath(t *testing.T) {
	for n := 2; n <= 60; n++ {
		values := make([]float64, n)
		for i := range values {
			values[i] = float64(i + 1)
		}
		summary := benchmath.AssumeNothing.Summary(benchmath.NewSample(values, &benchmath.DefaultThresholds), Confidence)
		lo, hi, ok := MedianInterval(values)
		assert.Equal(t, !math.IsInf(summary.Lo, 0) && !math.IsInf(summary.Hi, 0), ok, "n = %d", n)
		assert.InDelta(t, summary.Center, Median(values), 1e-9, "n = %d", n)
		if !ok {
			continue
		}
		if n <= 30 {
			assert.LessOrEqual(t, lo, summary.Lo, "n = %d", n)
			assert.GreaterOrEqual(t, hi, summary.Hi, "n = %d", n)
		}
		assert.LessOrEqual(t, math.Abs(lo-summary.Lo)+math.Abs(hi-summary.Hi), 2.0, "n = %d", n)
	}
}

// The interval covers the true median of a skewed distribution at least as
// often as it says, also with the fewest rounds.
func TestMedianIntervalCovers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const trials = 4000
	for _, n := range []int{6, 10, 20} {
		covered := 0
		for range trials {
			values := make([]float64, n)
			for i := range values {
				values[i] = random.ExpFloat64()
			}
			if lo, hi, ok := MedianInterval(values); ok && lo <= math.Ln2 && math.Ln2 <= hi {
				covered++
			}
		}
		// 0.95 less three standard errors.
		assert.Greater(t, float64(covered)/trials, 0.94, "n = %d", n)
	}
}

func TestResample(t *testing.T) {
	a, b := Resample(17, "tcp_rr", 10), Resample(17, "tcp_rr", 10)
	assert.Equal(t, a, b, "seeded")
	assert.NotEqual(t, a, Resample(18, "tcp_rr", 10), "by the seed")
	assert.NotEqual(t, a, Resample(17, "udp_rr", 10), "and by the name")
	require.Len(t, a, Resamples)
	for _, weights := range a {
		sum := 0
		for _, w := range weights {
			sum += w
		}
		assert.Equal(t, 10, sum)
	}
	assert.Empty(t, Resample(17, "none", 0)[0])
}

func TestPercentileInterval(t *testing.T) {
	values := make([]float64, 1000)
	for i := range values {
		values[i] = float64(i + 1)
	}
	slices.Reverse(values)
	lo, hi, ok := PercentileInterval(values)
	require.True(t, ok)
	assert.Equal(t, [2]float64{25, 975}, [2]float64{lo, hi})
	_, _, ok = PercentileInterval(nil)
	assert.False(t, ok)
}
