package report

import (
	"fmt"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// table is one test in one cell as rows and columns of text: what terminal,
// Markdown and page draw, so that they agree to the printed digit.
type table struct {
	Test    string
	Cell    string // Empty without a matrix.
	Caption string
	Columns []column
	Rows    []row
	Noise   string   // The noise floor in a sentence.
	Notes   []string // What the marks and gaps in the table mean.
}

// column is a heading. Where room is short the highest Spare goes first.
type column struct {
	Name  string // Stable.
	Title string
	Unit  string
	Spare int
	Left  bool // Words; numbers stand to the right.
}

// row is one mode.
type row struct {
	Mode    string
	Status  string
	Reason  string // Of a status other than ok.
	Verdict verdict
	Cells   []cell // One a column.
	Ratio   testbed.Estimate
	Host    bool
}

// cell is a printed number; the figure behind it stays with it.
type cell struct {
	Text   string
	Figure testbed.Estimate
}

// verdict is what may be said of a mode's p50 against host's.
type verdict string

const (
	slower      verdict = "slower"
	faster      verdict = "faster"
	withinNoise verdict = "within noise"
	noInterval  verdict = "no interval"
	noVerdict   verdict = ""
)

// tables of a result, in its order.
func tables(r testbed.Result) []table {
	all := []table{}
	for _, t := range r.Tests {
		all = append(all, newTable(t))
	}
	return all
}

func newTable(t testbed.TestResult) table {
	d := table{Test: t.Name, Cell: cellTitle(t.Cell), Caption: caption(t), Columns: columns(t.Unit), Noise: noiseText(t)}
	host := hostOf(t)
	for _, m := range t.Modes {
		d.Rows = append(d.Rows, newRow(t, m, host))
	}
	d.Notes = notes(t)
	return d
}

func columns(unit string) []column {
	us := latencyUnit(unit)
	return []column{
		{Name: "mode", Title: "mode", Left: true},
		{Name: "p50", Title: "p50", Unit: us},
		{Name: "p90", Title: "p90", Unit: us, Spare: 9},
		{Name: "p99", Title: "p99", Unit: us, Spare: 5},
		{Name: "rate", Title: "rate", Unit: "/s", Spare: 6},
		{Name: "added", Title: "added", Unit: us, Spare: 8},
		{Name: "ratio", Title: "× host"},
		{Name: "interval", Title: "95% interval", Spare: 4},
		{Name: "verdict", Title: "", Left: true, Spare: 3},
	}
}

func newRow(t testbed.TestResult, m, host testbed.ModeResult) row {
	r := row{Mode: m.Name, Status: m.Status, Reason: m.Reason, Ratio: m.RatioToHost["p50"], Host: m.Name == hostMode}
	if m.Status != testbed.StatusOK {
		return r
	}
	if r.Host {
		r.Ratio = t.NoiseFloor
	} else {
		r.Verdict = judgeRatio(r.Ratio, t.NoiseFloor)
	}
	pooled := mixedMethods(t)
	r.Cells = []cell{
		{Text: m.Name},
		{Text: latencyCell(m.P50, t.Unit, pooled["p50"]), Figure: m.P50},
		{Text: latencyCell(m.P90, t.Unit, pooled["p90"]), Figure: m.P90},
		{Text: latencyCell(m.P99, t.Unit, pooled["p99"]), Figure: m.P99},
		{Text: rateCell(m.Rate), Figure: m.Rate},
		{Text: addedCell(r, host, t.Unit)},
		{Text: ratioCell(r), Figure: r.Ratio},
		{Text: intervalText(r.Ratio)},
		{Text: string(r.Verdict)},
	}
	if r.Host {
		r.Cells[8].Text = "noise floor"
	}
	return r
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

func ratioCell(r row) string {
	switch {
	case r.Host:
		return "1"
	case r.Ratio.Estimate == nil:
		return none
	}
	return ratioText(*r.Ratio.Estimate)
}

// addedCell is what the mode adds to host's p50, by the paired ratio.
func addedCell(r row, host testbed.ModeResult, unit string) string {
	if r.Host || r.Ratio.Estimate == nil || host.P50.Estimate == nil {
		return ""
	}
	return difference(added(r.Ratio, host), *host.P50.Estimate, unit)
}

func added(ratio testbed.Estimate, host testbed.ModeResult) float64 {
	return (*ratio.Estimate - 1) * *host.P50.Estimate
}

func hostOf(t testbed.TestResult) testbed.ModeResult {
	for _, m := range t.Modes {
		if m.Name == hostMode {
			return m
		}
	}
	return testbed.ModeResult{}
}

func caption(t testbed.TestResult) string {
	parts := []string{
		protocolText(t.Protocol),
		fmt.Sprintf("%d B request, %d B response", t.Request, t.Response),
		count(t.Rounds, "round") + " of " + blockLength(t.Block),
	}
	if t.Load != nil {
		parts = append(parts, fmt.Sprintf("%s load of %s/s", t.Load.Schedule, perSecond(t.Load.Rate)))
	}
	return strings.Join(parts, " · ")
}

func protocolText(protocol string) string {
	switch protocol {
	case "tcp_rr":
		return "TCP request/response"
	case "udp_rr":
		return "UDP request/response"
	}
	return protocol
}

func noiseText(t testbed.TestResult) string {
	floor := t.NoiseFloor
	switch {
	case floor.Estimate == nil:
		return "Noise floor: unknown: " + floor.Reason
	case floor.Lo == nil:
		return fmt.Sprintf("Noise floor: host against itself %s; %s", ratioText(*floor.Estimate), floor.Reason)
	}
	return fmt.Sprintf("Noise floor: host against itself %s %s; what touches it is noise",
		ratioText(*floor.Estimate), intervalText(floor))
}
