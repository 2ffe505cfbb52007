package report

import (
	"maps"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/report/ci"
	"github.com/testbed-lab/testbed/testbed"
)

// failing is what failed on the new side and, in the same cell, not in the base: a
// failure that both have is none of the new kernel's. One run is to blame for all of it.
func failing(base, other CompareSide, o CompareOptions) []testbed.Failing {
	switch {
	case o.Elsewhere:
		return nil
	case o.OneRun:
		return failedOn(base.Result, func(cell map[string]string) bool { return within(cell, base.Cell) || within(cell, other.Cell) })
	}
	ours := failedCells(base)
	return failedOn(other.Result, func(cell map[string]string) bool {
		return within(cell, other.Cell) && !slices.ContainsFunc(ours, func(b map[string]string) bool { return maps.Equal(b, without(cell, other.Cell)) })
	})
}

// failedOn are a result's failures in some of its cells.
func failedOn(r testbed.Result, in func(cell map[string]string) bool) (all []testbed.Failing) {
	r.Crashes = slices.DeleteFunc(slices.Clone(r.Crashes), func(c testbed.Crash) bool { return !in(c.Cell) })
	r.Failures = slices.DeleteFunc(slices.Clone(r.Failures), func(f testbed.CellFailure) bool { return !in(f.Cell) })
	for _, f := range failures(r) {
		all = append(all, testbed.Failing{What: f.head(), Why: strings.Join(f.lines(), "; ")})
	}
	return all
}

// failedCells are what is left of the cells of a side in which something failed.
func failedCells(s CompareSide) (cells []map[string]string) {
	for _, c := range s.Result.Crashes {
		if within(c.Cell, s.Cell) {
			cells = append(cells, without(c.Cell, s.Cell))
		}
	}
	for _, f := range s.Result.Failures {
		if within(f.Cell, s.Cell) {
			cells = append(cells, without(f.Cell, s.Cell))
		}
	}
	return cells
}

// without is a cell less the coordinates that were picked.
func without(cell, picked map[string]string) map[string]string {
	left := map[string]string{}
	for name, value := range cell {
		if _, is := picked[name]; !is {
			left[name] = value
		}
	}
	return left
}

func failingTexts(c testbed.Comparison) (texts []string) {
	for _, f := range c.Failed {
		texts = append(texts, f.What+": "+f.Why)
	}
	return texts
}

// failingSuite is what failed as a build server takes it.
func failingSuite(c testbed.Comparison, name string) ci.Suite {
	suite := ci.Suite{Name: name}
	for _, f := range c.Failed {
		suite.Cases = append(suite.Cases, ci.Case{Name: f.What, Outcome: ci.Fail, Text: f.Why})
	}
	return suite
}
