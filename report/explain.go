package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// ExplainOptions say what is explained of a result, and how.
type ExplainOptions struct {
	Test string // Empty: the first that has the modes.
	Mode string
	// Other is compared with Mode: what Mode does and Other does not. Optional.
	Other string
	// Cell picks one of a matrix, "NAME=VALUE" of a coordinate. Empty: the first.
	Cell string
	// Against is another cell: what Mode does in Cell and not there. Optional, and
	// without Other.
	Against string
	All     bool // Every call of a path or function, not the landmarks or the first alone.
}

// Explain prints the path of one transaction through a mode as an indented trace,
// or what one mode does that another does not, in calls. Its error names what the
// result does not have.
func Explain(w io.Writer, r testbed.Result, o ExplainOptions) error {
	c, err := explanationOf(r, o)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if c.other == nil {
		err = explainOne(&b, c.test, c.one, o.All)
	} else {
		err = explainTwo(&b, c, o.All)
	}
	if err != nil {
		return err
	}
	_, err = w.Write(b.Bytes())
	return err
}

// explanation is of a mode and what it is compared with, if it is: another mode, or itself in
// another cell. The two are called by what sets them apart.
type explanation struct {
	test  testbed.TestResult
	one   testbed.ModeResult
	other *testbed.ModeResult
	mode  string // Whose two cells they are; empty of two modes.
	cells [2]string
}

func explanationOf(r testbed.Result, o ExplainOptions) (c explanation, err error) {
	if c.test, c.one, err = explained(r, o.Test, o.Cell, o.Mode); err != nil || o.Other == "" && o.Against == "" {
		return c, err
	}
	cell, name := o.Cell, o.Other
	if o.Against != "" {
		cell, name = o.Against, o.Mode
	}
	test, other, err := explained(r, c.test.Name, cell, name)
	if err != nil {
		return c, err
	}
	c.other = &other
	if o.Against != "" {
		c.mode, c.cells = o.Mode, [2]string{CellText(c.test.Cell), CellText(test.Cell)}
		c.one.Name, other.Name = cellValues(c.test.Cell), cellValues(test.Cell)
	}
	return c, nil
}

// title says what is compared where instructions were counted.
func (c explanation) title() string { return c.pair() + ": instructions per transaction, both ends" }

// pair names the two.
func (c explanation) pair() string {
	if c.mode != "" {
		return fmt.Sprintf("%s in %s, %s against %s", c.mode, c.test.Name, c.cells[0], c.cells[1])
	}
	return fmt.Sprintf("%s against %s in %s", c.one.Name, c.other.Name, c.test.Name)
}

// uncounted says which of the two has no instructions by function, and why.
func (c explanation) uncounted() error {
	for _, m := range []testbed.ModeResult{c.one, *c.other} {
		if m.Functions == nil {
			return fmt.Errorf("%s has no instructions by function of %s: %s", c.test.Name, firstOf(c.mode, m.Name),
				firstOf(m.Uncounted, "run with --backend icount"))
		}
	}
	return nil
}

// inCellNamed says whether a test's cell is meant by "NAME=VALUE"; any is by "".
func inCellNamed(t testbed.TestResult, cell string) bool {
	name, value, _ := strings.Cut(cell, "=")
	return cell == "" || t.Cell[name] == value && value != ""
}

// noEvidenceAsked is why nobody looked.
const noEvidenceAsked = "the test has evidence = false"

func explained(r testbed.Result, test, cell, mode string) (testbed.TestResult, testbed.ModeResult, error) {
	var names, tests, cells []string
	var unseen error
	for _, t := range r.Tests {
		tests = append(tests, t.Name)
		if test != "" && t.Name != test {
			continue
		}
		if !inCellNamed(t, cell) {
			cells = append(cells, CellText(t.Cell))
			continue
		}
		for _, m := range t.Modes {
			names = append(names, m.Name)
			if m.Name != mode {
				continue
			}
			if m.Evidence != nil || m.Functions != nil {
				return t, m, nil
			}
			unseen = fmt.Errorf("the result has no evidence of mode %q in test %q: %s", mode, t.Name,
				firstOf(m.Reason, m.Uncounted, noEvidenceAsked))
		}
	}
	if unseen != nil {
		return testbed.TestResult{}, testbed.ModeResult{}, unseen
	}
	if names == nil && slices.Equal(slices.Compact(cells), []string{""}) {
		return testbed.TestResult{}, testbed.ModeResult{}, fmt.Errorf("the result has no cell %q; its lab has no matrix, so leave --cell out", cell)
	}
	if names == nil && cells != nil {
		return testbed.TestResult{}, testbed.ModeResult{}, fmt.Errorf("the result has no cell %q; it has %s", cell, strings.Join(slices.Compact(cells), "; "))
	}
	if names == nil {
		return testbed.TestResult{}, testbed.ModeResult{}, fmt.Errorf("the result has no test %q; it has %s", test, strings.Join(tests, ", "))
	}
	slices.Sort(names)
	return testbed.TestResult{}, testbed.ModeResult{}, fmt.Errorf("the result has no mode %q; it has %s", mode, strings.Join(slices.Compact(names), ", "))
}
