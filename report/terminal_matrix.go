package report

import (
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// matrix draws a test over all cells, as many beside each other as there is
// room for, the others below.
func (p *pen) matrix(m matrixTable) {
	p.line()
	p.hanging("", shorten(plain(m.Test), p.width/2), bold, "by "+plain(m.By))
	p.paragraph("", m.About, dim)
	modes := minMode
	for _, r := range m.Rows {
		modes = max(modes, min(columnsOf(plain(r.Mode)), maxMode))
	}
	for from := 0; from < len(m.Cells); {
		widths := m.widths(from, p.width-modes)
		p.line()
		p.matrixHead(m, from, modes, widths)
		for _, r := range m.Rows {
			p.matrixRow(r, from, modes, widths)
		}
		from += len(widths)
	}
	for i, text := range m.Notes {
		if i == 0 {
			p.line()
		}
		p.paragraph("", text, dim)
	}
}

// matrixWidth is that of a column: of its numbers, of what stands beside them, and of all,
// with the heading.
type matrixWidth struct{ number, beside, all int }

// widths of the columns from one on that fit into so many columns of text; at
// least one does.
func (m matrixTable) widths(from, room int) []matrixWidth {
	widths := []matrixWidth{}
	for i := from; i < len(m.Cells); i++ {
		w := matrixWidth{}
		for _, r := range m.Rows {
			for _, line := range r.Ratios[i].lines() {
				w.number, w.beside = max(w.number, columnsOf(line[0])), max(w.beside, columnsOf(line[1]))
			}
		}
		w.all = w.number
		if w.beside > 0 {
			w.all += 1 + w.beside
		}
		w.all = max(w.all, min(columnsOf(plain(m.Cells[i])), maxMode))
		if room -= w.all + gap; room < 0 && len(widths) > 0 {
			break
		}
		widths = append(widths, w)
	}
	return widths
}

// line is a cell's line in a column of that width.
func (w matrixWidth) line(text [2]string) string {
	line := pad(text[0], w.number, false)
	if w.beside > 0 {
		line += " " + pad(text[1], w.beside, false)
	}
	return pad(line, w.all, false)
}

func (p *pen) matrixHead(m matrixTable, from, modes int, widths []matrixWidth) {
	head := pad("mode", modes, true)
	for i, w := range widths {
		head += strings.Repeat(" ", gap) + pad(shorten(plain(m.Cells[from+i]), w.all), w.all, false)
	}
	p.line(p.styled(head, bold))
	p.line(p.styled(strings.Repeat("─", columnsOf(head)), dim))
}

// matrixRow is a line, or two where a cell has them.
func (p *pen) matrixRow(r matrixRow, from, modes int, widths []matrixWidth) {
	height := 1
	for i := range widths {
		height = max(height, len(r.Ratios[from+i].lines()))
	}
	for k := range height {
		parts := []string{pad(shorten(plain(r.Mode), modes), modes, true)}
		if k > 0 {
			parts[0] = strings.Repeat(" ", modes)
		}
		for i, w := range widths {
			ratio, text := r.Ratios[from+i], [2]string{}
			if lines := ratio.lines(); k < len(lines) {
				text = lines[k]
			}
			how := ratioStyle(ratio)
			if k == 0 && ratio.Count != "" { // The verdict is about the ratio.
				how = normal
			}
			parts = append(parts, p.styled(w.line(text), how))
		}
		p.line(strings.Join(parts, strings.Repeat(" ", gap)))
	}
}

func ratioStyle(m matrixRatio) style {
	switch {
	case m.Status == testbed.StatusFailed:
		return red
	case m.Status != "":
		return yellow
	case m.Verdict == slower || m.Verdict == faster:
		return bold
	case m.Verdict == withinNoise || m.Verdict == noInterval:
		return dim
	}
	return normal
}
