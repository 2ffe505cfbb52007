package report

import (
	"cmp"
	"fmt"
	"maps"
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

// cellChange is a mode's instructions in one cell of the matrix against those in the one
// before.
type cellChange struct {
	mode     string
	from, to testbed.TestResult
	was, is  testbed.ModeResult
}

func (c cellChange) size() float64 { return *c.is.Mean.Estimate - *c.was.Mean.Estimate }

// shown says whether a change is more than what seeds do: with an interval over their
// paired differences, where that is clear of none; with too few seeds for one, where it is
// larger than what a seed moves, or what host shows against itself in either cell.
func (c cellChange) shown(e testbed.Estimate) bool {
	if e.Lo != nil {
		return *e.Lo > 1 || *e.Hi < 1
	}
	return math.Abs(*e.Estimate-1) > max(seedSpread, offOne(c.from.NoiseFloor), offOne(c.to.NoiseFloor))
}

func offOne(e testbed.Estimate) float64 {
	if e.Estimate == nil {
		return 0
	}
	return math.Abs(*e.Estimate - 1)
}

// cellChanges are all that a matrix has, cell by cell.
func cellChanges(cells []testbed.TestResult) (all []cellChange) {
	for _, to := range cells {
		for _, is := range to.Modes {
			if c, has := changeOf(cells, to, is); has {
				all = append(all, c)
			}
		}
	}
	return all
}

// changeOf is a mode's change to the cell before, where that is in the table.
func changeOf(cells []testbed.TestResult, to testbed.TestResult, is testbed.ModeResult) (c cellChange, has bool) {
	if is.ToPrevious == nil || is.ToPrevious.P50.Estimate == nil || is.ToPrevious.Mean.Estimate == nil {
		return c, false
	}
	i := slices.IndexFunc(cells, func(t testbed.TestResult) bool { return maps.Equal(t.Cell, is.ToPrevious.Cell) })
	if i < 0 {
		return c, false
	}
	return cellChange{is.Name, cells[i], to, modeIn(cells[i], is.Name), is}, true
}

// changeNotes say what the largest changes from cell to cell are, and which functions they
// are made of; and how many are no more than what seeds do.
func changeNotes(cells []testbed.TestResult) []string {
	var large []cellChange
	hidden, few := 0, false
	for _, c := range cellChanges(cells) {
		mean := c.is.ToPrevious.Mean
		switch {
		case !c.shown(c.is.ToPrevious.P50):
			hidden++
			few = few || mean.Lo == nil
		case c.shown(mean) && c.is.Functions != nil && c.was.Functions != nil && offOne(mean) >= leastChange:
			large = append(large, c)
		}
	}
	slices.SortStableFunc(large, func(a, b cellChange) int { return cmp.Compare(math.Abs(b.size()), math.Abs(a.size())) })
	notes := []string{}
	for _, c := range large[:min(len(large), mostChanges)] {
		notes = append(notes, c.text())
	}
	switch {
	case few:
		seeds := max(cells[0].Boots, 1)
		notes = append(notes, fmt.Sprintf("%s: %s, and a seed's layout moves a figure as much (some %s, or as much as host differs from itself); three or more would tell (%s)",
			uncertain, count(seeds, "seed"), percentText(seedSpread), enoughSeeds))
	case hidden > 0:
		notes = append(notes, uncertain+": no change beyond the interval over the seeds' paired differences")
	}
	return notes
}

// uncertain marks a change that may be the seeds' doing.
const uncertain = "?"

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
