package report

import (
	"fmt"
	"math"

	"github.com/testbed-lab/testbed/testbed"
)

// driftTolerance is how far the halves of a block may differ before it is said
// aloud: less moves no figure by more than half of it.
const driftTolerance = 0.02

// drift is the p50 of a block's second half over that of its first, the
// geometric mean over rounds. A warm-up that is too short shows here.
func (t *trial) drift(s *series) testbed.Estimate {
	if status, _ := s.status(); status != testbed.StatusOK {
		return testbed.Estimate{Reason: "the mode is " + status}
	}
	logs := s.averages(func(one sample) float64 {
		if len(one.Halves) != 2 || !(one.Halves[0].P50 > 0) || !(one.Halves[1].P50 > 0) {
			return math.NaN()
		}
		return math.Log(one.Halves[1].P50 / one.Halves[0].P50)
	})
	m := t.mean(logs)
	if m.n == 0 {
		m.reason = "no block says what its halves were"
	}
	return m.estimate(t.methodOf(methodRounds))
}

// auditDrift says that blocks had not settled.
func auditDrift(e testbed.Estimate) string {
	if e.Lo == nil || *e.Lo <= 1 && *e.Hi >= 1 || math.Abs(*e.Estimate-1) <= driftTolerance {
		return ""
	}
	return fmt.Sprintf("the second half of a block has %s × the p50 of the first %s: blocks had not settled; a longer warmup would tell",
		ratioText(*e.Estimate), intervalText(e))
}
