package simulate

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/perf/benchmath"

	"github.com/testbed-lab/testbed/report/stats"
)

// A simulation proves nothing unless its worlds are as they say.
func TestNoiseHasMeanZeroAndDeviationOne(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for name, noise := range map[string]func(*rand.Rand) float64{"Student": Student, "Disturbed": Disturbed} {
		const n = 400000
		sum, squares, cubes := 0.0, 0.0, 0.0
		for range n {
			v := noise(random)
			sum, squares, cubes = sum+v, squares+v*v, cubes+v*v*v
		}
		assert.InDelta(t, 0, sum/n, 0.01, name)
		assert.InDelta(t, 1, squares/n, 0.04, name)
		if name == "Disturbed" {
			assert.Greater(t, cubes/n, 1.0, "skewed")
		}
	}
}

func TestRoundsRemember(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	series := autoregression(random, 100000, 0.02, 0.8)
	correlation, clear := stats.Serial(series)
	assert.True(t, clear)
	assert.InDelta(t, 0.8, correlation, 0.02)
	assert.InDelta(t, 0.02, stats.PlainMean(series).Error*math.Sqrt(100000), 0.001)
}

func TestDrawPairsWhatRoundsShare(t *testing.T) {
	w := Rough()
	w.Effect, w.Block, w.Mode = 0.2, 0, 0
	r := w.Draw(rand.New(rand.NewPCG(1, 3)), 2, 30)
	for i, mode := range r.Modes[0] {
		assert.InDelta(t, 0.2, mode-r.Host[i][0], 1e-12, "without noise of its own nothing but the effect is left")
		assert.InDelta(t, r.Level[i], r.Host[i][1], 1e-12)
	}
	assert.Equal(t, []int{0, 1}, slices.Compact(r.Boot))
	assert.Greater(t, slices.Max(r.Level)-slices.Min(r.Level), 0.1, "it drifts")
}

func TestQuantileIsThatOfTransactions(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 4))
	medians := []float64{100, 120}
	all := append(Transactions(random, 400000, 100), Transactions(random, 400000, 120)...)
	slices.Sort(all)
	for _, q := range []float64{0.5, 0.9, 0.99, 0.999} {
		want := Quantile(q, medians)
		assert.InDelta(t, want, all[int(q*float64(len(all)))], 0.05*want, "q = %v", q)
	}
	assert.InDelta(t, 100, Quantile(0.5, []float64{100}), 1e-6)
	assert.InDelta(t, 110*Mean(), stats.PlainMean(all).Value, 0.5)
}

// The binomial table: for n values the interval runs from the k-th smallest to
// the k-th largest.
func TestOrderAgainstTable(t *testing.T) {
	for n, k := range map[int]int{5: 0, 6: 1, 8: 1, 9: 2, 10: 2, 12: 3, 15: 4, 17: 5, 20: 6, 25: 8, 30: 10, 40: 14, 50: 18, 100: 40} {
		assert.Equal(t, k, order(n), "n = %d", n)
	}
}

// benchmath computes the same interval by another program. It may drop a value
// at one end where that still covers, and beyond 30 values it approximates by a
// normal distribution: never further than one value from ours.
func TestOrderStatisticsAgainstBenchmath(t *testing.T) {
	for n := 6; n <= 60; n++ {
		values := make([]float64, n)
		for i := range values {
			values[i] = float64(i + 1)
		}
		summary := benchmath.AssumeNothing.Summary(benchmath.NewSample(values, &benchmath.DefaultThresholds), stats.Confidence)
		lo, hi := orderStatistics(nil, values)
		if n <= 30 {
			assert.LessOrEqual(t, lo, summary.Lo, "n = %d", n)
			assert.GreaterOrEqual(t, hi, summary.Hi, "n = %d", n)
		}
		assert.LessOrEqual(t, math.Abs(lo-summary.Lo)+math.Abs(hi-summary.Hi), 2.0, "n = %d", n)
	}
}

// Each candidate covers about what it says where its own assumptions hold, or it
// would be no fair comparison.
func TestCandidatesCoverIndependentNormalRounds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 5))
	const rounds, trials = 30, 1500
	for _, c := range Candidates() {
		covered := 0
		for range trials {
			values := make([]float64, rounds)
			for i := range values {
				values[i] = random.NormFloat64()
			}
			if lo, hi := c.Interval(random, values); lo <= 0 && 0 <= hi {
				covered++
			}
		}
		assert.InDelta(t, 0.95, float64(covered)/trials, 0.025, c.Name)
	}
}
