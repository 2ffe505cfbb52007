package report

import (
	"math"

	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

// ratio is the paired estimator: per round the log ratio of a mode's figure to
// the base's, the median over rounds, and its exponential. Pairing within the
// round takes out what drifts from round to round.
//
// host has two blocks a round, and its figure is their geometric mean: the log
// ratio is then the mean of the log ratios to either, uses all that was
// measured, favours neither position in the round, and halves host's part of
// the variance.
//
// Where either figure is pooled, so is the ratio: of the pooled figures, with
// the same rounds drawn for both in every resample.
func (t *trial) ratio(s, base *series, m metric) testbed.Estimate {
	if s == base {
		return testbed.Estimate{Reason: "host is the reference; its own spread is the noise floor"}
	}
	r := t.pair(s, base, m)
	switch r.method {
	case methodRounds:
		return ofRounds(exps(r.logs))
	case methodPooled:
		return t.ofPool(r.rounds(), r.of)
	}
	return testbed.Estimate{Reason: r.reason}
}

// pair is a ratio ready to be evaluated on any weighting of the rounds.
type pair struct {
	method, reason string
	metric         metric
	s, base        *series
	logs           []float64 // Per round; NaN where either side has no block.
}

func (t *trial) pair(s, base *series, m metric) pair {
	p := pair{metric: m, s: s, base: base}
	mine, why := t.method(s, m)
	its, whyBase := t.method(base, m)
	switch {
	case mine == "":
		p.reason = why
	case its == "":
		p.reason = base.mode.Name + ": " + whyBase
	case mine == methodPooled || its == methodPooled:
		p.method = methodPooled
	default:
		p.method = methodRounds
	}
	a, b := s.logs(p50), base.logs(p50)
	if p.method == methodRounds {
		a, b = s.logs(m), base.logs(m)
	}
	p.logs = make([]float64, len(a))
	for i := range a {
		p.logs[i] = a[i] - b[i]
	}
	return p
}

// rounds is how many rounds have both sides.
func (p pair) rounds() int { return len(known(p.logs)) }

// of is the ratio on the rounds that have both sides, each as often as its
// weight says. It is NaN where there is none.
func (p pair) of(weights []int) float64 {
	if p.method == methodRounds {
		return math.Exp(stats.Median(weighted(p.logs, weights)))
	}
	both := make([]int, len(weights))
	for i, w := range weights {
		if !math.IsNaN(p.logs[i]) {
			both[i] = w
		}
	}
	return p.s.pooled(p.metric, both) / p.base.pooled(p.metric, both)
}

// weighted repeats each known value as often as its weight says.
func weighted(values []float64, weights []int) []float64 {
	all := []float64{}
	for i, v := range values {
		for range weights[i] {
			if !math.IsNaN(v) {
				all = append(all, v)
			}
		}
	}
	return all
}
