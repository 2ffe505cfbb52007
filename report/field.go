package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// field is a column and how a mode fills it.
type field struct {
	column
	of   func(m testbed.ModeResult) string
	from func(m testbed.ModeResult) string // As [cell] has it; nil: no number of the result.
}

// mainFields are the columns of a test's own table.
func mainFields(t testbed.TestResult) []field {
	us := columnUnit(t.Unit)
	fields := []field{modeField}
	for _, name := range percentilesOf(t) {
		fields = append(fields, latencyField(t, name, column{Name: name, Title: percentileTitle(name), Unit: us, Spare: spares[name]}))
	}
	if isCounted(t) { // The median is the headline; of a path that is mostly the same, the mean says what the others take.
		fields = slices.Insert(fields, 2, meanField(t, 7))
	} else {
		fields = append(fields, field{column{Name: "rate", Title: "rate", Unit: "/s", Spare: 6}, func(m testbed.ModeResult) string { return rateCell(m.Rate) }, at("rate/estimate")})
	}
	return append(fields,
		field{column{Name: "added", Title: "added", Unit: us, Spare: 8}, func(m testbed.ModeResult) string { return addedCell(t, m) }, at("added_to_host/p50/estimate")},
		field{column{Name: "ratio", Title: "× host"}, ratioCell, ratioFrom},
		field{column{Name: "interval", Title: "95% interval", Spare: 4}, func(m testbed.ModeResult) string { return intervalText(ratioShown(t, m)) }, intervalFrom},
		field{column{Name: "verdict", Left: true, Spare: 3}, func(m testbed.ModeResult) string { return verdictCell(t, m) }, nil},
	)
}

// spares of the percentiles.
var spares = map[string]int{"p90": 9, "p99": 5, "p999": 10}

var modeField = field{column{Name: "mode", Title: "mode", Left: true}, func(m testbed.ModeResult) string { return m.Name }, nil}

// latencyField is a figure of the test's unit.
func latencyField(t testbed.TestResult, metric string, c column) field {
	mixed := mixedMethods(t)[metric]
	return field{c, func(m testbed.ModeResult) string { return latencyCell(*figureOf(&m, metric), t.Unit, mixed) }, at(metric + "/estimate")}
}

func meanField(t testbed.TestResult, spare int) field {
	return latencyField(t, "mean", column{Name: "mean", Title: "mean", Unit: columnUnit(t.Unit), Spare: spare})
}

func newRow(t testbed.TestResult, m testbed.ModeResult, fields []field) row {
	r := row{Mode: m.Name, Status: m.Status, Reason: m.Reason, Ratio: ratioShown(t, m), Host: m.Name == hostMode}
	if m.Status != testbed.StatusOK {
		return r
	}
	if !r.Host {
		r.Verdict = verdictOf(t, m)
	}
	for _, f := range fields {
		c := cell{Text: f.of(m)}
		if f.from != nil && strings.ContainsAny(c.Text, "0123456789") {
			c.From = f.from(m)
		}
		r.Cells = append(r.Cells, c)
	}
	return r
}

// ratioShown is a mode's ratio to host; in host's row the noise floor.
func ratioShown(t testbed.TestResult, m testbed.ModeResult) testbed.Estimate {
	if m.Name == hostMode {
		return t.NoiseFloor
	}
	return m.RatioToHost["p50"]
}

func verdictCell(t testbed.TestResult, m testbed.ModeResult) string {
	if m.Name == hostMode {
		return "noise floor"
	}
	v := verdictOf(t, m)
	if text, has := countedVerdicts[v]; has && isCounted(t) {
		return text
	}
	return string(v)
}

func latencyCell(e testbed.Estimate, unit string, mark bool) string {
	if e.Estimate == nil {
		return none
	}
	text := latency(*e.Estimate, unit)
	if mark && e.Method == methodPooled {
		text += "*"
	}
	return text
}

func rateCell(e testbed.Estimate) string {
	if e.Estimate == nil {
		return none
	}
	return perSecond(*e.Estimate)
}

func ratioCell(m testbed.ModeResult) string {
	if m.Name == hostMode {
		return "1"
	}
	return plainRatio(m.RatioToHost["p50"])
}

func plainRatio(e testbed.Estimate) string {
	if e.Estimate == nil {
		return none
	}
	return ratioText(*e.Estimate)
}

// addedCell is what a mode adds to host's p50, to the digits of host's.
func addedCell(t testbed.TestResult, m testbed.ModeResult) string {
	a, host := addedTo(t, m), hostOf(t)
	if m.Name == hostMode || a.Estimate == nil {
		return ""
	}
	return difference(*a.Estimate, *host.P50.Estimate, t.Unit)
}

func addedInterval(t testbed.TestResult, m testbed.ModeResult) string {
	a, host := addedTo(t, m), hostOf(t)
	if m.Name == hostMode || a.Lo == nil || a.Hi == nil {
		return ""
	}
	return fmt.Sprintf("[%s, %s]", difference(*a.Lo, *host.P50.Estimate, t.Unit), difference(*a.Hi, *host.P50.Estimate, t.Unit))
}

// addedTo is the paired difference to host's p50; of a result without, what the
// ratio makes of host's p50. Without a p50 of host there is none.
func addedTo(t testbed.TestResult, m testbed.ModeResult) testbed.Difference {
	host, ratio := hostOf(t), m.RatioToHost["p50"]
	if host.P50.Estimate == nil {
		return testbed.Difference{}
	}
	if a := m.AddedToHost["p50"]; a.Estimate != nil {
		return a
	}
	if ratio.Estimate == nil {
		return testbed.Difference{}
	}
	value := (*ratio.Estimate - 1) * *host.P50.Estimate
	return testbed.Difference{Estimate: &value}
}
