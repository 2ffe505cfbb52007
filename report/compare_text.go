package report

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// mostDiffering are the differences of the environment that are printed; JSON has all.
const mostDiffering = 12

// CompareTerminal draws comparisons for a person.
func CompareTerminal(w io.Writer, all []testbed.Comparison, opt TerminalOptions) error {
	p := newPen(w, opt)
	for i, c := range all {
		if i > 0 {
			p.line()
		}
		p.paragraph("", compareTitle(c), bold)
		p.paragraph("", compareAnswer(c), bold)
		for _, text := range c.Forced {
			p.paragraph("", "FORCED: not comparable, "+text, red)
		}
		for _, t := range compareTables(c) {
			p.table(t)
		}
		for _, section := range compareSections(c) {
			p.line()
			p.line(p.styled(section.title, bold))
			for _, text := range section.texts {
				p.paragraph("  · ", text, normal)
			}
		}
	}
	return p.w.Flush()
}

// CompareMarkdown draws comparisons for a comment.
func CompareMarkdown(w io.Writer, all []testbed.Comparison) error {
	var b bytes.Buffer
	for _, c := range all {
		fmt.Fprintf(&b, "## %s\n\n**%s**\n", markdownText(compareTitle(c)), markdownText(compareAnswer(c)))
		for _, text := range c.Forced {
			fmt.Fprintf(&b, "\n**Forced: not comparable, %s**\n", markdownText(text))
		}
		for _, t := range compareTables(c) {
			markdownTable(&b, t, "###")
		}
		for _, section := range compareSections(c) {
			markdownList(&b, section.title, section.texts)
		}
		fmt.Fprintln(&b)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// CompareJSON writes comparisons as a list, whose schema is that of "comparison".
func CompareJSON(w io.Writer, all []testbed.Comparison) error {
	return writeIndented(w, all)
}

func compareTitle(c testbed.Comparison) string {
	return fmt.Sprintf("%s against %s", sideTitle(c.New), sideTitle(c.Base))
}

func sideTitle(s testbed.Side) string {
	text := strings.TrimSpace(s.Path + " " + bracketed(CellText(s.Cell)))
	if len(s.Kernels) == 1 {
		text += " (Linux " + s.Kernels[0] + ")"
	}
	return text
}

// compareAnswer is the verdict in a sentence.
func compareAnswer(c testbed.Comparison) string {
	by := map[string][]string{}
	for _, m := range c.Modes {
		by[m.Verdict] = append(by[m.Verdict], m.Mode+compareChange(m))
	}
	var parts []string
	for _, one := range []struct{ verdict, text string }{
		{testbed.Broken, "failed where the base did not"},
		{testbed.Regression, "worse by more than " + percentText(c.Margin)},
		{testbed.Different, "different by more than " + percentText(c.Margin)},
		{testbed.Reproduced, "reproduced within " + percentText(c.Margin)},
		{testbed.Improvement, "better by more than " + percentText(c.Margin)},
		{testbed.Undecided, "undecided"}, {testbed.Equal, "equal within " + percentText(c.Margin)},
	} {
		if names := by[one.verdict]; len(names) > 4 {
			parts = append(parts, fmt.Sprintf("%s %s", count(len(names), "row"), one.text))
		} else if len(names) > 0 {
			parts = append(parts, list(names)+" "+one.text)
		}
	}
	if len(c.Failed) > 0 && len(by[testbed.Broken]) == 0 {
		parts = slices.Insert(parts, 0, count(len(c.Failed), "failure")+", listed below")
	}
	return strings.ToUpper(c.Verdict[:1]) + c.Verdict[1:] + ": " + firstOf(strings.Join(parts, "; "), "nothing was measured on both sides") + "."
}

// compareChange is a row's change in brackets, where it is known.
func compareChange(m testbed.Change) string {
	if e := judgedEstimate(m); e.Estimate != nil && e.Lo != nil && m.Verdict != testbed.Equal && m.Verdict != testbed.Reproduced {
		return " (" + changeText(*e.Estimate) + ")"
	}
	return ""
}

// judgedEstimate is the change that the verdict is about.
func judgedEstimate(m testbed.Change) testbed.Estimate {
	if m.JudgedBy == testbed.JudgedToHost && m.Verdict != "" {
		return m.ToHost
	}
	return m.Itself
}

// leastColumn is the smallest change that would have been found.
const leastColumn = "least"

// compareTables are one a test and cell.
func compareTables(c testbed.Comparison) []table {
	var all []table
	for _, m := range c.Modes {
		cell := CellText(m.Cell)
		if len(all) == 0 || all[len(all)-1].Test != m.Test || all[len(all)-1].Cell != cell {
			all = append(all, compareTable(c, m))
		}
		t := &all[len(all)-1]
		t.Rows = append(t.Rows, compareRow(m))
		if m.Reason != "" && m.Verdict != "" {
			t.Notes = append(t.Notes, note{Text: m.Mode + ": " + m.Reason})
		}
		if text := functionsText(m); text != "" {
			t.Notes = append(t.Notes, note{Text: text})
		}
	}
	for i := range all {
		all[i].Notes = append(leastNotes(all[i]), sameNotes(all[i].Notes, len(all[i].Rows))...)
	}
	return all
}

// leastNotes say what each row would see, for where there is no room for the column.
func leastNotes(t table) []note {
	at := slices.IndexFunc(t.Columns, func(c column) bool { return c.Name == leastColumn })
	var texts []string
	for _, r := range t.Rows {
		if least := r.Cells[at].Text; least != "" {
			texts = append(texts, r.Mode+" "+least)
		}
	}
	if len(texts) == 0 {
		return nil
	}
	return []note{{Text: "would see: " + strings.Join(texts, ", "), Instead: leastColumn}}
}

func compareTable(c testbed.Comparison, m testbed.Change) table {
	change := "change"
	caption := fmt.Sprintf("%s, new over base · margin %s", c.Metric, percentText(c.Margin))
	if m.Unit == testbed.UnitInstructions {
		caption += " · " + countedCaption
	}
	if m.JudgedBy == testbed.JudgedToHost {
		change = "change of × host"
		caption += " · judged by the ratio to host, in the same rounds"
	}
	us := compareUnit(m.Unit)
	return table{
		Test: m.Test, Cell: CellText(m.Cell), Caption: caption,
		Columns: []column{
			{Name: "mode", Title: "mode", Left: true},
			{Name: "base", Title: "base", Unit: us, Spare: 8}, {Name: "new", Title: "new", Unit: us, Spare: 7},
			{Name: "change", Title: change}, {Name: "interval", Title: "95% interval", Spare: 4},
			{Name: leastColumn, Title: "would see", Spare: 9}, {Name: "verdict", Left: true},
		},
	}
}

func compareUnit(unit string) string {
	if unit == testbed.UnitRate {
		return "/s"
	}
	return columnUnit(unit)
}

func compareRow(m testbed.Change) row {
	e := judgedEstimate(m)
	r := row{Mode: m.Mode, Status: testbed.StatusOK, Host: m.Mode == hostMode, Verdict: map[string]verdict{
		testbed.Regression: slower, testbed.Improvement: faster, testbed.Different: slower, testbed.Broken: slower, testbed.Undecided: noInterval, testbed.Equal: withinNoise, testbed.Reproduced: withinNoise,
	}[m.Verdict]}
	change, interval := none, ""
	if e.Estimate != nil {
		change = changeText(*e.Estimate)
	}
	if e.Lo != nil {
		interval = fmt.Sprintf("[%s, %s]", changeText(*e.Lo), changeText(*e.Hi))
	}
	for _, text := range []string{m.Mode, figureText(m.Base, m.Unit), figureText(m.New, m.Unit), change, interval, leastText(m), firstOf(m.Verdict, "reference")} {
		r.Cells = append(r.Cells, cell{Text: text})
	}
	return r
}

// leastText is the smallest change for the worse that would have been found.
func leastText(m testbed.Change) string {
	switch {
	case m.MinimumEffect == nil:
		return ""
	case m.Unit == testbed.UnitRate: // Fewer are worse.
		return changeText(1 / *m.MinimumEffect)
	}
	return changeText(*m.MinimumEffect)
}

func figureText(e testbed.Estimate, unit string) string {
	switch {
	case e.Estimate == nil:
		return none
	case unit == testbed.UnitRate:
		return perSecond(*e.Estimate)
	}
	return latency(*e.Estimate, unit)
}

// changeText is a ratio as a change in per cent: 1.021 is +2.1%. Small ones have more
// digits, as far as four say something.
func changeText(ratio float64) string {
	percent := 100 * (ratio - 1)
	digits := 1
	if math.Abs(percent) < 1 {
		digits = 2
	}
	text := grouped(math.Abs(percent), digits)
	switch {
	case percent == 0:
		return "0%"
	case percent < 0:
		return "−" + text + "%"
	}
	return "+" + text + "%"
}

// percentText is a share: 0.02 is 2%.
func percentText(share float64) string {
	return strconv.FormatFloat(100*share, 'g', 4, 64) + "%"
}

// functionsText says which functions a change is made of.
func functionsText(m testbed.Change) string {
	if len(m.Functions) == 0 {
		return ""
	}
	var parts []string
	for _, f := range m.Functions {
		parts = append(parts, f.Name+" "+counted(f.New-f.Base, true))
	}
	return fmt.Sprintf("%s: instructions a transaction by function: %s", m.Mode, list(parts))
}

// mostNamed modes are named before a sentence; of more the number is given.
const mostNamed = 6

// sameNotes puts modes of one reason together.
func sameNotes(notes []note, rows int) []note {
	var order []string
	modes := map[string][]string{}
	for _, n := range notes {
		mode, reason, _ := strings.Cut(n.Text, ": ")
		if modes[reason] == nil {
			order = append(order, reason)
		}
		modes[reason] = append(modes[reason], mode)
	}
	var all []note
	for _, reason := range order {
		who := list(modes[reason])
		switch n := len(modes[reason]); {
		case n == rows && n > 1:
			who = "every mode"
		case n > mostNamed:
			who = count(n, "mode")
		}
		all = append(all, note{Text: who + ": " + reason})
	}
	return all
}

type section struct {
	title string
	texts []string
}

func compareSections(c testbed.Comparison) (all []section) {
	if len(c.Failed) > 0 {
		all = append(all, section{"What failed", failingTexts(c)})
	}
	if len(c.Unmatched) > 0 {
		all = append(all, section{"Not compared", c.Unmatched})
	}
	var texts []string
	for _, d := range c.Environment[:min(len(c.Environment), mostDiffering)] {
		texts = append(texts, fmt.Sprintf("%s: %s → %s", d.What, shorten(d.Base, longestFact), shorten(d.New, longestFact)))
	}
	if more := len(c.Environment) - len(texts); more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more (--format json has all)", more))
	}
	if len(texts) > 0 {
		all = append(all, section{"What else differs, the most suspicious first", texts})
	}
	return all
}

// longestFact is how much of a fact is printed.
const longestFact = 48

// grown are the functions that a change of instructions is mostly made of.
func grown(base, other testbed.ModeResult) []testbed.FunctionChange {
	if base.Functions == nil || other.Functions == nil || base.Mean.Estimate == nil || other.Mean.Estimate == nil {
		return nil
	}
	size := math.Abs(*other.Mean.Estimate - *base.Mean.Estimate)
	var found []testbed.FunctionChange
	for _, row := range shares(other, &base) {
		if len(found) < mostReasons && math.Abs(row.change()) >= leastShareOf*size && row.change() != 0 {
			found = append(found, testbed.FunctionChange{Name: row.name, Base: row.other, New: row.one})
		}
	}
	return found
}
