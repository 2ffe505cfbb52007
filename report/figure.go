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
	methodRounds = "median of rounds"
	methodPooled = "pooled"
)

// method chooses how a mode's figure is made: from each block on its own; from
// the blocks of all rounds together where one has too few samples beyond the
// percentile; or not at all, with the reason.
func (t *trial) method(s *series, m metric) (method, reason string) {
	if status, _ := s.status(); status != testbed.StatusOK {
		return "", "the mode is " + status
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
	have := stats.Beyond(s.transactions(), m.thousandths)
	switch {
	case perBlock:
		return methodRounds, ""
	case have >= beyond:
		return methodPooled, ""
	}
	perRound := float64(s.transactions()) / float64(len(s.samples))
	rounds := math.Ceil(beyond * 1000 / float64(1000-m.thousandths) / perRound)
	return "", fmt.Sprintf("%d transactions beyond it, %d needed: %.0f rounds of this length would have them", have, beyond, rounds)
}

// estimate is a mode's own figure.
func (t *trial) estimate(s *series, m metric) testbed.Estimate {
	method, reason := t.method(s, m)
	switch method {
	case methodRounds:
		return ofRounds(exps(s.logs(m)))
	case methodPooled:
		return t.ofPool(len(s.samples), func(weights []int) float64 { return s.pooled(m, weights) })
	}
	return testbed.Estimate{Reason: reason}
}

// logs is the log of the figure in each round: of the mode's block, or the mean
// of the logs of host's two; NaN for a round without.
func (s *series) logs(m metric) []float64 {
	logs := make([]float64, len(s.byRound))
	for i, samples := range s.byRound {
		sum := 0.0
		for _, one := range samples {
			sum += math.Log(m.of(one))
		}
		logs[i] = sum / float64(len(samples)) // 0/0 is NaN.
	}
	return logs
}

// pooled is a percentile of the rounds together, each as often as its weight.
func (s *series) pooled(m metric, weights []int) float64 {
	return s.pool.Quantile(float64(m.thousandths)/1000, weights)
}

// ofRounds is the median of rounds with its exact interval.
func ofRounds(values []float64) testbed.Estimate {
	values = known(values)
	if len(values) == 0 {
		return testbed.Estimate{Reason: "no round has it"}
	}
	middle := stats.Median(values)
	e := testbed.Estimate{Estimate: &middle, N: len(values), Method: methodRounds}
	if lo, hi, ok := stats.MedianInterval(values); ok {
		e.Lo, e.Hi = &lo, &hi
	} else {
		e.Reason = tooFewRounds(len(values))
	}
	return e
}

// ofPool is a figure of the pooled rounds, with a percentile bootstrap over
// rounds as its interval.
func (t *trial) ofPool(rounds int, figure func(weights []int) float64) testbed.Estimate {
	point := figure(ones(len(t.rounds)))
	if math.IsNaN(point) {
		return testbed.Estimate{Reason: "no round has it"}
	}
	e := testbed.Estimate{Estimate: &point, N: rounds, Method: methodPooled}
	if rounds < stats.MinRounds {
		e.Reason = tooFewRounds(rounds)
		return e
	}
	figures := []float64{}
	for _, weights := range t.resamples() {
		figures = append(figures, figure(weights))
	}
	if lo, hi, ok := stats.PercentileInterval(known(figures)); ok {
		e.Lo, e.Hi = &lo, &hi
	}
	return e
}

func tooFewRounds(n int) string {
	return fmt.Sprintf("no interval: it rests on %s, %d needed", count(n, "round"), stats.MinRounds)
}

func ones(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = 1
	}
	return all
}

func exps(logs []float64) []float64 {
	values := make([]float64, len(logs))
	for i, l := range logs {
		values[i] = math.Exp(l)
	}
	return values
}

// known leaves out what is no number.
func known(values []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(values), math.IsNaN)
}
