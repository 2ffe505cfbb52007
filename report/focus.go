package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/testbed-lab/testbed/testbed"
)

// Focus is a side with nothing but the test, cell and mode of a row, and host: what is
// judged by itself needs no correction for the rest.
func Focus(s CompareSide, row testbed.Change) CompareSide {
	keep := func(mode string) bool { return mode == row.Mode || mode == hostMode }
	var tests []testbed.TestResult
	for _, t := range s.Result.Tests {
		if t.Name != row.Test || !within(t.Cell, row.Cell) {
			continue
		}
		t.Modes = slices.DeleteFunc(slices.Clone(t.Modes), func(m testbed.ModeResult) bool { return !keep(m.Name) })
		tests = append(tests, t)
	}
	s.Result.Tests = tests
	s.Blocks = slices.DeleteFunc(slices.Clone(s.Blocks), func(b testbed.Block) bool {
		return b.Test != row.Test || !within(b.Cell, row.Cell) || !keep(b.Mode)
	})
	return s
}

// Turnover bounds each change of a row's mean, relative to it, in whatever lies between
// two results: what its functions took more and less on the way from one to the other,
// added up. It holds for as long as no function took more at one time and less at another
// within. False where instructions were not counted by function.
func Turnover(base, other CompareSide, row testbed.Change) (float64, bool) {
	was, is := modeOfRow(base, row), modeOfRow(other, row)
	if was.Functions == nil || is.Functions == nil || was.Mean.Estimate == nil {
		return 0, false
	}
	moved := 0.0
	for _, one := range shares(is, &was) {
		moved += math.Abs(one.change())
	}
	least := *was.Mean.Estimate - moved // What a figure within may have been.
	if least <= 0 {
		return math.Inf(1), true
	}
	return moved / least, true
}

func modeOfRow(s CompareSide, row testbed.Change) testbed.ModeResult {
	for _, t := range s.Result.Tests {
		if t.Name == row.Test && within(t.Cell, row.Cell) {
			return modeIn(t, row.Mode)
		}
	}
	return testbed.ModeResult{}
}

// ChangeLines say a row of a comparison in words: its figures with the change and its
// interval, and the functions that it is made of.
func ChangeLines(c testbed.Change, metric string) []string {
	e := judgedEstimate(c)
	unit := "instructions"
	if c.Unit != testbed.UnitInstructions {
		unit = compareUnit(c.Unit)
	}
	text := fmt.Sprintf("%s in %s: %s %s → %s %s", c.Mode, joinedCell(c), metric, figureText(c.Base, c.Unit), figureText(c.New, c.Unit), unit)
	switch {
	case e.Estimate == nil:
		text += ", " + firstOf(c.Reason, e.Reason)
	case e.Lo == nil:
		text += fmt.Sprintf(", %s (%s)", changeText(*e.Estimate), firstOf(c.Reason, e.Reason))
	default:
		text += fmt.Sprintf(", %s [%s, %s]", changeText(*e.Estimate), changeText(*e.Lo), changeText(*e.Hi))
	}
	lines := []string{text}
	if len(c.Functions) > 0 {
		lines = append(lines, functionsText(c))
	}
	return lines
}

func joinedCell(c testbed.Change) string {
	if cell := CellText(c.Cell); cell != "" {
		return c.Test + ", " + cell
	}
	return c.Test
}
