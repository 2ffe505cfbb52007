package simulate

import (
	"math"
	"math/rand/v2"
)

// Student is a heavy-tailed noise of mean 0 and deviation 1: Student's t with
// five degrees of freedom, whose kurtosis is 9 where the normal's is 3.
func Student(random *rand.Rand) float64 {
	const freedom = 5
	sum := 0.0
	for range freedom {
		z := random.NormFloat64()
		sum += z * z
	}
	return random.NormFloat64() / math.Sqrt(sum/freedom) / math.Sqrt(freedom/(freedom-2.0))
}

// disturbed is the share of blocks that Disturbed makes slower.
const disturbed = 0.1

// Disturbed is a skewed and heavy-tailed noise of mean 0 and deviation 1: one
// block in ten is slower by an exponential delay of two deviations of the
// others, as on a machine that others use too.
func Disturbed(random *rand.Rand) float64 {
	const delay = 2.0
	z := random.NormFloat64()
	if random.Float64() < disturbed {
		z += delay * random.ExpFloat64()
	}
	mean := disturbed * delay
	variance := 1 + disturbed*2*delay*delay - mean*mean
	return (z - mean) / math.Sqrt(variance)
}
