package stats

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// Pool holds the distributions of several rounds on one grid of buckets, so
// that a percentile of any weighting of the rounds is found quickly.
type Pool struct {
	grid     []Bucket  // Counts unused.
	below    [][]int64 // By round: how many values lie in or below each bucket.
	min, max float64
}

// NewPool lays distributions, one a round, on a common grid.
func NewPool(rounds []Distribution) *Pool {
	p := &Pool{min: math.Inf(1)}
	for _, d := range rounds {
		for _, b := range d.Buckets {
			p.grid = append(p.grid, Bucket{From: b.From, To: b.To})
		}
		if d.Count > 0 {
			p.min, p.max = math.Min(p.min, d.Min), math.Max(p.max, d.Max)
		}
	}
	slices.SortFunc(p.grid, compareEdges)
	p.grid = slices.Compact(p.grid)
	for _, d := range rounds {
		p.below = append(p.below, p.cumulate(d))
	}
	return p
}

func compareEdges(a, b Bucket) int {
	return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
}

func (p *Pool) cumulate(d Distribution) []int64 {
	below := make([]int64, len(p.grid))
	for _, b := range d.Buckets {
		at, _ := slices.BinarySearchFunc(p.grid, b, compareEdges)
		below[at] += b.Count
	}
	for i := 1; i < len(below); i++ {
		below[i] += below[i-1]
	}
	return below
}

// Quantile is that of the rounds together, each taken as often as its weight
// says. It is NaN for no values.
func (p *Pool) Quantile(q float64, weights []int) float64 {
	n := p.upTo(len(p.grid)-1, weights)
	if n == 0 {
		return math.NaN()
	}
	rank := nearestRank(q, n)
	at := sort.Search(len(p.grid), func(i int) bool { return p.upTo(i, weights) >= rank })
	before := p.upTo(at-1, weights)
	bucket := p.grid[at]
	bucket.Count = p.upTo(at, weights) - before
	return interpolate(bucket, float64(rank-before), p.min, p.max)
}

// upTo counts the values in or below a bucket of the grid.
func (p *Pool) upTo(bucket int, weights []int) (n int64) {
	if bucket < 0 {
		return 0
	}
	for round, w := range weights {
		n += int64(w) * p.below[round][bucket]
	}
	return n
}

// Merge adds distributions up.
func Merge(all []Distribution) Distribution {
	p := NewPool(all)
	weights := make([]int, len(all))
	for i := range weights {
		weights[i] = 1
	}
	sum := Distribution{Min: p.min, Max: p.max}
	for i, b := range p.grid {
		if b.Count = p.upTo(i, weights) - sum.Count; b.Count > 0 {
			sum.add(b)
		}
	}
	return sum
}
