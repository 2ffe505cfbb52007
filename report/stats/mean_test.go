package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	moremath "github.com/aclements/go-moremath/stats"
	"github.com/stretchr/testify/assert"
	"golang.org/x/perf/benchmath"
)

// The table of any textbook.
func TestStudentAgainstTable(t *testing.T) {
	for freedom, want := range map[float64]float64{1: 12.706, 2: 4.303, 4: 2.776, 9: 2.262, 30: 2.042, 1000: 1.962} {
		assert.InDelta(t, want, student(0.975, freedom), 5e-4, "%v degrees", freedom)
		assert.InDelta(t, 0.05, twoSided(student(0.975, freedom), freedom), 1e-12)
		assert.InDelta(t, moremath.InvCDF(moremath.TDist{V: freedom})(0.8), student(0.8, freedom), 1e-6)
	}
	assert.Less(t, twoSided(1000, 9), 1e-20, "the far tail is not rounded away")
}

// With all n-1 cosines the error is Student's own; the interval of independent
// values is then that of benchmath's parametric assumption.
func TestMeanAgainstBenchmath(t *testing.T) {
	values := []float64{3, 1, 4, 1, 5}
	all, plain := RoundMean(values), PlainMean(values)
	assert.InDelta(t, plain.Error, all.Error, 1e-12, "5 rounds use all 4 cosines")
	assert.Equal(t, plain.Freedom, all.Freedom)
	lo, hi := plain.Interval()
	summary := benchmath.AssumeNormal.Summary(benchmath.NewSample(values, &benchmath.DefaultThresholds), Confidence)
	assert.InDelta(t, summary.Center, plain.Value, 1e-12)
	assert.InDelta(t, summary.Lo, lo, 1e-4)
	assert.InDelta(t, summary.Hi, hi, 1e-4)
}

func TestRoundMeanSeesWhatWanders(t *testing.T) {
	for n, want := range map[int]int{1: 0, 2: 1, 5: 4, 6: 4, 12: 4, 13: 5, 30: 10, 100: 34} {
		assert.Equal(t, want, waves(n), "%d rounds", n)
	}
	slow, fast := make([]float64, 20), make([]float64, 20)
	for i := range slow {
		slow[i], fast[i] = float64(i/10), float64(i%2)
	}
	assert.Greater(t, RoundMean(slow).Error, 1.5*PlainMean(slow).Error)
	assert.Less(t, RoundMean(fast).Error, PlainMean(fast).Error)
	assert.Zero(t, RoundMean([]float64{7}).Freedom)
	assert.True(t, math.IsNaN(RoundMean(nil).Value))
}

func TestBootMean(t *testing.T) {
	m := BootMean([]float64{1, 3, 4, 4, 4, 9}, []int{0, 0, 1, 1, 1, 5})
	assert.InDelta(t, 5, m.Value, 1e-12, "each boot weighs the same: 2, 4, 9")
	assert.InDelta(t, math.Sqrt(13.0/3), m.Error, 1e-12)
	assert.Equal(t, 2.0, m.Freedom)
	assert.Zero(t, BootMean([]float64{1, 3}, []int{4, 4}).Freedom)
}

// P and Interval never contradict each other, at whatever the null.
func TestPAgreesWithTheInterval(t *testing.T) {
	m := RoundMean([]float64{0.1, 0.4, -0.2, 0.3, 0.25, 0.6, 0.2, 0.3})
	lo, hi := m.Interval()
	for _, end := range []float64{lo, hi} {
		assert.InDelta(t, 1-Confidence, m.P(end), 1e-9)
	}
	assert.Less(t, m.P(lo-0.01), 1-Confidence)
	assert.Greater(t, m.P(lo+0.01), 1-Confidence)
	exact := RoundMean(make([]float64, 8))
	assert.Equal(t, []float64{1, 0}, []float64{exact.P(0), exact.P(0.1)}, "no scatter at all")
}

// An effect as large as the detectable one is found in four of five runs; for
// many rounds it is 2.8 standard errors.
func TestDetectableIsDetected(t *testing.T) {
	assert.InDelta(t, 2.8, Mean{Error: 1, Freedom: 1e6}.Detectable(0.8, 0.05), 0.002)
	for _, level := range []float64{0.05, 0.05 / 7} { // The second is of one mode among seven.
		assert.InDelta(t, 0.8, detected(20, level), 0.02, "at %.3f", level) // Three standard errors of 4,000.
	}
}

// detected is the share of 4,000 seeded series of rounds, whose mean is the
// detectable one, that are found at the level.
func detected(rounds int, level float64) float64 {
	const trials, deviation = 4000, 0.01
	random := rand.New(rand.NewPCG(3, 1))
	exact := Mean{Error: deviation / math.Sqrt(float64(rounds)), Freedom: float64(waves(rounds))}
	effect := exact.Detectable(0.8, level)
	found := 0
	for range trials {
		values := make([]float64, rounds)
		for i := range values {
			values[i] = effect + deviation*random.NormFloat64()
		}
		if RoundMean(values).P(0) < level {
			found++
		}
	}
	return float64(found) / trials
}

// The figures of R's manual page of power.t.test: 20 in each of two groups, then as
// many as a power of 0.9 asks for; and the normal distribution.
func TestNoncentral(t *testing.T) {
	assert.InDelta(t, 0.8689528, beyond(student(0.975, 38), math.Sqrt(10), 38), 5e-8)
	assert.InDelta(t, math.Sqrt(22.02110/2), noncentrality(0.9, student(0.975, 2*22.02110-2), 2*22.02110-2), 1e-6)
	assert.InDelta(t, 0.8, beyond(1.959964, 2.801586, 1e7), 1e-6)
	for _, freedom := range []float64{1, 1.5, 2, 5, 60} {
		assert.InDelta(t, 0.025, beyond(student(0.975, freedom), 0, freedom), 2e-4, "central, %v", freedom)
	}
}

func TestHolm(t *testing.T) {
	assert.InDeltaSlice(t, []float64{0.03, 0.06, 0.06, 0.02}, Holm([]float64{0.01, 0.04, 0.03, 0.005}), 1e-12, "the example of every textbook")
	assert.Equal(t, []float64{1, 1}, Holm([]float64{0.9, 0.8}))
	assert.Empty(t, Holm(nil))
}

func TestSerial(t *testing.T) {
	wandering := []float64{1, 1, 1, 1, 1, 1, 5, 5, 5, 5, 5, 5}
	correlation, clear := Serial(wandering)
	assert.True(t, clear)
	assert.Greater(t, correlation, 0.8)
	_, clear = Serial([]float64{1, 5, 1, 5, 1, 5, 1, 5})
	assert.False(t, clear)
	_, clear = Serial([]float64{2, 2, 2, 2})
	assert.False(t, clear)
	_, clear = Serial(nil)
	assert.False(t, clear)
	random, said := rand.New(rand.NewPCG(2, 2)), 0
	for range 4000 {
		values := make([]float64, 20)
		for i := range values {
			values[i] = random.NormFloat64()
		}
		if _, clear := Serial(values); clear {
			said++
		}
	}
	assert.InDelta(t, 0.01, float64(said)/4000, 0.006, "independent rounds are accused once in a hundred series")
}

func TestAdded(t *testing.T) {
	// What each round adds follows the level exactly: no error but the level's.
	host, mode := []float64{100, 120, 90, 130, 110, 80}, []float64{}
	for _, h := range host {
		mode = append(mode, 1.5*h)
	}
	m := Added(mode, host)
	assert.InDelta(t, 52.5, m.Value, 1e-9)
	assert.Less(t, m.Error, 1e-9)
	// A constant: no error either, however host drifts.
	for i, h := range host {
		mode[i] = h + 200
	}
	m = Added(mode, host)
	assert.InDelta(t, 200, m.Value, 1e-9)
	assert.Less(t, m.Error, 1e-9)
	assert.Zero(t, Added([]float64{2}, []float64{1}).Freedom)
}

// The jackknife of a mean is the mean's own error.
func TestPseudo(t *testing.T) {
	values := []float64{3, 1, 4, 1, 5, 9}
	whole, pseudo := Pseudo(len(values), func(weights []int) float64 {
		sum, n := 0.0, 0
		for i, w := range weights {
			sum, n = sum+float64(w)*values[i], n+w
		}
		return sum / float64(n)
	})
	assert.InDelta(t, 23.0/6, whole, 1e-12)
	assert.InDeltaSlice(t, values, pseudo, 1e-9)
}
