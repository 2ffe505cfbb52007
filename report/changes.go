package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// How many changes between cells are explained, and by how many functions each.
const (
	mostChanges  = 3
	mostReasons  = 3
	leastChange  = 0.001 // Of the mode's instructions: less is no change worth a line.
	leastShareOf = 0.05  // Of the change: less explains nothing.
)

// cellChange is a mode's instructions in one cell of the matrix against the one
// before.
type cellChange struct {
	mode     string
	from, to testbed.TestResult
	was, is  testbed.ModeResult
}

func (c cellChange) size() float64 { return *c.is.Mean.Estimate - *c.was.Mean.Estimate }

// changeNotes say what the largest changes from cell to cell are, and which
// functions they are made of; of tests whose instructions were counted.
func changeNotes(cells []testbed.TestResult) []string {
	var all []cellChange
	for i := 1; i < len(cells); i++ {
		for _, is := range cells[i].Modes {
			j := slices.IndexFunc(cells[i-1].Modes, func(m testbed.ModeResult) bool { return m.Name == is.Name })
			if j < 0 || is.Functions == nil || cells[i-1].Modes[j].Functions == nil || is.Mean.Estimate == nil || cells[i-1].Modes[j].Mean.Estimate == nil {
				continue
			}
			c := cellChange{is.Name, cells[i-1], cells[i], cells[i-1].Modes[j], is}
			if math.Abs(c.size()) >= leastChange**is.Mean.Estimate {
				all = append(all, c)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b cellChange) int { return cmp.Compare(math.Abs(b.size()), math.Abs(a.size())) })
	notes := []string{}
	for _, c := range all[:min(len(all), mostChanges)] {
		notes = append(notes, c.text())
	}
	return notes
}

func (c cellChange) text() string {
	text := fmt.Sprintf("%s, %s → %s: %s instructions a transaction (mean)", c.mode, cellValues(c.from.Cell), cellValues(c.to.Cell), counted(math.Round(c.size()), true))
	var reasons []string
	for _, row := range shares(c.is, &c.was) {
		if len(reasons) == mostReasons || math.Abs(row.change()) < leastShareOf*math.Abs(c.size()) {
			break
		}
		reasons = append(reasons, row.name+" "+counted(row.change(), true))
	}
	if reasons == nil {
		return text + ", in many functions a little"
	}
	return text + "; of that " + strings.Join(reasons, ", ")
}
