package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// absentText stands in place of a table of which no mode has a figure, all for the same
// reason; empty of any other.
func absentText(t table) string {
	for _, r := range t.Rows {
		if r.Status == testbed.StatusOK || r.Status != t.Rows[0].Status || r.Reason != t.Rows[0].Reason {
			return ""
		}
	}
	if len(t.Rows) < 2 {
		return ""
	}
	return "every mode " + joined(t.Rows[0].Status, t.Rows[0].Reason)
}

// lack is why several modes of a table have no figures.
type lack struct {
	status, cause string
	modes         []string
}

// lacks are the causes that modes share, in the table's order.
func lacks(t table) []lack {
	order, all := []string{}, map[string]*lack{}
	for _, r := range t.Rows {
		cause := r.cause()
		switch {
		case cause == "":
			continue
		case all[cause] == nil:
			order, all[cause] = append(order, cause), &lack{status: r.Status, cause: cause}
		}
		all[cause].modes = append(all[cause].modes, r.Mode)
	}
	shared := []lack{}
	for _, cause := range order {
		if len(all[cause].modes) > 1 {
			shared = append(shared, *all[cause])
		}
	}
	return shared
}

// cause is why a row has no figures, in words that are true of another mode too; empty
// of one that has, or has no reason.
func (r row) cause() string {
	if r.Status == testbed.StatusOK || r.Reason == "" {
		return ""
	}
	return joined(r.Status, strings.ReplaceAll(r.Reason, fmt.Sprintf("mode %q", r.Mode), "the mode"))
}

// holds says whether a mode is one of them.
func (l lack) holds(mode string) bool { return slices.Contains(l.modes, mode) }

// rows writes a table's rows. What several modes lack is said below, once.
func (p *pen) rows(t table, keep, widths []int) {
	shared := lacks(t)
	for _, r := range t.Rows {
		if slices.ContainsFunc(shared, func(l lack) bool { return l.holds(r.Mode) }) {
			r.Reason = ""
		}
		p.row(t, r, keep, widths)
	}
}

// lacks writes the causes that modes of a table share, each once in a report: a later
// table refers to the first.
func (p *pen) lacks(t table) {
	for _, l := range lacks(t) {
		text := list(l.modes) + ": "
		if first, told := p.told[l.cause]; told {
			p.paragraph("", text+l.status+" as in "+first, dim)
			continue
		}
		p.told[l.cause] = strings.TrimSpace(t.Test + " " + bracketed(t.Cell))
		p.paragraph("", text+l.cause, dim)
	}
}
