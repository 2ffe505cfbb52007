package stats

import "math"

// MinRounds is the least number of rounds for which a mean has an interval:
// from there on it covers what it says in simulation (docs/proofs/coverage.md).
const MinRounds = 6

// MinBoots is the least number of boots for which a mean over boots has an
// interval: with two, Student's quantile of 12.7 says nothing to anybody.
const MinBoots = 3

// Mean is an estimated mean with the error of it.
type Mean struct {
	Value   float64
	Error   float64 // Standard error of Value.
	Freedom float64 // Degrees of freedom of Error; 0 where there is none.
}

// RoundMean is the mean of successive rounds. Its error allows for rounds that
// resemble the one before: it rests on the slow movements of the values alone,
// the squares of their first few cosine coefficients, of which there are
// [waves]. For independent normal values those are independent, each with the
// values' own variance, so that Student's interval is then exact; where
// neighbours resemble each other the slow coefficients are the larger ones, and
// the interval is wider by as much. (Equal-weighted cosines: Müller 2007,
// Lazarus, Lewis, Stock and Watson 2018.)
func RoundMean(rounds []float64) Mean {
	n := len(rounds)
	b := waves(n)
	if b < 1 {
		return Mean{Value: average(rounds)}
	}
	sum := 0.0
	for j := 1; j <= b; j++ {
		c := cosine(rounds, j)
		sum += c * c
	}
	return Mean{Value: average(rounds), Error: math.Sqrt(sum / float64(b) / float64(n)), Freedom: float64(b)}
}

// waves is how many cosines the error of a mean of n rounds rests on: a third
// of them, which simulation chose. More, and correlated rounds are covered too
// seldom; fewer, and every interval is wider than it has to be.
func waves(n int) int {
	const least = 4
	return min(n-1, max(least, (n+2)/3))
}

// cosine is the j-th coefficient of the orthonormal cosine transform.
func cosine(values []float64, j int) float64 {
	n := float64(len(values))
	sum := 0.0
	for i, v := range values {
		sum += v * math.Cos(math.Pi*float64(j)*(float64(i)+0.5)/n)
	}
	return sum * math.Sqrt(2/n)
}

// BootMean is the mean over boots of the means of their rounds: with several
// boots it is the boot that is the unit, since what a boot decides (where the
// kernel lies in memory, which queue serves which flow) all its rounds share.
// boots says of each round which boot it belongs to.
func BootMean(rounds []float64, boots []int) Mean {
	means := []float64{}
	for _, group := range groupByBoot(boots) {
		sum := 0.0
		for _, i := range group {
			sum += rounds[i]
		}
		means = append(means, sum/float64(len(group)))
	}
	return PlainMean(means)
}

// Interval is Student's, at [Confidence].
func (m Mean) Interval() (lo, hi float64) {
	half := m.Error * student((1+Confidence)/2, m.Freedom)
	return m.Value - half, m.Value + half
}

// P is the probability of a mean at least as far from null, were null the
// truth: below 1-Confidence exactly where the interval does not hold null.
func (m Mean) P(null float64) float64 {
	if m.Error == 0 {
		if m.Value == null {
			return 1
		}
		return 0
	}
	return twoSided((m.Value-null)/m.Error, m.Freedom)
}

// Detectable is how far from null a true mean must lie to be found, with
// probability power, by a two-sided test at a level: that many standard errors
// at which the noncentral t lies beyond the test's limit so often (Cohen 1988,
// chapter 2). For many rounds, a power of 0.8 and a level of 0.05 it is 2.8.
func (m Mean) Detectable(power, level float64) float64 {
	return m.Error * noncentrality(power, student(1-level/2, m.Freedom), m.Freedom)
}

func average(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values)) // 0/0 is NaN.
}

// variance divides by n-1.
func variance(values []float64) float64 {
	mean, sum := average(values), 0.0
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return sum / float64(len(values)-1)
}

// PlainMean is the mean of independent values, with Student's error.
func PlainMean(values []float64) Mean {
	n := float64(len(values))
	if n < 2 {
		return Mean{Value: average(values)}
	}
	return Mean{Value: average(values), Error: math.Sqrt(variance(values) / n), Freedom: n - 1}
}

// Minus is the difference of two independent means, with Welch's error and
// Satterthwaite's degrees of freedom (Welch 1947, Satterthwaite 1946).
func (m Mean) Minus(other Mean) Mean {
	a, b := m.Error*m.Error, other.Error*other.Error
	d := Mean{Value: m.Value - other.Value, Error: math.Sqrt(a + b), Freedom: m.Freedom + other.Freedom}
	if parts := a*a/m.Freedom + b*b/other.Freedom; parts > 0 {
		d.Freedom = (a + b) * (a + b) / parts
	}
	return d
}
