package report

import (
	"maps"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// matrixTable is one test over the cells of the matrix, modes down, cells across: ratios
// of p50 to host; of counts also the instructions and what they changed by.
type matrixTable struct {
	Test  string
	About string   // What stands in a cell.
	By    string   // Names of the coordinates, and where the cells were measured if that tells tables apart.
	Cells []string // Headings: the coordinates' values.
	Rows  []matrixRow
	Notes []string // What changed most from cell to cell.
}

type matrixRow struct {
	Mode   string
	Ratios []matrixRatio // One a cell.
}

type matrixRatio struct {
	// Count is the mode's own figure, where instructions were counted, and Change the same
	// against the cell before.
	Count, Change  string
	Text, Interval string
	From           string // Where they stand in the result.
	Verdict        verdict
	Status         string // Other than ok.
	Failure        string // Where the page tells of the failure that the mode is absent by.
}

// plainText is a ratio in a table without styles: noise is said in a word.
func (m matrixRatio) plainText() string {
	if m.Verdict == withinNoise {
		return m.Text + " noise"
	}
	return m.Text
}

// matrixTables is empty for a lab without a matrix. Cells of different machines are in
// different tables.
func matrixTables(r testbed.Result) []matrixTable {
	all := []matrixTable{}
	for _, name := range testNames(r) {
		cells := []testbed.TestResult{}
		for _, t := range r.Tests {
			if t.Name == name {
				cells = append(cells, t)
			}
		}
		places := samePlace(r, cells)
		for _, group := range places {
			if len(group) < 2 {
				continue
			}
			m := newMatrixTable(r, name, group)
			if at := placeOf(r, group[0].Cell); len(places) > 1 {
				m.By += ", on " + at.String()
			}
			if text := mixedText(r); text != "" {
				m.Notes = append([]string{text}, m.Notes...)
			}
			all = append(all, m)
		}
	}
	return all
}

func newMatrixTable(r testbed.Result, name string, cells []testbed.TestResult) matrixTable {
	m := matrixTable{Test: name, About: aboutMatrix(cells), By: strings.Join(slices.Sorted(maps.Keys(cells[0].Cell)), ", "), Notes: changeNotes(cells)}
	modes, at := []string{}, []string{}
	for _, t := range cells {
		at = append(at, testAt(slices.IndexFunc(r.Tests, func(other testbed.TestResult) bool {
			return other.Name == name && maps.Equal(other.Cell, t.Cell)
		})))
		m.Cells = append(m.Cells, cellValues(t.Cell))
		for _, mode := range t.Modes {
			if !slices.Contains(modes, mode.Name) {
				modes = append(modes, mode.Name)
			}
		}
	}
	failed := failures(r)
	for _, mode := range modes {
		row := newMatrixRow(mode, cells, at)
		for c := range row.Ratios {
			if i := modeIndex(cells[c], mode); i >= 0 {
				row.Ratios[c].blame(absentBy(r, failed, cells[c], cells[c].Modes[i]))
			}
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}

// cellValues are a cell's coordinates without their names.
func cellValues(cell map[string]string) string {
	values := []string{}
	for _, name := range slices.Sorted(maps.Keys(cell)) {
		values = append(values, cell[name])
	}
	return strings.Join(values, ", ")
}

func testNames(r testbed.Result) []string {
	names := []string{}
	for _, t := range r.Tests {
		if !slices.Contains(names, t.Name) {
			names = append(names, t.Name)
		}
	}
	return names
}

func newMatrixRow(mode string, cells []testbed.TestResult, places []string) matrixRow {
	r := matrixRow{Mode: mode}
	for c, t := range cells {
		i := modeIndex(t, mode)
		if i < 0 {
			r.Ratios = append(r.Ratios, matrixRatio{Text: none})
			continue
		}
		ratio := newMatrixRatio(t, t.Modes[i])
		if ratio.Status == "" && isCounted(t) {
			ratio.counted(cells, t, t.Modes[i])
		}
		ratio.From = pointers(ratio.From, places[c], t, mode)
		r.Ratios = append(r.Ratios, ratio)
	}
	return r
}

// blame says in the table what became of the cell.
func (m *matrixRatio) blame(f *failure) {
	if f != nil {
		*m = matrixRatio{Text: f.Word, Failure: f.ID, From: f.From, Status: m.Status, Verdict: m.Verdict}
	}
}

// modeIndex is a mode's position in a test; -1 where it is not in it.
func modeIndex(t testbed.TestResult, name string) int {
	return slices.IndexFunc(t.Modes, func(m testbed.ModeResult) bool { return m.Name == name })
}

// newMatrixRatio shows host's own p50, for that is what differs from cell to
// cell, and each other mode's ratio to it.
func newMatrixRatio(t testbed.TestResult, m testbed.ModeResult) matrixRatio {
	ratio := m.RatioToHost["p50"]
	switch {
	case m.Status != testbed.StatusOK:
		return matrixRatio{Text: m.Status, Status: m.Status}
	case m.Name == hostMode:
		return matrixRatio{Text: latencyCell(m.P50, t.Unit, false) + " " + latencyUnit(t.Unit), From: "p50/estimate"}
	case ratio.Estimate == nil:
		return matrixRatio{Text: none}
	}
	return matrixRatio{Text: ratioText(*ratio.Estimate), Interval: intervalText(ratio), From: ratioFrom(m) + " " + intervalFrom(m), Verdict: verdictOf(t, m)}
}
