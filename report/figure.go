package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

// metric is one figure of a block.
type metric struct {
	name        string
	thousandths int // Of a percentile; 0 for another figure.
	of          func(sample) float64
}

// p50 is also the figure of the noise floor and of every answer.
var p50 = percentile("p50", 500)

// metrics in the order of the result.
var metrics = []metric{
	p50, percentile("p90", 900), percentile("p99", 990), percentile("p999", 999),
	{name: "mean", of: func(s sample) float64 { return s.Mean }},
	{name: "rate", of: func(s sample) float64 { return float64(s.Transactions) / float64(s.Nanoseconds) * 1e9 }},
}

func percentile(name string, thousandths int) metric {
	return metric{name: name, thousandths: thousandths, of: func(s sample) float64 {
		return s.dist.Quantile(float64(thousandths) / 1000)
	}}
}

// MetricNames are the figures of a mode, in the order of the result.
func MetricNames() (names []string) {
	for _, m := range metrics {
		names = append(names, m.name)
	}
	return names
}

func metricNamed(name string) (metric, bool) {
	i := slices.IndexFunc(metrics, func(m metric) bool { return m.name == name })
	if i < 0 {
		return metric{}, false
	}
	return metrics[i], true
}

// beyond is how many samples a percentile must have on its far side.
const beyond = 100

// Methods of an estimate.
const (
	methodRounds = "geometric mean of rounds"
	methodBoots  = "geometric mean of boots"
	methodSeeds  = "geometric mean of seeds"
	methodPooled = "pooled"
)

// method chooses how a mode's figure is made: from each block on its own; from
// the blocks of all rounds together where one has too few samples beyond the
// percentile; or not at all, with the reason.
func (t *trial) method(s *series, m metric) (method, reason string) {
	if status, _ := s.status(); status != testbed.StatusOK {
		return "", "the mode is " + status
	}
	if m.name == "rate" && t.counts() {
		return "", noCountedRate
	}
	if m.thousandths == 0 {
		return methodRounds, ""
	}
	perBlock := true
	for _, samples := range s.samples {
		for _, one := range samples {
			perBlock = perBlock && stats.Beyond(one.dist.Count, m.thousandths) >= beyond
		}
	}
	have := s.beyond(m)
	switch {
	case perBlock:
		return methodRounds, ""
	case have >= beyond:
		return methodPooled, ""
	}
	perRound := float64(s.transactions()) / float64(len(s.samples))
	rounds := math.Ceil(beyond * 1000 / float64(1000-m.thousandths) / perRound)
	return "", fmt.Sprintf("%d transactions beyond it, %d needed: %.0f %ss of this length would have them", have, beyond, rounds, t.round())
}

// beyond is how many of a mode's transactions lie beyond a percentile.
func (s *series) beyond(m metric) int64 { return stats.Beyond(s.transactions(), m.thousandths) }

// estimate is a mode's own figure. With one boot its interval is about the time
// that was measured: how well the rounds show the mode's level in it, relative
// to what all modes shared. So it rests on differences within rounds: of host's
// two blocks for host, of the mode's to host's for a mode.
func (t *trial) estimate(s *series, m metric) testbed.Estimate {
	method, reason := t.method(s, m)
	if method == "" {
		return testbed.Estimate{Reason: reason}
	}
	own := t.level(s, m, method)
	if t.booted() > 1 || own.n == 0 {
		return own.estimate(t.methodOf(method))
	}
	error, reason := t.ownError(s, m)
	own.Error, own.Freedom = error.Error, error.Freedom
	if own.reason == "" {
		own.reason = reason
	}
	return own.estimate(t.methodOf(method))
}

// level is the mean of the logs of a mode's figure, or the log of its pooled one.
func (t *trial) level(s *series, m metric, method string) mean {
	if method == methodPooled {
		return t.pooledMean(s.logs(p50), s.beyond(m), func(weights []int) float64 { return math.Log(s.pooled(m, weights)) })
	}
	return t.mean(s.logs(m))
}

// ownError is the error of a mode's own figure in one boot.
func (t *trial) ownError(s *series, m metric) (stats.Mean, string) {
	share, a, b := stats.ModeShare, s, t.host
	if s == t.host {
		// Host's figure is the mean of its two blocks: half their difference is
		// as far off, and a quarter as variable.
		share, a, b = 0.25, t.first(), t.second()
	}
	contrast := t.contrast(t.pair(a, b, m))
	contrast.Error *= math.Sqrt(share)
	if contrast.reason != "" {
		return contrast.Mean, "no interval: too few rounds have host's blocks beside it, to tell its noise from what all modes share"
	}
	return contrast.Mean, ""
}

// logs is the log of the figure in each round: of the mode's block, or the mean
// of the logs of host's two; NaN for a round without.
func (s *series) logs(m metric) []float64 {
	return s.averages(func(one sample) float64 { return math.Log(m.of(one)) })
}

// averages is the mean of something over each round's blocks; NaN without one.
func (s *series) averages(of func(sample) float64) []float64 {
	values := make([]float64, len(s.byRound))
	for i, samples := range s.byRound {
		sum := 0.0
		for _, one := range samples {
			sum += of(one)
		}
		values[i] = sum / float64(len(samples)) // 0/0 is NaN.
	}
	return values
}

func ones(n int) []int {
	return slices.Repeat([]int{1}, n)
}

// known leaves out what is no number.
func known(values []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(values), math.IsNaN)
}
