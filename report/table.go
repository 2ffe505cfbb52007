package report

import (
	"fmt"

	"github.com/testbed-lab/testbed/testbed"
)

// table is one test in one cell as rows and columns of text: what terminal,
// Markdown and page draw, so that they agree to the printed digit.
type table struct {
	Test    string
	Cell    string // Empty without a matrix.
	Caption string
	Columns []column
	Rows    []row
	Noise   string // The noise floor in a sentence.
	Notes   []note // What the marks and gaps in the table mean.

	Why        *table // What the kernel does in each mode; nil where nobody looked.
	Price      *price // The matrix of costs and capabilities; nil where nobody looked.
	Paragraphs []paragraph
	Beside     []table // One another engine: its figures and ours.
	Ends       *table  // What each end did in each mode; of Markdown and page, as Details.
	Details    *table  // What Markdown and page add; nil in a table of that kind.
}

// column is a heading. Where room is short the highest Spare goes first.
type column struct {
	Name  string // Stable.
	Title string
	Unit  string
	Spare int
	Left  bool // Words; numbers stand to the right.
}

// note is a sentence below a table. One about a column is left out with it.
type note struct {
	Text, Column string
	Instead      string // The column for which it stands where that is dropped.
}

// row is one mode.
type row struct {
	Mode    string
	Status  string
	Reason  string // Of a status other than ok.
	Verdict verdict
	Cells   []cell // One a column.
	Ratio   testbed.Estimate
	Host    bool
}

// cell is a printed number, and where in the result it stands.
type cell struct{ Text, From string }

// paragraph is what is said of a mode, and what of the result it is made of.
type paragraph struct{ Mode, Text, From string }

// tables of a result, in its order.
func tables(r testbed.Result) []table {
	all := []table{}
	for _, t := range r.Tests {
		all = append(all, newTable(t))
	}
	return all
}

func newTable(t testbed.TestResult) table {
	d := tableOf(t, mainFields(t))
	d.Test, d.Cell, d.Caption = t.Name, CellText(t.Cell), caption(t)
	d.Noise, d.Notes = noiseText(t), notes(t)
	d.Price, d.Paragraphs = priceOf(t), paragraphs(t)
	d.Ends = endsTable(t)
	d.Why, d.Beside, d.Details = whyTable(t), besideTables(t), detailsTable(t)
	return d
}

// tableOf fills rows of all modes from the fields.
func tableOf(t testbed.TestResult, fields []field) table {
	d := table{}
	for _, f := range fields {
		d.Columns = append(d.Columns, f.column)
	}
	for _, m := range t.Modes {
		d.Rows = append(d.Rows, newRow(t, m, fields))
	}
	return d
}

func hostOf(t testbed.TestResult) testbed.ModeResult {
	for _, m := range t.Modes {
		if m.Name == hostMode {
			return m
		}
	}
	return testbed.ModeResult{}
}

func noiseText(t testbed.TestResult) string {
	floor := t.NoiseFloor
	switch {
	case floor.Estimate == nil:
		return "Noise floor: unknown: " + floor.Reason
	case floor.Lo == nil:
		return fmt.Sprintf("Noise floor: host against itself %s; %s", ratioText(*floor.Estimate), floor.Reason)
	}
	return fmt.Sprintf("Noise floor: host against itself %s %s; what touches it is noise",
		ratioText(*floor.Estimate), intervalText(floor))
}
