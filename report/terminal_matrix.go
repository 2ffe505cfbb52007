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
	p.paragraph("", "p50 as a multiple of host's in the same cell; host's own p50 in its row", dim)
	modes := minMode
	for _, r := range m.Rows {
		modes = max(modes, min(columnsOf(plain(r.Mode)), maxMode))
	}
	for from := 0; from < len(m.Cells); {
		widths := m.widths(from, p.width-modes)
		p.line()
		p.matrixRows(m, from, modes, widths)
		from += len(widths)
	}
	for i, text := range m.Notes {
		if i == 0 {
			p.line()
		}
		p.paragraph("", text, dim)
	}
}

// widths of the columns from one on that fit into so many columns of text; at
// least one does.
func (m matrixTable) widths(from, room int) []int {
	widths := []int{}
	for i := from; i < len(m.Cells); i++ {
		w := min(columnsOf(plain(m.Cells[i])), maxMode)
		for _, r := range m.Rows {
			w = max(w, columnsOf(r.Ratios[i].plainText()))
		}
		if room -= w + gap; room < 0 && len(widths) > 0 {
			break
		}
		widths = append(widths, w)
	}
	return widths
}

func (p *pen) matrixRows(m matrixTable, from, modes int, widths []int) {
	head := pad("mode", modes, true)
	for i, w := range widths {
		head += strings.Repeat(" ", gap) + pad(shorten(plain(m.Cells[from+i]), w), w, false)
	}
	p.line(p.styled(head, bold))
	p.line(p.styled(strings.Repeat("─", columnsOf(head)), dim))
	for _, r := range m.Rows {
		parts := []string{pad(shorten(plain(r.Mode), modes), modes, true)}
		for i, w := range widths {
			ratio := r.Ratios[from+i]
			parts = append(parts, p.styled(pad(ratio.plainText(), w, false), ratioStyle(ratio)))
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
