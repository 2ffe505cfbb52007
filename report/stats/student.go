package stats

import (
	"sync"

	"github.com/aclements/go-moremath/mathx"
)

// twoSided is the probability that Student's t lies at least as far from 0.
func twoSided(t, freedom float64) float64 {
	return mathx.BetaInc(freedom/(freedom+t*t), freedom/2, 0.5)
}

// quantiles of t that were asked for before: an analysis asks for the same few
// thousands of times.
var quantiles sync.Map

// student is the quantile of Student's t above its median, p from ½ to 1.
func student(p, freedom float64) float64 {
	key := [2]float64{p, freedom}
	if known, is := quantiles.Load(key); is {
		return known.(float64)
	}
	lo, hi := 0.0, 1.0
	for twoSided(hi, freedom) > 2*(1-p) {
		lo, hi = hi, 2*hi
	}
	for middle := (lo + hi) / 2; lo < middle && middle < hi; middle = (lo + hi) / 2 {
		if twoSided(middle, freedom) > 2*(1-p) {
			lo = middle
		} else {
			hi = middle
		}
	}
	quantiles.Store(key, hi)
	return hi
}
