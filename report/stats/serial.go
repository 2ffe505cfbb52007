package stats

import "math"

// Serial is how much successive rounds resemble each other, their first
// autocorrelation, less the -1/n that independent rounds show on average; and
// whether that is more than one in a hundred series of independent rounds
// would show.
func Serial(rounds []float64) (correlation float64, clear bool) {
	n := float64(len(rounds))
	if n < 3 {
		return 0, false
	}
	mean, square, product := average(rounds), 0.0, 0.0
	for i, v := range rounds {
		square += (v - mean) * (v - mean)
		if i > 0 {
			product += (v - mean) * (rounds[i-1] - mean)
		}
	}
	if square == 0 {
		return 0, false
	}
	const onePercent = 2.326 // Of a normal deviate, one-sided.
	correlation = product/square + 1/n
	return correlation, correlation > onePercent*(n-2)/(n*math.Sqrt(n-1))
}
