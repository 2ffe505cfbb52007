package report

import (
	"math"
	"slices"

	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

// Precision is how wide the widest interval of a p50 ratio to host is, relative
// to its lower end, and whose it is: what sequential stopping looks at. Blocks
// of other tests are left aside. The width is +Inf where a mode that was
// measured has no interval yet, and 0 where no mode can be compared with host
// at all, so that nothing more is to be learned.
//
// An interval that is looked at again and again is narrow by chance at some
// time, and stopping there would leave too narrow a one. So the width is the
// widest that it had in the last quarter of the rounds, by its own method and
// by Student's; and the intervals of such a test are wider to begin with.
func Precision(cell testbed.Cell, test testbed.Test, blocks []testbed.Block) (width float64, mode string) {
	cell.Tests = []testbed.Test{test}
	trials, _ := group(testbed.Lab{Cells: []testbed.Cell{cell}}, blocks)
	return trials[0].precision()
}

func (t *trial) precision() (width float64, mode string) {
	if status, _ := t.host.status(); status != testbed.StatusOK {
		return math.Inf(1), hostMode
	}
	for _, s := range t.series {
		if status, _ := s.status(); s == t.host || status != testbed.StatusOK {
			continue
		}
		if w := t.held(t.pair(s, t.host, p50)); w > width {
			width, mode = w, s.mode.Name
		}
	}
	return width, mode
}

// held is the width that an interval has kept to for a quarter of the rounds.
func (t *trial) held(p pair) float64 {
	m := t.contrast(p)
	if m.reason != "" {
		return math.Inf(1)
	}
	width := relativeWidth(m.Mean)
	if p.method != methodRounds || t.booted() > 1 {
		return width
	}
	rounds := known(p.logs)
	for n := max(stats.MinRounds, (3*len(rounds)+3)/4); n <= len(rounds); n++ {
		for _, of := range []func([]float64) stats.Mean{stats.RoundMean, stats.PlainMean} {
			part := of(rounds[:n])
			part.Error *= stoppedEarly
			width = max(width, relativeWidth(part))
		}
	}
	return width
}

func relativeWidth(m stats.Mean) float64 {
	lo, hi := m.Interval()
	return math.Expm1(hi - lo)
}

// stopping is how a test that may stop early ended.
func (t *trial) stopping() *testbed.Stopping {
	if t.test.Precision <= 0 {
		return nil
	}
	width, mode := t.precision()
	s := &testbed.Stopping{Precision: t.test.Precision, MaxRounds: t.test.MaxRounds, Reached: width <= t.test.Precision}
	if !math.IsInf(width, 1) {
		s.Width, s.Mode = width, mode
	}
	return s
}

// bootsOf is how many boots have rounds of a metric's mode.
func (t *trial) bootsOf(m testbed.Metric) int {
	if t.booted() == 1 {
		return 1
	}
	boots := []int{}
	for i, samples := range t.named(m.Mode).byRound {
		if len(samples) > 0 && !slices.Contains(boots, t.boots[i]) {
			boots = append(boots, t.boots[i])
		}
	}
	return len(boots)
}
