package simulate

import (
	"math"
	"math/rand/v2"
)

// memory is the correlation of a transaction with the next: what disturbs one
// disturbs the next few.
const memory = 0.9

// spread and tail shape transactions: their logs scatter by 8%, and one in forty
// lies on a tail on which the 99.9th percentile is three times the median.
const (
	spread = 0.08
	knee   = 1.96 // In deviates.
	tail   = 0.8
)

// Transactions makes a block of round-trip times around a median, each of which
// remembers the one before.
func Transactions(random *rand.Rand, n int, median float64) []float64 {
	values := make([]float64, n)
	z := random.NormFloat64()
	for i := range values {
		values[i] = median * shape(z)
		z = memory*z + math.Sqrt(1-memory*memory)*random.NormFloat64()
	}
	return values
}

// shape grows with z, so that quantiles of the one are those of the other.
func shape(z float64) float64 {
	return math.Exp(spread*z + tail*max(0, z-knee))
}

// Quantile is the true quantile of the transactions of blocks with these medians
// taken together.
func Quantile(q float64, medians []float64) float64 {
	lo, hi := 0.0, 0.0
	for _, m := range medians {
		hi = max(hi, m*shape(8))
	}
	for range 60 {
		middle := (lo + hi) / 2
		below := 0.0
		for _, m := range medians {
			below += normalBelow(deviateOf(middle / m))
		}
		if below < q*float64(len(medians)) {
			lo = middle
		} else {
			hi = middle
		}
	}
	return (lo + hi) / 2
}

// Mean is the true mean of transactions whose median is 1: that of exp(a·z) for
// normal z is exp(a²/2), below the knee as above it by completing the square.
func Mean() float64 {
	a := spread + tail
	body := math.Exp(spread*spread/2) * normalBelow(knee-spread)
	return body + math.Exp(a*a/2-tail*knee)*normalBelow(a-knee)
}

// deviateOf is the inverse of shape.
func deviateOf(value float64) float64 {
	z := math.Log(value) / spread
	if z <= knee {
		return z
	}
	return (math.Log(value) + tail*knee) / (spread + tail)
}

func normalBelow(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }
