package report

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// latexPreamble is what a document that has the tables needs.
const latexPreamble = `% Needs, in the preamble: \usepackage{booktabs,siunitx}` + "\n"

// LaTeX writes a table a test, to be taken into a paper with \input: the numbers that the
// other drawings print, with intervals, marks for what may be claimed, and a caption that
// says on what they rest.
func LaTeX(w io.Writer, results ...testbed.Result) error {
	var b bytes.Buffer
	b.WriteString(latexPreamble)
	for _, r := range results {
		for i, t := range tables(r) {
			latexTable(&b, r, r.Tests[i], t)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// latexColumns are the columns of a paper's table, by name, where a test has them.
var latexColumns = []string{"mode", "p50", "mean", "p90", "p99", "p999", "rate", "ratio", "interval"}

func latexTable(b *bytes.Buffer, r testbed.Result, test testbed.TestResult, t table) {
	var kept []int
	for _, name := range latexColumns {
		for i, c := range t.Columns {
			if c.Name == name && (i == 0 || anyNumber(t, i)) {
				kept = append(kept, i)
			}
		}
	}
	fmt.Fprintf(b, "\n\\begin{table}\n  \\centering\n  \\caption{%s}\n  \\label{%s}\n", latexCaption(r, test, t), "tab:"+latexName(r, test))
	format, heads := "", []string{}
	for _, i := range kept {
		format += latexFormat(t, i)
		heads = append(heads, "{"+latexHead(t.Columns[i])+"}")
	}
	fmt.Fprintf(b, "  \\begin{tabular}{%s}\n    \\toprule\n    %s \\\\\n    \\midrule\n", format, strings.Join(heads, " & "))
	for _, row := range t.Rows {
		fmt.Fprintf(b, "    %s \\\\\n", latexRow(t, row, kept))
	}
	fmt.Fprintf(b, "    \\bottomrule\n  \\end{tabular}\n\\end{table}\n")
}

func anyNumber(t table, i int) bool {
	for _, row := range t.Rows {
		if text := cellText(t, row, i); text != "" && text != none {
			return true
		}
	}
	return false
}

// latexFormat aligns numbers at their decimal points.
func latexFormat(t table, i int) string {
	if t.Columns[i].Left {
		return "l"
	}
	if t.Columns[i].Name == "interval" {
		return "c"
	}
	whole, fraction := 1, 0
	for _, row := range t.Rows {
		text := strings.Trim(strings.ReplaceAll(cellText(t, row, i), ",", ""), "*")
		before, after, _ := strings.Cut(text, ".")
		if text != none {
			whole, fraction = max(whole, len(before)), max(fraction, len(after))
		}
	}
	return fmt.Sprintf("S[table-format=%d.%d]", whole, fraction)
}

func latexHead(c column) string {
	title := latexText(c.Title)
	switch c.Unit {
	case "µs":
		return title + " / \\unit{\\micro\\second}"
	case "/s":
		return title + " / \\unit{\\per\\second}"
	case "":
		return strings.ReplaceAll(title, "×", "$\\times$")
	}
	return title + " / " + latexText(c.Unit)
}

func latexRow(t table, row row, kept []int) string {
	if row.Status != testbed.StatusOK && len(kept) == 1 { // As every other one.
		return fmt.Sprintf("%s (%s)", latexText(row.Mode), latexText(row.Status))
	}
	if row.Status != testbed.StatusOK {
		return fmt.Sprintf("%s & \\multicolumn{%d}{l}{%s}", latexText(row.Mode), len(kept)-1, latexText(row.Status))
	}
	var cells []string
	for _, i := range kept {
		text := cellText(t, row, i)
		switch {
		case i == 0:
			cells = append(cells, latexText(text)+latexMark(row))
		case t.Columns[i].Name == "interval":
			cells = append(cells, latexInterval(text))
		case text == none:
			cells = append(cells, "{---}")
		case text == "":
			cells = append(cells, "")
		default:
			pooled := strings.HasSuffix(text, "*")
			number := strings.ReplaceAll(strings.Trim(text, "*"), ",", "")
			if pooled {
				number += "{\\textsuperscript{p}}"
			}
			cells = append(cells, number)
		}
	}
	return strings.Join(cells, " & ")
}

// latexMark stands behind a mode of which something may be claimed.
func latexMark(row row) string {
	if row.Verdict == slower || row.Verdict == faster {
		return "\\textsuperscript{*}"
	}
	return ""
}

var number = regexp.MustCompile(`[0-9][0-9,]*(\.[0-9]+)?`)

func latexInterval(text string) string {
	return number.ReplaceAllStringFunc(text, func(n string) string {
		return "\\num{" + strings.ReplaceAll(n, ",", "") + "}"
	})
}

// latexCaption says what the numbers are and on what they rest.
func latexCaption(r testbed.Result, t testbed.TestResult, drawn table) string {
	parts := []string{caption(t)}
	if cell := CellText(t.Cell); cell != "" {
		parts = append([]string{cell}, parts...)
	}
	sentences := []string{
		latexText(t.Name) + ": " + latexText(strings.Join(parts, "; ")),
		fmt.Sprintf("Intervals of 95\\%% over %s, of the ratio to host; in host's row that of host against itself, the noise floor", unitOf(t)),
		"\\textsuperscript{*}: differs from host, corrected over modes, and is clear of the noise floor",
		latexText(rigText(r)),
	}
	if hasPooled(drawn) {
		sentences = append(sentences, "\\textsuperscript{p}: pooled over "+roundOf(t)+"s")
	}
	return strings.Join(sentences, ". ") + "."
}

// unitOf is what an interval is over.
func unitOf(t testbed.TestResult) string {
	switch {
	case isCounted(t):
		return "seeds"
	case t.Boots > 1:
		return "boots"
	}
	return "rounds"
}

// hasPooled says that a figure is marked as pooled over rounds.
func hasPooled(t table) bool {
	return slices.ContainsFunc(t.Rows, func(r row) bool {
		return slices.ContainsFunc(r.Cells, func(c cell) bool { return strings.Contains(c.Text, "*") })
	})
}

// unnamed is what a label and a file's name do without.
var unnamed = regexp.MustCompile(`[^A-Za-z0-9]+`)

// latexName is how a test's table is called, as a file and after "tab:".
func latexName(r testbed.Result, t testbed.TestResult) string {
	return strings.Trim(unnamed.ReplaceAllString(r.Lab+"-"+t.Name+"-"+CellText(t.Cell), "-"), "-")
}

var latexEscaper = strings.NewReplacer(
	"\\", "\\textbackslash{}", "{", "\\{", "}", "\\}", "$", "\\$", "&", "\\&", "#", "\\#", "%", "\\%", "_", "\\_",
	"^", "\\textasciicircum{}", "~", "\\textasciitilde{}", "µ", "\\textmu{}", "×", "$\\times$", "·", "$\\cdot$", "—", "---", "−", "$-$", "→", "$\\to$",
)

func latexText(s string) string { return latexEscaper.Replace(oneLine(plain(s))) }
