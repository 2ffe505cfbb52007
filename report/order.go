package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/testbed-lab/testbed/testbed"
)

// OrderOf compares the order in which two results put the modes of a test, each by its
// ratio to host: of two machines, or of time and instructions, whose sizes cannot be
// compared.
func OrderOf(base, other CompareSide) (testbed.Order, error) {
	o := testbed.Order{Schema: testbed.OrderSchema, Base: sideOf(base), Other: sideOf(other)}
	ours, err := trialsOf(base)
	if err != nil {
		return o, err
	}
	theirs, err := trialsOf(other)
	if err != nil {
		return o, err
	}
	pairs, lost, gained := match(ours, theirs, false)
	if len(pairs) == 0 {
		return o, fmt.Errorf("%s and %s have no test in common: %s", base.Path, other.Path, unmatchedText(lost, gained))
	}
	for _, p := range pairs {
		o.Tests = append(o.Tests, orderOf(p))
	}
	return o, nil
}

// waits is why a count and a time may differ.
const waits = "waiting (for another softirq, a thread to be woken, memory) takes time and no instructions"

func orderOf(p trialPair) testbed.TestOrder {
	r := rankingOf(p.base.result, p.new.result)
	t := testbed.TestOrder{
		Test: p.base.result.Name, Cell: p.base.left, BaseUnit: p.base.result.Unit, OtherUnit: p.new.result.Unit,
		Modes: []testbed.OrderedMode{}, Disagreements: []testbed.Disagreement{},
	}
	for _, m := range r.modes {
		t.Modes = append(t.Modes, testbed.OrderedMode{Mode: m.mode, Base: m.base, Other: m.other, BaseRank: m.at, OtherRank: m.otherAt})
	}
	if len(r.modes) > 2 {
		correlation := r.spearman()
		t.Correlation = &correlation
	}
	pairs, told := r.disagreements()
	t.Told = told
	for _, pair := range pairs {
		d := testbed.Disagreement{First: pair[0].mode, Second: pair[1].mode}
		if t.BaseUnit != t.OtherUnit {
			d.Reason = waits
		}
		t.Disagreements = append(t.Disagreements, d)
	}
	return t
}

// orderedBy says by what a result orders.
func orderedBy(unit string) string {
	if unit == testbed.UnitInstructions {
		return "by instructions"
	}
	return "by time"
}

// ranked is a mode that both results have.
type ranked struct {
	mode        string
	base, other testbed.Estimate // Ratios to host.
	at, otherAt int              // Ranks from 1.
}

// ranking is in the base's order.
type ranking struct{ modes []ranked }

func rankingOf(base, other testbed.TestResult) (r ranking) {
	for _, m := range base.Modes {
		i := slices.IndexFunc(other.Modes, func(n testbed.ModeResult) bool { return n.Name == m.Name })
		if i < 0 || m.RatioToHost["p50"].Estimate == nil || other.Modes[i].RatioToHost["p50"].Estimate == nil {
			continue
		}
		r.modes = append(r.modes, ranked{mode: m.Name, base: orderedRatio(base, m), other: orderedRatio(other, other.Modes[i])})
	}
	by := func(of func(ranked) float64) {
		slices.SortStableFunc(r.modes, func(a, b ranked) int {
			return int(math.Copysign(1, of(a)-of(b)))
		})
	}
	by(func(m ranked) float64 { return *m.other.Estimate })
	for i := range r.modes {
		r.modes[i].otherAt = i + 1
	}
	by(func(m ranked) float64 { return *m.base.Estimate })
	for i := range r.modes {
		r.modes[i].at = i + 1
	}
	return r
}

// orderedRatio is a mode's ratio to host. Of one seed a count has no interval, and is
// exact.
func orderedRatio(t testbed.TestResult, m testbed.ModeResult) testbed.Estimate {
	ratio := m.RatioToHost["p50"]
	if isCounted(t) && ratio.Lo == nil {
		ratio.Lo, ratio.Hi = ratio.Estimate, ratio.Estimate
	}
	return ratio
}

// spearman is the correlation of the ranks, without ties (Spearman 1904).
func (r ranking) spearman() float64 {
	n, sum := float64(len(r.modes)), 0.0
	for _, m := range r.modes {
		d := float64(m.at - m.otherAt)
		sum += d * d
	}
	return 1 - 6*sum/(n*(n*n-1))
}

// told is the order of two modes that a side's intervals tell: -1 where the first is
// the quicker, 1 where it is the slower, 0 where they overlap.
func told(a, b testbed.Estimate) int {
	switch {
	case a.Lo == nil || b.Lo == nil || a.Hi == nil || b.Hi == nil:
		return 0
	case *a.Hi < *b.Lo:
		return -1
	case *b.Hi < *a.Lo:
		return 1
	}
	return 0
}

// disagreements are pairs of modes that both sides tell apart, and in another order.
func (r ranking) disagreements() (pairs [][2]ranked, both int) {
	for i, a := range r.modes {
		for _, b := range r.modes[i+1:] {
			here, there := told(a.base, b.base), told(a.other, b.other)
			if here == 0 || there == 0 {
				continue
			}
			both++
			if here != there {
				pairs = append(pairs, [2]ranked{a, b})
			}
		}
	}
	return pairs, both
}
