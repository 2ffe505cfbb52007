package report

import (
	"fmt"
	"math"

	"github.com/testbed-lab/testbed/testbed"
)

// halfIsEnough is how far the medians of a block's halves may differ for half to be called
// enough: a quarter of what another seed does.
const halfIsEnough = seedSpread / 4

// half looks for the block whose halves differ most in their median. A block keeps no
// order of its transactions but that of its halves, and those answer what matters: would
// fewer have shown the same?
func (t *trial) half() (most *testbed.HalfBlock) {
	if !t.counts() {
		return nil
	}
	for _, s := range t.series {
		for _, samples := range s.byRound {
			for _, one := range samples {
				if len(one.Halves) != 2 || one.Halves[0].Transactions < 1 || !(one.Halves[0].P50 > 0) || !(one.Halves[1].P50 > 0) {
					continue
				}
				difference := math.Abs(one.Halves[0].P50/one.Halves[1].P50 - 1)
				if most == nil || difference > most.Difference {
					most = &testbed.HalfBlock{Transactions: int(one.Halves[0].Transactions), Difference: difference, Mode: s.mode.Name}
				}
			}
		}
	}
	return most
}

// halfNote says how many transactions give a stable median.
func halfNote(t testbed.TestResult) []string {
	h := t.Half
	if h == nil {
		return nil
	}
	text := fmt.Sprintf("p50 of a block's first and second %s differs by %s at most (%s): ", count(h.Transactions, "transaction"), differenceText(h.Difference), h.Mode)
	if h.Difference <= halfIsEnough {
		return []string{text + fmt.Sprintf("transactions = %d would be enough", h.Transactions)}
	}
	return []string{text + fmt.Sprintf("not settled; more than %d would tell", t.Block.Transactions)}
}

// differenceText is a relative difference, rounded up.
func differenceText(v float64) string {
	return fmt.Sprintf("%.2f%%", max(0, math.Ceil(1e4*v-1e-6))/100)
}
