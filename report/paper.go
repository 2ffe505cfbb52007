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
// a table (NAME.tex), and the distributions of its modes against host as a figure
// (NAME-ecdf.tex) that takes NAME-ecdf.pdf; NAME-ecdf.pgf is the same picture for
// documents that prefer their own font. It gives the files' names.
func Paper(dir string, r testbed.Result, blocks []testbed.Block) (names []string, err error) {
	curves := curvesOf(blocks)
	var files []file
	for i, t := range tables(r) {
		test := r.Tests[i]
		name := strings.TrimPrefix(latexLabel(r, test), "tab:")
		var text bytes.Buffer
		text.WriteString(latexPreamble)
		latexTable(&text, r, test, t)
		files = append(files, file{name + ".tex", text.Bytes()})
		figures, err := paperFigure(name, r, test, curves)
		if err != nil {
			return nil, fmt.Errorf("draw %s: %w", name, err)
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

// paperFigure is empty where no mode has a distribution beside host's.
func paperFigure(name string, r testbed.Result, t testbed.TestResult, curves map[string]curve) ([]file, error) {
	var drawn []paper.Panel
	for _, panel := range panels(name, t, curves) {
		drawn = append(drawn, panel)
	}
	if drawn == nil {
		return nil, nil
	}
	var pdf, pgf bytes.Buffer
	if err := paper.PDF(&pdf, paperColumns, drawn...); err != nil {
		return nil, err
	}
	if err := paper.PGF(&pgf, paperColumns, latexText, drawn...); err != nil {
		return nil, err
	}
	text := fmt.Sprintf("%% Needs, in the preamble: \\usepackage{graphicx}\n%% With the document's own font: \\usepackage{pgf} and \\input{%s-ecdf.pgf}\n"+
		"\\begin{figure*}\n  \\centering\n  \\includegraphics[width=\\textwidth]{%s-ecdf.pdf}\n  \\caption{%s}\n  \\label{%s}\n\\end{figure*}\n",
		name, name, figureCaption(r, t), "fig:"+name)
	return []file{{name + "-ecdf.pdf", pdf.Bytes()}, {name + "-ecdf.pgf", pgf.Bytes()}, {name + "-ecdf.tex", []byte(text)}}, nil
}

// figureCaption says what the curves are, and on how much they rest.
func figureCaption(r testbed.Result, t testbed.TestResult) string {
	var transactions int64
	for _, m := range t.Modes {
		transactions += m.Transactions
	}
	what := "latency"
	if isCounted(t) {
		what = "instructions"
	}
	return latexText(fmt.Sprintf("%s: share of transactions (ordinate) of at most some %s (abscissa), in each mode (solid) and in host (dashed); dots are medians. %s transactions in all, %s.",
		t.Name, what, grouped(float64(transactions), 0), caption(t))) + " " + latexText(rigText(r)) + "."
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
