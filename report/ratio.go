package report

import (
	"math"

	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

// ratio is the paired estimator: per round the log ratio of a mode's figure to
// the base's, the mean over rounds, and its exponential. Pairing within the
// round takes out what drifts from round to round.
//
// host has two blocks a round, and its figure is their geometric mean: the log
// ratio is then the mean of the log ratios to either, uses all that was
// measured, favours neither position in the round, and halves host's part of
// the variance.
//
// Where either figure is pooled, so is the ratio: of the pooled figures, with
// the same round left out of both by the jackknife.
func (t *trial) ratio(s, base *series, m metric) testbed.Estimate {
	if s == base {
		return testbed.Estimate{Reason: "host is the reference; its own spread is the noise floor"}
	}
	p := t.pair(s, base, m)
	if p.method == "" {
		return testbed.Estimate{Reason: p.reason}
	}
	return t.contrast(p).estimate(t.methodOf(p.method))
}

// contrast is the log ratio of a pair with its error.
func (t *trial) contrast(p pair) mean {
	switch p.method {
	case methodRounds:
		return t.mean(p.logs)
	case methodPooled:
		return t.pooledMean(p.logs, p.beyond(), func(weights []int) float64 { return math.Log(p.of(weights)) })
	}
	return mean{reason: p.reason}
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

// beyond is how many transactions lie beyond the percentile, on the side that has fewer.
func (p pair) beyond() int64 { return min(p.s.beyond(p.metric), p.base.beyond(p.metric)) }

// rounds is how many rounds have both sides.
func (p pair) rounds() int { return len(known(p.logs)) }

// of is the ratio on the rounds that have both sides, each as often as its
// weight says. It is NaN where there is none.
func (p pair) of(weights []int) float64 {
	if p.method == methodRounds {
		return math.Exp(weighted(p.logs, weights))
	}
	both := p.both(weights)
	return p.s.pooled(p.metric, both) / p.base.pooled(p.metric, both)
}

// both are the weights of the rounds that have both sides.
func (p pair) both(weights []int) []int {
	both := make([]int, len(weights))
	for i, w := range weights {
		if !math.IsNaN(p.logs[i]) {
			both[i] = w
		}
	}
	return both
}

// added is the paired difference of a mode's figure to host's: per round, and
// the mean over rounds; or of the pooled figures.
func (t *trial) added(s *series, m metric) testbed.Difference {
	if s == t.host {
		return testbed.Difference{Reason: "host is the reference"}
	}
	p := t.pair(s, t.host, m)
	same := func(v float64) float64 { return v }
	switch p.method {
	case methodRounds:
		mine, its := s.averages(m.of), t.host.averages(m.of)
		return t.addedMean(mine, its).draw(methodDifferences, same)
	case methodPooled:
		return t.pooledMean(p.logs, p.beyond(), func(weights []int) float64 {
			both := p.both(weights)
			return s.pooled(m, both) - t.host.pooled(m, both)
		}).draw(methodPooled, same)
	}
	return testbed.Difference{Reason: p.reason}
}

// methodDifferences is how a difference is made of rounds.
const methodDifferences = "mean of paired differences"

func (t *trial) addedMean(mode, host []float64) mean {
	differences, modes, hosts := make([]float64, len(mode)), []float64{}, []float64{}
	for i := range mode {
		differences[i] = mode[i] - host[i]
		if !math.IsNaN(differences[i]) {
			modes, hosts = append(modes, mode[i]), append(hosts, host[i])
		}
	}
	return t.meanBy(differences, func([]float64) stats.Mean { return stats.Added(modes, hosts) })
}

// weighted is the mean of the known values, each as often as its weight says.
func weighted(values []float64, weights []int) float64 {
	sum, n := 0.0, 0
	for i, v := range values {
		if !math.IsNaN(v) {
			sum, n = sum+float64(weights[i])*v, n+weights[i]
		}
	}
	return sum / float64(n) // 0/0 is NaN.
}
