package report

import (
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// maxMode and minMode bound the column of mode names.
const (
	maxMode = 24
	minMode = 6
	gap     = 2
)

func (p *pen) table(t table) {
	p.line()
	name := shorten(plain(t.Test), p.width/2)
	if t.Cell == "" {
		p.line(p.styled(name, bold))
	} else {
		p.hanging("", name, bold, t.Cell)
	}
	p.paragraph("", t.Caption, dim)
	p.line()
	if text := absentText(t); text != "" {
		p.paragraph("", text, red)
		return
	}
	keep, widths := p.fit(t)
	p.heads(t, keep, widths)
	p.rows(t, keep, widths)
	if t.Noise != "" {
		p.line()
		p.paragraph("", t.Noise, dim)
	}
	p.lacks(t)
	for _, n := range t.Notes {
		if shows(t, keep, n.Column) && (n.Instead == "" || !shows(t, keep, n.Instead)) {
			p.paragraph("", n.Text, dim)
		}
	}
	if t.Why != nil {
		p.table(*t.Why)
	}
	for _, one := range t.Paragraphs {
		p.line()
		p.paragraph("", one.Text, normal)
	}
	for _, other := range t.Beside {
		p.table(other)
	}
}

// shows says whether a column is among those kept; no column always is.
func shows(t table, keep []int, name string) bool {
	return name == "" || slices.ContainsFunc(keep, func(i int) bool { return t.Columns[i].Name == name })
}

// fit chooses the columns that there is room for, and their widths.
func (p *pen) fit(t table) (keep, widths []int) {
	for i := range t.Columns {
		keep = append(keep, i)
	}
	for {
		widths = widthsOf(t, keep)
		excess := total(widths) - p.width
		if excess <= 0 {
			return keep, widths
		}
		if shrink := min(excess, widths[0]-minMode); total(widths)-shrink <= p.width && widths[0]-shrink >= min(widths[0], 16) {
			widths[0] -= shrink
			return keep, widths
		}
		next := sparest(t, keep)
		if next < 0 {
			widths[0] = max(widths[0]-excess, minMode)
			return keep, widths
		}
		keep = append(keep[:next:next], keep[next+1:]...)
	}
}

// sparest is the position of the kept column that goes first; -1: none may.
func sparest(t table, keep []int) int {
	found := -1
	for at, i := range keep {
		if spare := t.Columns[i].Spare; spare > 0 && (found < 0 || spare > t.Columns[keep[found]].Spare) {
			found = at
		}
	}
	return found
}

func widthsOf(t table, keep []int) []int {
	widths := []int{}
	for _, i := range keep {
		w := columnsOf(heading(t.Columns[i]))
		for _, r := range t.Rows {
			w = max(w, columnsOf(cellText(t, r, i)))
		}
		widths = append(widths, w)
	}
	widths[0] = min(widths[0], maxMode)
	return widths
}

func total(widths []int) int {
	sum := gap * (len(widths) - 1)
	for _, w := range widths {
		sum += w
	}
	return sum
}

func heading(c column) string { return strings.TrimSpace(c.Title + " " + c.Unit) }

// cellText is a cell's text; a mode without figures has its name alone.
func cellText(t table, r row, i int) string {
	if i == 0 {
		return plain(r.Mode)
	}
	if i < len(r.Cells) {
		return r.Cells[i].Text
	}
	return ""
}

func (p *pen) heads(t table, keep, widths []int) {
	texts := []string{}
	for at, i := range keep {
		texts = append(texts, pad(heading(t.Columns[i]), widths[at], t.Columns[i].Left))
	}
	line := strings.Join(texts, strings.Repeat(" ", gap))
	p.line(p.styled(strings.TrimRight(line, " "), bold))
	p.line(p.styled(strings.Repeat("─", min(total(widths), p.width)), dim))
}

func (p *pen) row(t table, r row, keep, widths []int) {
	name := pad(shorten(plain(r.Mode), widths[0]), widths[0], true)
	if r.Status != testbed.StatusOK {
		how := yellow
		if r.Status == testbed.StatusFailed {
			how = red
		}
		p.paragraph(name+strings.Repeat(" ", gap), firstOf(joined(r.Status, r.Reason), r.Status), how)
		return
	}
	texts := []string{name}
	for at, i := range keep[1:] {
		text := pad(cellText(t, r, i), widths[at+1], t.Columns[i].Left)
		texts = append(texts, p.styled(text, cellStyle(t.Columns[i], r)))
	}
	p.line(strings.Join(texts, strings.Repeat(" ", gap)))
}

// cellStyle lets a real difference stand out and noise recede.
func cellStyle(c column, r row) style {
	switch c.Name {
	case "ratio", "interval", "verdict", "added":
		switch r.Verdict {
		case slower, faster:
			if c.Name != "interval" {
				return bold
			}
		case withinNoise, noInterval:
			return dim
		}
		if r.Host {
			return dim
		}
	}
	return normal
}

func joined(status, reason string) string {
	if reason == "" {
		return status
	}
	return status + ": " + reason
}
