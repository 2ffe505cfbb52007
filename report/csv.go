package report

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"

	"github.com/testbed-lab/testbed/testbed"
)

// csvColumns are the columns of [CSV]: one row a figure, so that a column means one
// thing and a table of any shape can be made of it.
var csvColumns = []string{
	"lab", "started", "test", "cell", "mode", "status", "figure", "metric", "unit", "estimate", "lo", "hi", "n", "method", "verdict", "reason",
}

// CSV writes the figures of results with a heading: every mode's own figures, its ratio
// and difference to host, and the noise floor, with their intervals. Numbers are those of
// result.json, to the last digit.
func CSV(w io.Writer, results ...testbed.Result) error {
	out := csv.NewWriter(w)
	rows := [][]string{csvColumns}
	for _, r := range results {
		for _, t := range r.Tests {
			rows = append(rows, csvTest(r, t)...)
		}
	}
	if err := out.WriteAll(rows); err != nil {
		return err
	}
	return out.Error()
}

func csvTest(r testbed.Result, t testbed.TestResult) (rows [][]string) {
	row := func(m testbed.ModeResult, figure, metric, unit, verdict string, e testbed.Estimate) {
		rows = append(rows, []string{
			r.Lab, r.Started.Format("2006-01-02T15:04:05Z"), t.Name, CellText(t.Cell), m.Name, m.Status, figure, metric, unit,
			exact(e.Estimate), exact(e.Lo), exact(e.Hi), countOf(e), e.Method, verdict, firstOf(m.Reason, e.Reason),
		})
	}
	for _, m := range t.Modes {
		if m.Status != testbed.StatusOK {
			row(m, "", "", "", "", testbed.Estimate{})
			continue
		}
		for _, metric := range MetricNames() {
			unit := t.Unit
			if metric == "rate" {
				unit = testbed.UnitRate
			}
			row(m, "value", metric, unit, "", *figureOf(&m, metric))
			if m.Name == hostMode {
				row(m, "noise floor", metric, "1", "", t.NoiseFloors[metric])
				continue
			}
			row(m, "ratio to host", metric, "1", m.Claims[metric].Verdict, m.RatioToHost[metric])
			if added, has := m.AddedToHost[metric]; has {
				row(m, "added to host", metric, unit, "", testbed.Estimate(added))
			}
		}
	}
	return slices.DeleteFunc(rows, func(row []string) bool { return isCounted(t) && row[7] == "rate" })
}

// exact is the shortest text that reads back as the same number.
func exact(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}

func countOf(e testbed.Estimate) string {
	if e.N == 0 {
		return ""
	}
	return strconv.Itoa(e.N)
}
