// Package page draws a history as a page: series over time, with the changes of their
// levels, each point a link to the report of its result.
//
// It draws what it is given and judges nothing. One invariant: the page needs no network,
// and beside itself only the reports that its points link to.
package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"

	"github.com/testbed-lab/testbed/history"
	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/report/figure"
	"github.com/testbed-lab/testbed/testbed"
)

var (
	//go:embed page.gohtml
	source string
	//go:embed page.css
	style string
	//go:embed page.js
	script string

	pageTemplate = template.Must(template.New("history").Parse(source))
)

// ReportPath is where the page expects a result's report, relative to itself.
func ReportPath(id string) string { return "reports/" + id[:min(len(id), 16)] + ".html" }

// page is what the template draws.
type page struct {
	Style      template.CSS
	Script     template.JS
	ScriptHash string
	Version    string
	Answer     string
	Changes    []change
	Groups     []group
}

// group are the series of one test on one rig.
type group struct {
	ID, Title, Cell, Rig string
	Series               []drawn
}

type drawn struct {
	ID, Mode, Metric string
	Caption          string
	Figure           template.HTML
	Changes          []change
	Rows             []row
}

// change is a change point in words.
type change struct {
	Series, Of, Arrow, Size, P, Levels, Date, Kernels, Href string
	New                                                     bool
}

// row is a point in words.
type row struct {
	Date, Kernels, Value, Interval, Href, Mark string
}

// Write draws series that have been judged.
func Write(w io.Writer, series []history.Series, version string) error {
	p := page{
		Style: template.CSS(report.PageStyle() + style), Script: template.JS(script), ScriptHash: report.ScriptHash(script), Version: version,
	}
	for i, s := range series {
		if i == 0 || !history.Together(series[i-1], s) {
			p.Groups = append(p.Groups, group{ID: "test-" + s.ID, Title: s.Lab + ": " + s.Test, Cell: report.CellText(s.Cell), Rig: history.RigText(s.Rig)})
		}
		d, at := draw(s), len(p.Groups)-1
		p.Groups[at].Series = append(p.Groups[at].Series, d)
		p.Changes = append(p.Changes, d.Changes...)
	}
	p.Answer = answer(series, len(p.Changes))
	if err := pageTemplate.Execute(w, p); err != nil {
		return fmt.Errorf("draw history: %w", err)
	}
	return nil
}

func answer(series []history.Series, changes int) string {
	results, short := map[string]bool{}, 0
	for _, s := range series {
		for _, p := range s.Points {
			results[p.Result] = true
		}
		if s.TooShort {
			short++
		}
	}
	text := fmt.Sprintf("%s of %s, %s.", counted(len(series), "series", "series"), counted(len(results), "result", "results"), counted(changes, "change of level", "changes of level"))
	if short > 0 {
		text += fmt.Sprintf(" %d too short to judge.", short)
	}
	return text
}

func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

func draw(s history.Series) drawn {
	d := drawn{ID: "series-" + s.ID, Mode: s.Mode, Metric: history.MetricText(s.Metric)}
	f := figure.Trend{ID: d.ID + "-figure", Name: s.Mode + ", " + d.Metric + " over results"}
	factor := 1.0
	if s.Unit == testbed.UnitTime {
		factor, f.Unit = 1e-3, "µs"
	}
	marks := map[int]string{}
	for _, c := range s.Changes {
		one := changeOf(s, c)
		d.Changes = append(d.Changes, one)
		marks[c.Index] = one.Arrow + " " + one.Size + ", p " + one.P
		f.Marks = append(f.Marks, figure.TrendMark{At: c.Index, Before: c.Before * factor, After: c.After * factor, Text: marks[c.Index]})
	}
	for i, p := range s.Points {
		r := row{
			Date: history.DateText(p.Started), Kernels: strings.Join(p.Kernels, ", "), Value: report.ValueText(p.Value, s.Unit),
			Interval: history.IntervalText(p, s.Unit), Href: ReportPath(p.Result), Mark: marks[i],
		}
		d.Rows = append(d.Rows, r)
		point := figure.TrendPoint{Value: p.Value * factor, Lo: math.NaN(), Hi: math.NaN(), Date: p.Started.Format("2006-01-02"), Href: r.Href, Text: r.text()}
		if p.Lo != nil && p.Hi != nil {
			point.Lo, point.Hi = *p.Lo*factor, *p.Hi*factor
		}
		f.Points = append(f.Points, point)
	}
	first, last := d.Rows[0], d.Rows[len(d.Rows)-1]
	f.Desc = fmt.Sprintf("%s from %s to %s: %s, then %s; %s.", counted(len(d.Rows), "result", "results"), first.Date, last.Date, first.Value, last.Value, counted(len(d.Changes), "change of level", "changes of level"))
	d.Caption = fmt.Sprintf("%s; now %s", counted(len(d.Rows), "result", "results"), strings.TrimSpace(last.Value+" "+last.Interval))
	if s.TooShort {
		d.Caption += "; too short to judge"
	}
	d.Figure = template.HTML(f.SVG())
	return d
}

func (r row) text() string {
	text := r.Date + ": " + strings.TrimSpace(r.Value+" "+r.Interval)
	if r.Kernels != "" {
		text += ", Linux " + r.Kernels
	}
	if r.Mark != "" {
		text += "; " + r.Mark
	}
	return text
}

func changeOf(s history.Series, c history.Change) change {
	arrow := "▼"
	if c.Slower() {
		arrow = "▲"
	}
	at := s.Points[c.Index]
	of := s.Lab + ", " + s.Test
	if cell := report.CellText(s.Cell); cell != "" {
		of += " [" + cell + "]"
	}
	return change{
		Series: "series-" + s.ID, Of: of + ", " + s.Mode + " " + s.Metric,
		Arrow: arrow, Size: report.ChangeText(c.Change), P: history.PText(c.P), New: c.New,
		Levels: report.ValueText(c.Before, s.Unit) + " → " + report.ValueText(c.After, s.Unit),
		Date:   history.DateText(at.Started), Kernels: history.TurnText(s, c.Index), Href: ReportPath(c.Result),
	}
}
