package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"github.com/testbed-lab/testbed/report/figure"
	"github.com/testbed-lab/testbed/testbed"
)

var (
	//go:embed page.gohtml
	pageSource string
	//go:embed page.css
	pageStyle string
	//go:embed page.js
	pageScript string

	pageTemplate = template.Must(template.New("page").Parse(pageSource))
)

// page is what the template draws.
type page struct {
	Lab         string
	Question    string
	Answer      string
	AnswerFrom  string // Its tests.
	Style       template.CSS
	Script      template.JS
	ScriptHash  string // By which the page's policy knows its script, and no other runs.
	Facts       []fact // On the first screen.
	FailedTitle string
	Failed      []failure
	Matrix      []matrixTable
	Loads       []pageLoad
	Tests       []pageTest
	Orders      []pageOrder
	Claims      []claims
	Warnings    []string
	Voided      []string
	Environment []factTable
	Timings     []fact
	Method      []string
	Command     string
	LabFile     string
	Version     string
}

// pageTest is a test's table with its figures.
type pageTest struct {
	ID string
	At string // Its place in the result.
	table
	Axis   template.HTML
	Rows   []pageRow
	Curves []template.HTML
	Tails  []template.HTML
	Rounds []template.HTML
	// Round is what the rounds are called.
	Round  string
	Flames []flamed
	Built  []built
}

// pageLoad is the latency of tests against their load.
type pageLoad struct {
	ID string
	table
	Panels []template.HTML
}

// pageOrder is the order of modes in this result and in another.
type pageOrder struct {
	ID, Title string
	Tables    []table
}

type pageRow struct {
	row
	Heads []column
	At    string // Its mode's place in the result.
	Strip template.HTML
}

// flamed is a mode's flame graph.
type flamed struct {
	Mode string
	SVG  template.HTML
}

// built is what a mode's set-up made.
type built struct {
	Mode  string
	Lines []string
}

// HTML draws a result as one page that needs nothing else and asks nobody; what its script
// adds (sorting, a filter) it can be read without. The curves are drawn from the blocks.
// Orders are of the modes in other results, beside which the result is drawn.
func HTML(w io.Writer, r testbed.Result, blocks []testbed.Block, orders ...testbed.Order) error {
	p := page{
		Lab: r.Lab, Question: firstOf(r.Description, r.Lab), Answer: answer(r), AnswerFrom: answerFrom(r),
		Style: template.CSS(pageStyle), Script: template.JS(pageScript), ScriptHash: ScriptHash(pageScript), Facts: rigFacts(r), Claims: claimLists(r),
		FailedTitle: failuresTitle(r), Failed: failures(r),
		Matrix: matrixTables(r), Warnings: r.Warnings, Voided: voidedTexts(r),
		Environment: environmentTables(r), Timings: timingFacts(r), Method: methodTexts(r),
		Command: reproduceCommand(r), LabFile: r.LabFile, Version: r.Tool.Version,
	}
	for i, o := range orders {
		p.Orders = append(p.Orders, pageOrder{ID: fmt.Sprintf("order-%d", i+1), Title: orderTitle(o), Tables: orderTables(o)})
	}
	for i, l := range loads(r) {
		drawn := pageLoad{ID: fmt.Sprintf("load-%d", i+1), table: l.table}
		for _, panel := range l.panels(drawn.ID, r) {
			drawn.Panels = append(drawn.Panels, template.HTML(panel.SVG()))
		}
		p.Loads = append(p.Loads, drawn)
	}
	trials := storedTrials(r, blocks)
	curves := curvesOf(trials)
	for i := range r.Tests {
		p.Tests = append(p.Tests, newPageTest(i, r, curves, trials[i]))
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return fmt.Errorf("draw page: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// ScriptHash is a source of a content security policy (CSP level 2).
func ScriptHash(script string) string {
	sum := sha256.Sum256([]byte(script))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func newPageTest(i int, r testbed.Result, curves map[string]curve, its *trial) pageTest {
	id, at, t := fmt.Sprintf("test-%d", i+1), testAt(i), r.Tests[i]
	d := pageTest{ID: id, At: at, table: newTable(t)}
	d.locate(at, t)
	scale := ratioScale(t)
	d.Axis = template.HTML(figure.StripAxis(scale))
	for _, r := range d.table.Rows {
		d.Rows = append(d.Rows, pageRow{row: r, Heads: d.Columns, At: at + modeAt(t, r.Mode), Strip: template.HTML(strip(scale, r, t, at))})
	}
	for _, m := range t.Modes {
		if len(m.Setup) > 0 {
			d.Built = append(d.Built, built{m.Name, m.Setup})
		}
	}
	for _, panel := range panels(id, t, curves) {
		panel.From = pointers("p50/estimate host/p50/estimate added_to_host/p50/estimate", at, t, panel.Mode.Name)
		d.Curves = append(d.Curves, template.HTML(panel.SVG()))
	}
	for _, f := range tails(id, t, curves) {
		d.Tails = append(d.Tails, template.HTML(f.SVG()))
	}
	for _, f := range roundPanels(id, t, its) {
		f.From = pointers("/rounds ratio_to_host/p50", at, t, f.Name)
		d.Rounds, d.Round = append(d.Rounds, template.HTML(f.SVG())), f.Axis
	}
	for _, f := range flames(t) {
		f.From = pointers("functions host/functions", at, t, f.Mode)
		d.Flames = append(d.Flames, flamed{f.Mode, template.HTML(f.SVG())})
	}
	return d
}
