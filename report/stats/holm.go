package stats

import (
	"cmp"
	"slices"
)

// Holm adjusts p values for being several (Holm 1979): whoever claims all that
// are then at most α claims anything false with probability at most α, whatever
// they have to do with each other.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	adjusted := make([]float64, len(p))
	least := 0.0
	for rank, i := range order {
		least = max(least, min(1, p[i]*float64(len(p)-rank)))
		adjusted[i] = least
	}
	return adjusted
}
