package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/report/stats/simulate"
	"github.com/testbed-lab/testbed/testbed"
)

// summary is a block of which every percentile and the mean is value.
func summary(value float64, round, boot int) sample {
	const n = 200000 // Enough for any percentile.
	return sample{
		Block: testbed.Block{Round: round, Boot: boot, Transactions: n, Nanoseconds: int64(n * value), Mean: value},
		dist:  stats.Distribution{Buckets: []stats.Bucket{{From: value, To: value, Count: n}}, Count: n, Min: value, Max: value},
	}
}

// base is host's figure, in ns, where its log is 0.
const base = 250e3

// blockMaker makes the block of a round whose level is value.
type blockMaker func(value float64, round, boot int) sample

// trialOf lays simulated rounds out as an analysis finds them: host's two blocks
// of each round, and each mode's one. The modes also add a constant.
func trialOf(r simulate.Rounds, test testbed.Test, constant float64, make blockMaker) *trial {
	test.Name, test.Rounds = "simulated", len(r.Host)
	test.Modes = []string{hostMode}
	for m := range r.Modes {
		test.Modes = append(test.Modes, fmt.Sprint("mode", m))
	}
	t := newTrial(17, testbed.Cell{}, test)
	for i, host := range r.Host {
		boot := r.Boot[i]
		for m, s := range t.series {
			if s == t.host {
				s.samples[i] = []sample{make(base*math.Exp(host[0]), i, boot), make(base*math.Exp(host[1]), i, boot)}
			} else {
				s.samples[i] = []sample{make(base*math.Exp(r.Modes[m-1][i])+constant, i, boot)}
			}
			s.seen[i] = len(s.samples[i])
		}
	}
	t.finish()
	return t
}

// transactionsOf is a block whose every transaction is simulated, kept to the
// three digits that a histogram has.
func transactionsOf(random *rand.Rand, n int, median float64, round, boot int) sample {
	const width = base / 1000
	values := simulate.Transactions(random, n, median)
	d, sum := stats.Distribution{Count: int64(n), Min: slices.Min(values), Max: slices.Max(values)}, 0.0
	counts := make([]int64, int(d.Max/width)+1)
	for _, v := range values {
		sum += v
		counts[int(v/width)]++
	}
	for i, count := range counts {
		if count > 0 {
			d.Buckets = append(d.Buckets, stats.Bucket{From: float64(i) * width, To: float64(i+1) * width, Count: count})
		}
	}
	return sample{
		Block: testbed.Block{Round: round, Boot: boot, Transactions: int64(n), Nanoseconds: int64(sum), Mean: sum / float64(n)},
		dist:  d,
	}
}
