package simulate

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/testbed-lab/testbed/report/stats"
)

// Candidate is a method of making a 95% interval of rounds' log ratios.
type Candidate struct {
	Name     string
	Interval func(random *rand.Rand, rounds []float64) (lo, hi float64)
}

// Candidates are the methods among which simulated coverage chose; the last is
// the one that the report uses.
func Candidates() []Candidate {
	return []Candidate{
		{"percentile bootstrap", percentileBootstrap},
		{"bootstrap-t", studentized},
		{"order statistics", orderStatistics},
		{"… interpolated", interpolated},
		{"Student", func(_ *rand.Rand, rounds []float64) (lo, hi float64) { return stats.PlainMean(rounds).Interval() }},
		{"trimmed mean", trimmed},
		{"cosines", func(_ *rand.Rand, rounds []float64) (lo, hi float64) { return stats.RoundMean(rounds).Interval() }},
	}
}

// resamples of a bootstrap candidate.
const resamples = 399

func percentileBootstrap(random *rand.Rand, rounds []float64) (lo, hi float64) {
	means := make([]float64, resamples)
	for i := range means {
		means[i] = stats.PlainMean(resample(random, rounds)).Value
	}
	slices.Sort(means)
	return means[9], means[resamples-10] // Of 399, the 10th from either end.
}

// studentized is the bootstrap of Student's t (Efron and Tibshirani 1993, 12.5).
func studentized(random *rand.Rand, rounds []float64) (lo, hi float64) {
	whole := stats.PlainMean(rounds)
	deviates := make([]float64, resamples)
	for i := range deviates {
		m := stats.PlainMean(resample(random, rounds))
		deviates[i] = (m.Value - whole.Value) / max(m.Error, 1e-12)
	}
	slices.Sort(deviates)
	return whole.Value - deviates[resamples-10]*whole.Error, whole.Value - deviates[9]*whole.Error
}

func resample(random *rand.Rand, rounds []float64) []float64 {
	drawn := make([]float64, len(rounds))
	for i := range drawn {
		drawn[i] = rounds[random.IntN(len(rounds))]
	}
	return drawn
}

// orderStatistics is the exact interval of the median: from the k-th smallest to
// the k-th largest value, for the largest k that still covers. It runs from end
// to end of the line where even the extremes cover too little.
func orderStatistics(_ *rand.Rand, rounds []float64) (lo, hi float64) {
	k := order(len(rounds))
	if k == 0 {
		return math.Inf(-1), math.Inf(1)
	}
	sorted := slices.Sorted(slices.Values(rounds))
	return sorted[k-1], sorted[len(sorted)-k]
}

// order is the largest k for which k-th smallest and largest cover 95%.
func order(n int) int {
	k := 0
	for k < n/2 && covered(n, k+1) >= stats.Confidence {
		k++
	}
	return k
}

// covered is how often the k-th smallest and largest of n values have the median
// between them: that is for the binomial distribution to say.
func covered(n, k int) float64 {
	outside := 0.0
	for i := range k {
		outside += math.Exp(logChoose(n, i) - float64(n)*math.Ln2)
	}
	return 1 - 2*outside
}

func logChoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}

// interpolated is the same between two such intervals (Hettmansperger and
// Sheather 1986), so that it covers what it says and no more.
func interpolated(_ *rand.Rand, rounds []float64) (lo, hi float64) {
	n := len(rounds)
	k := max(order(n), 1)
	wide, narrow := covered(n, k), covered(n, k+1)
	at := (wide - stats.Confidence) / (wide - narrow)
	inner := float64(n-k) * at / (float64(k) + float64(n-2*k)*at)
	s := slices.Sorted(slices.Values(rounds))
	return (1-inner)*s[k-1] + inner*s[k], (1-inner)*s[n-k] + inner*s[n-k-1]
}

// trimmed is Tukey and McLaughlin's t of the mean without the outer fifths.
func trimmed(_ *rand.Rand, rounds []float64) (lo, hi float64) {
	n := len(rounds)
	cut := n / 5
	s := slices.Sorted(slices.Values(rounds))
	kept := float64(n - 2*cut)
	m := stats.PlainMean(s[cut : n-cut])
	for i := range cut {
		s[i], s[n-1-i] = s[cut], s[n-1-cut]
	}
	m.Error = stats.PlainMean(s).Error * math.Sqrt(float64(n)*float64(n-1)/(kept*(kept-1)))
	m.Freedom = kept - 1
	return m.Interval()
}
