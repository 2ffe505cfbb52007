package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/testbed-lab/testbed/report/figure/paper"
	"github.com/testbed-lab/testbed/testbed"
)

// paperColumns is how many panels stand beside each other in a paper's figure.
const paperColumns = 3

// Paper writes what a paper takes from a result into a folder that exists: for each test
// a table (NAME.tex), and the distributions of its modes against host and their tails as
// figures (NAME-ecdf.tex, NAME-tail.tex) that take NAME-ecdf.pdf and NAME-tail.pdf; and
// where tests differ in their rate alone, latency against load (LAB-load.tex). .pgf is the
// same picture for documents that prefer their own font. It gives the files' names.
func Paper(dir string, r testbed.Result, blocks []testbed.Block) (names []string, err error) {
	curves := curvesOf(storedTrials(r, blocks))
	var files []file
	for i, t := range tables(r) {
		test := r.Tests[i]
		name := latexName(r, test)
		var text bytes.Buffer
		text.WriteString(latexPreamble)
		latexTable(&text, r, test, t)
		files = append(files, file{name + ".tex", text.Bytes()})
		for _, f := range paperFigures(name, r, test, curves) {
			figures, err := f.files()
			if err != nil {
				return nil, fmt.Errorf("draw %s: %w", f.name, err)
			}
			files = append(files, figures...)
		}
	}
	for i, l := range loads(r) {
		figures, err := l.paperFigure(r, i).files()
		if err != nil {
			return nil, fmt.Errorf("draw the load of %s: %w", r.Lab, err)
		}
		files = append(files, figures...)
	}
	for _, f := range files {
		if err := renameio.WriteFile(filepath.Join(dir, f.name), f.data, os.FileMode(0o644)); err != nil {
			return names, err
		}
		names = append(names, f.name)
	}
	return names, nil
}

// PaperNames are the names of a result's tables, without .tex: of two tests that are called
// alike there is one twice.
func PaperNames(r testbed.Result) (names []string) {
	for _, t := range r.Tests {
		names = append(names, latexName(r, t))
	}
	return names
}

// paperFigure is the panels of a figure.
type paperFigure struct {
	name   string // Of its files.
	text   string // Of its caption.
	panels []paper.Panel
}

// paperFigures are those of a test, none where no mode has blocks beside host's.
func paperFigures(name string, r testbed.Result, t testbed.TestResult, curves map[string]curve) (all []paperFigure) {
	what := "latency"
	if isCounted(t) {
		what = "instructions"
	}
	ecdf := paperFigure{name: name + "-ecdf", text: figureCaption(r, caption(t), t.Name+": share of transactions (ordinate) of at most some "+what+" (abscissa), in each mode (solid) and in host (dashed); dots are medians", t)}
	tail := paperFigure{name: name + "-tail", text: figureCaption(r, caption(t), t.Name+": share of transactions (ordinate, logarithmic) of more than some "+what+" (abscissa), in each mode (solid) and in host (dashed)", t)}
	for _, panel := range panels(name, t, curves) {
		ecdf.panels = append(ecdf.panels, panel)
	}
	for _, panel := range tails(name, t, curves) {
		tail.panels = append(tail.panels, panel)
	}
	for _, f := range []paperFigure{ecdf, tail} {
		if len(f.panels) > 0 {
			all = append(all, f)
		}
	}
	return all
}

// paperFigure is the load's figure; several of a lab are numbered.
func (l load) paperFigure(r testbed.Result, i int) paperFigure {
	f := paperFigure{name: strings.Trim(unnamed.ReplaceAllString(r.Lab+"-load", "-"), "-")}
	if i > 0 {
		f.name += fmt.Sprintf("-%d", i+1)
	}
	for _, panel := range l.panels(f.name, r) {
		f.panels = append(f.panels, panel)
	}
	tests := []testbed.TestResult{}
	for _, i := range l.tests {
		tests = append(tests, r.Tests[i])
	}
	f.text = figureCaption(r, strings.TrimPrefix(l.Cell+" · "+l.Caption, " · "), "p50 and p99 (ordinate) against the transactions a second that an open loop offers (abscissa), in each mode (solid) and in host (dashed); "+
		"crosses: the schedule was missed, and under 95% of that load done", tests...)
	return f
}

func (f paperFigure) files() ([]file, error) {
	var pdf, pgf bytes.Buffer
	if err := paper.PDF(&pdf, paperColumns, f.panels...); err != nil {
		return nil, err
	}
	if err := paper.PGF(&pgf, paperColumns, latexText, f.panels...); err != nil {
		return nil, err
	}
	text := fmt.Sprintf("%% Needs, in the preamble: \\usepackage{graphicx}\n%% With the document's own font: \\usepackage{pgf} and \\input{%s.pgf}\n"+
		"\\begin{figure*}\n  \\centering\n  \\includegraphics[width=\\textwidth]{%s.pdf}\n  \\caption{%s}\n  \\label{%s}\n\\end{figure*}\n",
		f.name, f.name, latexText(f.text), "fig:"+f.name)
	return []file{{f.name + ".pdf", pdf.Bytes()}, {f.name + ".pgf", pgf.Bytes()}, {f.name + ".tex", []byte(text)}}, nil
}

// figureCaption says what the curves are, and on how much they rest.
func figureCaption(r testbed.Result, workload, shows string, tests ...testbed.TestResult) string {
	var transactions int64
	for _, t := range tests {
		for _, m := range t.Modes {
			transactions += m.Transactions
		}
	}
	return fmt.Sprintf("%s. %s transactions in all, %s. %s.", shows, grouped(float64(transactions), 0), workload, rigText(r))
}

// rigText says on what a result was measured.
func rigText(r testbed.Result) string {
	text := machinesText(r)
	if kernels := kernelsOf(r); len(kernels) > 0 {
		text += ", Linux " + list(kernels)
	}
	if cpu := factText(r.Environment.Host["cpu_model"]); cpu != none {
		text += ", " + cpu
	}
	return text
}
