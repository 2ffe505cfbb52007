package report

import (
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// aboutMatrix says what stands in a cell of a matrix. What was timed makes no claim from
// cell to cell, for each is a boot of its own, and boots differ.
func aboutMatrix(cells []testbed.TestResult) string {
	if !isCounted(cells[0]) {
		return "p50 as a multiple of host's in the same cell; host's own p50 in its row"
	}
	text := "p50 in " + countedCaption
	if by := changedBy(cells); by != "" {
		text += ", and its change to the " + by + " before"
	}
	return text + "; beneath, as a multiple of host's in the same cell"
}

// changedBy is the coordinate along which changes go.
func changedBy(cells []testbed.TestResult) string {
	for _, c := range cellChanges(cells) {
		for name, value := range c.to.Cell {
			if c.from.Cell[name] != value {
				return name
			}
		}
	}
	return ""
}

// counted adds the instructions to a mode's ratio, and their change to the cell before.
// Host's ratio is its own figure, which then stands there.
func (m *matrixRatio) counted(cells []testbed.TestResult, t testbed.TestResult, mode testbed.ModeResult) {
	if mode.P50.Estimate == nil {
		return
	}
	m.Count, m.From = latencyCell(mode.P50, t.Unit, false), "p50/estimate "+m.From
	if mode.Name == hostMode {
		m.Text, m.From = "", "p50/estimate"
	}
	c, has := changeOf(cells, t, mode)
	if !has {
		return
	}
	e := mode.ToPrevious.P50
	m.Change, m.From = changeText(*e.Estimate), m.From+" to_previous/p50/estimate"
	if !c.shown(e) && *e.Estimate != 1 {
		m.Change += uncertain
	}
}

// lines are a cell's, each a number and what stands beside it.
func (m matrixRatio) lines() [][2]string {
	if m.Count == "" {
		return [][2]string{{m.plainText(), ""}}
	}
	lines := [][2]string{{m.Count, m.Change}}
	if m.Text != "" {
		ratio, noise, _ := strings.Cut(m.plainText(), " ")
		lines = append(lines, [2]string{ratio, noise})
	}
	return lines
}

// oneLine is a cell in a table that has no second.
func (m matrixRatio) oneLine() string {
	text := strings.TrimSpace(m.plainText() + " " + m.Interval)
	if m.Count == "" {
		return text
	}
	if m.Text != "" {
		text = strings.Replace(text, m.Text, m.Text+" × host", 1)
	}
	return strings.TrimSuffix(strings.TrimSpace(m.Count+" "+m.Change)+"; "+text, "; ")
}
