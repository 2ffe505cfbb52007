package stats

import (
	"math"
	"sync"

	"github.com/aclements/go-moremath/mathx"
)

// twoSided is the probability that Student's t lies at least as far from 0.
func twoSided(t, freedom float64) float64 {
	return mathx.BetaInc(freedom/(freedom+t*t), freedom/2, 0.5)
}

// asked are the points of t that were asked for before: an analysis asks for the same
// few thousands of times.
var asked sync.Map

// remembered finds the point of three numbers once.
func remembered(key [3]float64, find func() float64) float64 {
	if known, is := asked.Load(key); is {
		return known.(float64)
	}
	x := find()
	asked.Store(key, x)
	return x
}

// student is the quantile of Student's t above its median, p from ½ to 1.
func student(p, freedom float64) float64 {
	return remembered([3]float64{p, 0, freedom}, func() float64 {
		return least(func(x float64) bool { return twoSided(x, freedom) <= 2*(1-p) })
	})
}

// least is the smallest number from 0 on that is enough, as all above it are.
func least(enough func(float64) bool) float64 {
	lo, hi := 0.0, 1.0
	for !enough(hi) {
		lo, hi = hi, 2*hi
	}
	for middle := (lo + hi) / 2; lo < middle && middle < hi; middle = (lo + hi) / 2 {
		if enough(middle) {
			hi = middle
		} else {
			lo = middle
		}
	}
	return hi
}

// noncentrality is the least mean, in standard errors, with which t lies above a
// limit, which is not 0, with probability power.
func noncentrality(power, limit, freedom float64) float64 {
	return remembered([3]float64{power, limit, freedom}, func() float64 {
		return least(func(delta float64) bool { return beyond(limit, delta, freedom) >= power })
	})
}

// beyond is the probability that the noncentral t, of a mean of so many standard
// errors, lies above a limit: the normal probability of delta - limit·s averaged over
// the estimated error s, where ν·s² is χ² of ν degrees of freedom (Johnson, Kotz and
// Balakrishnan 1995, chapter 31), by the midpoint rule.
func beyond(limit, delta, freedom float64) float64 {
	const steps = 400
	spread := 12 / math.Sqrt(2*freedom) // Twelve standard deviations of s.
	from := math.Max(0, 1-spread)
	width := (1 + spread - from) / steps
	gamma, _ := math.Lgamma(freedom / 2)
	scale := math.Ln2 + freedom/2*math.Log(freedom/2) - gamma
	sum := 0.0
	for i := range steps {
		s := from + (float64(i)+0.5)*width
		density := math.Exp(scale + (freedom-1)*math.Log(s) - freedom*s*s/2)
		sum += density * math.Erfc((limit*s-delta)/math.Sqrt2) / 2
	}
	return sum * width
}
