package stats

import (
	"hash/fnv"
	"math/rand/v2"
)

// Resamples is how many bootstrap resamples are drawn: enough that a share of
// 5% of them rests on 50.
const Resamples = 1000

// Resample draws seeded bootstrap resamples of rounds: for each, how often each
// round was drawn. boots says of each round which boot it belongs to. Where
// there are several, a resample draws boots with replacement, and of each as
// many of its rounds as it has; the hierarchy is that of the experiment. name
// separates the random streams of different tests under one seed.
func Resample(seed int64, name string, boots []int) [][]int {
	return ResampleTo(seed, name, boots, Units(boots))
}

// Units is how many things a resample draws: rounds, or boots where there are
// several.
func Units(boots []int) int {
	if groups := groupByBoot(boots); len(groups) > 1 {
		return len(groups)
	}
	return len(boots)
}

// ResampleTo draws resamples of another size than what was measured: of that
// many units, from the same rounds. They scatter as runs of that size would, had
// the measured rounds the spread of all that there could be.
func ResampleTo(seed int64, name string, boots []int, units int) [][]int {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	random := rand.New(rand.NewPCG(uint64(seed), hash.Sum64()))
	groups := groupByBoot(boots)
	all := make([][]int, Resamples)
	for i := range all {
		weights := make([]int, len(boots))
		for range units {
			if len(groups) == 1 {
				weights[groups[0][random.IntN(len(boots))]]++
				continue
			}
			group := groups[random.IntN(len(groups))]
			for range group {
				weights[group[random.IntN(len(group))]]++
			}
		}
		all[i] = weights
	}
	return all
}

// groupByBoot lists each boot's rounds, in the order in which boots appear.
func groupByBoot(boots []int) [][]int {
	groups := [][]int{}
	at := map[int]int{}
	for i, boot := range boots {
		g, known := at[boot]
		if !known {
			g = len(groups)
			at[boot] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	return groups
}
