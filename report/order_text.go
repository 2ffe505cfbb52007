package report

import (
	"bytes"
	"fmt"
	"io"
	"strconv"

	"github.com/testbed-lab/testbed/testbed"
)

// OrderTerminal draws orders for a person.
func OrderTerminal(w io.Writer, all []testbed.Order, opt TerminalOptions) error {
	p := newPen(w, opt)
	for i, o := range all {
		if i > 0 {
			p.line()
		}
		p.paragraph("", orderTitle(o), bold)
		p.order(o)
	}
	return p.w.Flush()
}

func (p *pen) order(o testbed.Order) {
	for _, t := range orderTables(o) {
		p.table(t)
	}
}

// OrderMarkdown draws orders for a comment.
func OrderMarkdown(w io.Writer, all []testbed.Order) error {
	var b bytes.Buffer
	for _, o := range all {
		markdownOrder(&b, o)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func markdownOrder(b *bytes.Buffer, o testbed.Order) {
	fmt.Fprintf(b, "\n## %s\n", markdownText(orderTitle(o)))
	for _, t := range orderTables(o) {
		markdownTable(b, t, "###")
	}
}

// OrderJSON writes orders as a list, whose schema is that of "order".
func OrderJSON(w io.Writer, all []testbed.Order) error { return writeIndented(w, all) }

// orderTitle names the two results, and by what each puts its modes in order.
func orderTitle(o testbed.Order) string {
	return fmt.Sprintf("Order of modes: %s (%s) and %s (%s)", o.Base.Path, orderedBy(o.Tests[0].BaseUnit), o.Other.Path, orderedBy(o.Tests[0].OtherUnit))
}

func orderTables(o testbed.Order) (all []table) {
	for _, t := range o.Tests {
		all = append(all, orderTable(t))
	}
	return all
}

func orderTable(t testbed.TestOrder) table {
	d := table{
		Test: t.Test, Cell: CellText(t.Cell),
		Caption: fmt.Sprintf("ratio to host and rank, here (%s) and there (%s)", orderedBy(t.BaseUnit), orderedBy(t.OtherUnit)),
		Columns: []column{
			{Name: "mode", Title: "mode", Left: true}, {Name: "ratio", Title: "× host"}, {Name: "there", Title: "there"},
			{Name: "rank", Title: "rank"}, {Name: "rank-there", Title: "there"},
		},
	}
	for _, m := range t.Modes {
		r := row{Mode: m.Mode, Status: testbed.StatusOK}
		for _, text := range []string{m.Mode, plainRatio(m.Base), plainRatio(m.Other), strconv.Itoa(m.BaseRank), strconv.Itoa(m.OtherRank)} {
			r.Cells = append(r.Cells, cell{Text: text})
		}
		d.Rows = append(d.Rows, r)
	}
	for _, text := range orderNotes(t) {
		d.Notes = append(d.Notes, note{Text: text})
	}
	return d
}

// orderNotes say how far the two agree, and where they do not.
func orderNotes(t testbed.TestOrder) []string {
	n := len(t.Modes)
	if t.Correlation == nil {
		return []string{count(n, "mode") + " with a ratio to host in both: too few for an order"}
	}
	notes := []string{fmt.Sprintf("Rank correlation (Spearman) %.2f. Of %s of modes, both tell %d apart, in the same order %d times",
		*t.Correlation, count(n*(n-1)/2, "pair"), t.Told, t.Told-len(t.Disagreements))}
	for _, d := range t.Disagreements {
		notes = append(notes, joined(fmt.Sprintf("%s before %s here, and after it there", d.First, d.Second), d.Reason))
	}
	return notes
}
