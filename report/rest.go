package report

import (
	"fmt"
	"math"

	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

// mean is a mean over rounds with its error, or why there is none.
type mean struct {
	stats.Mean
	n      int    // Rounds it rests on.
	reason string // Why there is no interval; empty where there is one.
}

// stoppedEarly widens the error of a test that stopped when its interval was
// narrow: one that looks narrow by chance stops sooner, so without it 95%
// intervals cover as little as 91% (docs/proofs/coverage.md).
const stoppedEarly = 1.08

// mean of values along the trial's rounds; NaN for a round without.
func (t *trial) mean(values []float64) mean {
	return t.meanBy(values, stats.RoundMean)
}

// meanBy takes the error of a single boot's rounds from of.
func (t *trial) meanBy(values []float64, of func(known []float64) stats.Mean) mean {
	rounds, boots := []float64{}, []int{}
	distinct := map[int]bool{}
	for i, v := range values {
		if !math.IsNaN(v) {
			rounds, boots = append(rounds, v), append(boots, t.boots[i])
			distinct[t.boots[i]] = true
		}
	}
	m := mean{n: len(rounds), reason: t.tooFew(len(rounds), len(distinct))}
	if len(rounds) == 0 {
		return m
	}
	if t.booted() > 1 {
		m.Mean = stats.BootMean(rounds, boots)
	} else {
		m.Mean = of(rounds)
	}
	if t.test.Precision > 0 {
		m.Error *= stoppedEarly
	}
	return m
}

// least is how many rounds an interval needs: of seeds, which are boots, as many as of
// those.
func (t *trial) least() int {
	if t.counts() {
		return stats.MinBoots
	}
	return stats.MinRounds
}

// tooFew says why so many rounds in so many boots have no interval.
func (t *trial) tooFew(rounds, boots int) string {
	switch {
	case rounds == 0:
		return fmt.Sprintf("no %s has it", t.round())
	case rounds < t.least():
		return fmt.Sprintf("no interval: it rests on %s, %d needed", count(rounds, t.round()), t.least())
	case t.booted() > 1 && boots < stats.MinBoots:
		return fmt.Sprintf("no interval: it rests on %s, %d needed", count(boots, t.boot()), stats.MinBoots)
	}
	return ""
}

// booted is how many boots the trial's rounds ran in.
func (t *trial) booted() int {
	distinct := map[int]bool{}
	for _, boot := range t.boots {
		distinct[boot] = true
	}
	return len(distinct)
}

// estimate draws a mean of logs as a figure.
func (m mean) estimate(method string) testbed.Estimate {
	return testbed.Estimate(m.draw(method, math.Exp))
}

func (m mean) draw(method string, of func(float64) float64) testbed.Difference {
	if m.n == 0 {
		return testbed.Difference{Reason: m.reason}
	}
	value := of(m.Value)
	e := testbed.Difference{Estimate: &value, N: m.n, Method: method, Reason: m.reason}
	if m.reason == "" {
		lo, hi := m.Interval()
		lo, hi = of(lo), of(hi)
		e.Lo, e.Hi = &lo, &hi
	}
	return e
}

// methodOf names how a figure was made of rounds.
func (t *trial) methodOf(method string) string {
	switch {
	case method == methodRounds && t.counts():
		return methodSeeds
	case method == methodRounds && t.booted() > 1:
		return methodBoots
	}
	return method
}
