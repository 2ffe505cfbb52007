package changepoint

import (
	"math"
	"slices"

	"github.com/testbed-lab/testbed/report/stats"
)

// agreeing is the level at which Welch's test has to agree.
const agreeing = 0.05

// rounding is a difference of logs that is none.
const rounding = 1e-12

// merge takes change points away until each that is left is strong: two that are too
// near each other to have a level between them first, then the one with the largest p
// above MaxP, then of those below MinChange. Each time its neighbours' levels
// become longer and are judged anew (Hunter's bottom-up pass).
func merge(logs []float64, places []int, o Options) []Point {
	points := make([]Point, len(places))
	for {
		for i := range places {
			points[i] = between(logs, around(places, i, len(logs), o.MinSegment), o)
		}
		weak := weakest(points, o)
		if weak < 0 {
			return points
		}
		places, points = slices.Delete(places, weak, weak+1), slices.Delete(points, weak, weak+1)
	}
}

// around is a place between its neighbours, those aside that are too near.
func around(places []int, i, n, least int) cut {
	c := cut{0, places[i], n}
	for _, other := range places[:i] {
		if places[i]-other >= least {
			c.start = other
		}
	}
	for _, other := range slices.Backward(places[i+1:]) {
		if other-places[i] >= least {
			c.end = other
		}
	}
	return c
}

// weakest is the change point to take away; -1: none.
func weakest(points []Point, o Options) int {
	least := max(math.Log1p(o.MinChange), rounding)
	near := func(i int) bool {
		return i > 0 && points[i].Index-points[i-1].Index < o.MinSegment ||
			i+1 < len(points) && points[i+1].Index-points[i].Index < o.MinSegment
	}
	for _, unfit := range []func(int) bool{
		near,
		func(i int) bool { return points[i].P > o.MaxP },
		func(i int) bool { return points[i].size() < least },
	} {
		weak := -1
		for i, p := range points {
			if unfit(i) && (weak < 0 || p.weakerThan(points[weak])) {
				weak = i
			}
		}
		if weak >= 0 {
			return weak
		}
	}
	return -1
}

// weakerThan orders by p, where those are equal (as 1 is) by size.
func (p Point) weakerThan(other Point) bool {
	if p.P != other.P {
		return p.P > other.P
	}
	return p.size() < other.size()
}

// between tests the two parts of a cut. Levels of logs that begin at 0 are relative to
// the first value.
func between(logs []float64, c cut, o Options) Point {
	left, right := logs[c.start:c.at], logs[c.at:c.end]
	welch := stats.PlainMean(right).Minus(stats.PlainMean(left))
	p := Point{Index: c.at, Before: math.Exp(stats.PlainMean(left).Value), After: math.Exp(stats.PlainMean(right).Value)}
	places := float64(len(left) + len(right) - 2*o.MinSegment + 1)
	switch {
	case len(left)+len(right) < 3: // Without any variance to judge by.
		p.P = 1
	case len(left) > 1 && len(right) > 1 && welch.P(0) > agreeing:
		p.P = 1
	default:
		p.P = min(1, places*student(left, right).P(0))
	}
	return p
}

// student is the difference of two means with the variance that both share (Student
// 1908), so that a level of few values has an error too.
func student(left, right []float64) stats.Mean {
	n, m := float64(len(left)), float64(len(right))
	a, b := stats.PlainMean(left), stats.PlainMean(right)
	squares := a.Error*a.Error*n*a.Freedom + b.Error*b.Error*m*b.Freedom
	freedom := n + m - 2
	return stats.Mean{Value: b.Value - a.Value, Error: math.Sqrt(squares / freedom * (1/n + 1/m)), Freedom: freedom}
}
