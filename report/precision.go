package report

import (
	"math"

	"github.com/testbed-lab/testbed/testbed"
)

// Precision is how wide the widest interval of a p50 ratio to host is, relative
// to its lower end, and whose it is: what sequential stopping looks at. Blocks
// of other tests are left aside. The width is +Inf where a mode that was
// measured has no interval yet, and 0 where no mode can be compared with host
// at all, so that nothing more is to be learned.
func Precision(seed int64, cell testbed.Cell, test testbed.Test, blocks []testbed.Block) (width float64, mode string) {
	cell.Tests = []testbed.Test{test}
	trials, _ := group(testbed.Lab{Seed: seed, Cells: []testbed.Cell{cell}}, blocks)
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
		if w := relativeWidth(t.ratio(s, t.host, p50)); w > width {
			width, mode = w, s.mode.Name
		}
	}
	return width, mode
}

func relativeWidth(e testbed.Estimate) float64 {
	if e.Lo == nil || !(*e.Lo > 0) {
		return math.Inf(1)
	}
	return *e.Hi / *e.Lo - 1
}
