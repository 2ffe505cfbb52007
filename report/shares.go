package report

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/testbed-lab/testbed/testbed"
)

// shareWidth is how wide the table of functions is, at most.
const shareWidth = 80

// writeShares lists the instructions of one mode against another's, or of one alone, by
// function; below them the kernel's together, user space's, and all. Columns are called by
// the names of the two.
func writeShares(b *bytes.Buffer, one testbed.ModeResult, other *testbed.ModeResult, all bool) {
	rows := shares(one, other)
	var kernel, user, rest share
	for _, row := range rows {
		if row.name == userSpace {
			user.add(row)
		} else {
			kernel.add(row)
		}
	}
	rows = slices.DeleteFunc(rows, func(row share) bool { return row.name == userSpace })
	shown := rows
	if !all && len(rows) > mostFunctions {
		shown = rows[:mostFunctions]
	}
	for _, row := range rows[len(shown):] {
		rest.add(row)
	}
	total := kernel
	total.add(user)
	two := other != nil
	var lines [][]string
	for _, row := range shown {
		lines = append(lines, row.cells(row.name, two))
	}
	if n := len(rows) - len(shown); n > 0 {
		lines = append(lines, rest.cells(fmt.Sprintf("%d more (--all)", n), two))
	}
	lines = append(lines, nil, kernel.cells("kernel", two), user.cells("user space (the agent)", two), total.cells("total", two))
	if two {
		writeColumns(b, []string{"function", other.Name, one.Name, "change", other.Name, one.Name, "change"}, lines)
	} else {
		writeColumns(b, []string{"function", "its own", "with callees"}, lines)
	}
	for _, note := range callerNotes(one, other) {
		fmt.Fprintf(b, "\n%s\n", note)
	}
}

// callerNotes say of which modes nobody knows who called whom, and why.
func callerNotes(one testbed.ModeResult, other *testbed.ModeResult) (notes []string) {
	modes := []testbed.ModeResult{one}
	if other != nil {
		modes = append(modes, *other)
	}
	names := map[string][]string{}
	var reasons []string
	for _, m := range modes {
		if _, calls := tracedStacks(m); len(calls) > 0 {
			continue
		}
		why := whyUntraced(m)
		if names[why] == nil {
			reasons = append(reasons, why)
		}
		names[why] = append(names[why], m.Name)
	}
	for _, why := range reasons {
		notes = append(notes, fmt.Sprintf("with callees: not known of %s: %s", list(names[why]), why))
	}
	return notes
}

func whyUntraced(m testbed.ModeResult) string {
	if m.Evidence == nil {
		return noEvidenceAsked
	}
	why := slices.Concat(m.Evidence.Client.Unavailable, m.Evidence.Server.Unavailable)
	return firstOf(strings.Join(why, "; "), "no whole transaction was traced")
}

// groupGap is how far what is with callees stands from what is a function's own.
const groupGap = 1

// leastNumber is how wide a column of numbers is, at least, for its head to be read.
const leastNumber = 7

// writeColumns aligns numbers by their right ends, in columns as wide as they need, and
// leaves the rest of the width to names. Six columns of numbers are two groups.
func writeColumns(b *bytes.Buffer, head []string, lines [][]string) {
	widths := make([]int, len(head))
	for _, line := range lines {
		for i, text := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	rest, half := shareWidth-len("  "), len(head)/2
	for i := 1; i < len(head); i++ {
		widths[i] = max(widths[i], leastNumber)
		if len(head) == 3 {
			widths[i] = max(widths[i], len(head[i]))
		}
		rest -= widths[i] + 1
		head[i] = shortName(head[i], widths[i])
	}
	rest -= groupGap
	widths[0] = max(len("function"), min(widths[0], rest))
	if len(head) > 3 {
		own, both := 2+widths[0]+3, groupGap+3
		for i := range half {
			own, both = own+widths[i+1], both+widths[half+i+1]
		}
		fmt.Fprintf(b, "%*s%*s\n", own, "its own", both, "with callees")
	}
	for _, line := range slices.Concat([][]string{head}, lines) {
		text := ""
		for i, cell := range line {
			switch {
			case i == 0:
				cell = shortName(cell, widths[0])
				text = "  " + cell + strings.Repeat(" ", widths[0]-utf8.RuneCountInString(cell))
				continue
			case i == half+1:
				text += strings.Repeat(" ", groupGap)
			}
			text += strings.Repeat(" ", 1+widths[i]-utf8.RuneCountInString(cell)) + cell
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
}

func (t *share) add(row share) { t.one, t.other = t.one+row.one, t.other+row.other }

// cells are a row's: what it takes by itself, and with what it called.
func (t share) cells(name string, two bool) []string {
	if !two {
		return []string{name, counted(t.one, false), t.knownOnly(counted(t.callees, false))}
	}
	return []string{
		name, counted(t.other, false), counted(t.one, false), counted(t.change(), true),
		t.knownOnly(counted(math.Round(t.beneath), false)), t.knownOnly(counted(math.Round(t.callees), false)), t.knownOnly(counted(math.Round(t.callees-t.beneath), true)),
	}
}

func (t share) knownOnly(text string) string {
	if !t.known {
		return ""
	}
	return text
}
