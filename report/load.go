package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/report/figure"
	"github.com/testbed-lab/testbed/testbed"
)

// keptShare is the share of the load that has to be done for its schedule to be kept.
// Requests that left late are no sign of that: at 10,000 a second a tenth of the interval
// is 10 µs, which any busy machine takes.
const keptShare = 0.95

// load is what tests show together that differ in nothing but the rate of their open loop.
type load struct {
	table
	tests []int // In the result, by rate.
	cell  map[string]string
}

// loads are those with two rates at least, in the order of their first tests.
func loads(r testbed.Result) (all []load) {
	named := rateCoordinates(r)
	at := map[string]int{}
	for i, t := range r.Tests {
		if t.Load == nil {
			continue
		}
		cell := maps.Clone(t.Cell)
		maps.DeleteFunc(cell, func(name, _ string) bool { return named[name] })
		key := workloadKey(t, cell)
		if _, known := at[key]; !known {
			at[key] = len(all)
			all = append(all, load{cell: cell})
		}
		all[at[key]].tests = append(all[at[key]].tests, i)
	}
	for i := range all {
		slices.SortStableFunc(all[i].tests, func(a, b int) int { return cmp.Compare(r.Tests[a].Load.Rate, r.Tests[b].Load.Rate) })
	}
	all = slices.DeleteFunc(all, func(l load) bool {
		return r.Tests[l.tests[0]].Load.Rate == r.Tests[l.tests[len(l.tests)-1]].Load.Rate
	})
	for i := range all {
		all[i].table = loadTable(r, all[i])
	}
	return all
}

// workloadKey is the same for tests that differ in name and rate alone.
func workloadKey(t testbed.TestResult, cell map[string]string) string {
	key, err := json.Marshal([]any{t.Protocol, t.Engine, t.Request, t.Response, t.Settings, t.Load.Schedule, t.Unit, cell})
	if err != nil { // Plain data.
		panic(err)
	}
	return string(key)
}

// rateCoordinates are those of a matrix that choose the rate: cells that differ in no
// other have different rates.
func rateCoordinates(r testbed.Result) map[string]bool {
	named := map[string]bool{}
	for _, t := range r.Tests {
		for name := range t.Cell {
			if _, known := named[name]; !known {
				named[name] = choosesRate(r, name)
			}
		}
	}
	return named
}

func choosesRate(r testbed.Result, name string) bool {
	several := false
	for i, a := range r.Tests {
		for _, b := range r.Tests[i+1:] {
			if a.Load == nil || b.Load == nil || a.Name != b.Name || a.Cell[name] == b.Cell[name] {
				continue
			}
			restA, restB := maps.Clone(a.Cell), maps.Clone(b.Cell)
			delete(restA, name)
			delete(restB, name)
			if !maps.Equal(restA, restB) {
				continue
			}
			if several = true; a.Load.Rate == b.Load.Rate {
				return false
			}
		}
	}
	return several
}

// modesOf are the modes of a load's tests, each once.
func (l load) modesOf(r testbed.Result) (names []string) {
	for _, i := range l.tests {
		for _, m := range r.Tests[i].Modes {
			if !slices.Contains(names, m.Name) {
				names = append(names, m.Name)
			}
		}
	}
	return names
}

// loaded is a mode at a rate, and where it stands in the result.
type loaded struct {
	testbed.ModeResult
	test  testbed.TestResult
	index int    // The test's.
	at    string // The mode's place in the result.
}

// along is a mode rate by rate, where it was measured.
func (l load) along(r testbed.Result, name string) (all []loaded) {
	for _, i := range l.tests {
		for k, m := range r.Tests[i].Modes {
			if m.Name == name && m.Status == testbed.StatusOK {
				all = append(all, loaded{m, r.Tests[i], i, fmt.Sprintf("%s/modes/%d", testAt(i), k)})
			}
		}
	}
	return all
}

// short says that the schedule was missed: less was done than was to be offered.
func (m loaded) short() bool {
	return m.Rate.Estimate != nil && *m.Rate.Estimate < keptShare*m.test.Load.Rate
}

// late is the share of requests that left late, or never.
func (m loaded) late() float64 {
	return math.Min(1, float64(m.Missed)/math.Max(1, float64(m.Transactions)))
}

// loadTable is what the figure shows, in numbers.
func loadTable(r testbed.Result, l load) table {
	first := r.Tests[l.tests[0]]
	us := columnUnit(first.Unit)
	d := table{Test: "Latency against load", Cell: CellText(l.cell), Columns: []column{
		{Name: "mode", Title: "mode", Left: true}, {Name: "offered", Title: "offered", Unit: "/s"}, {Name: "done", Title: "done", Unit: "/s", Spare: 2},
		{Name: "p50", Title: "p50", Unit: us}, {Name: "p99", Title: "p99", Unit: us}, {Name: "late", Title: "late", Spare: 1},
	}}
	parts := append([]string{protocolText(first.Protocol)}, settingsTexts(first)...)
	d.Caption = strings.Join(append(parts, "open loop, "+first.Load.Schedule+", timed from the intended send",
		"late: requests that left later than intended by a tenth of the mean interval, or never"), " · ")
	for _, name := range l.modesOf(r) {
		for _, m := range l.along(r, name) {
			d.Rows = append(d.Rows, row{Mode: name, Status: testbed.StatusOK, Cells: []cell{
				{Text: name},
				{grouped(m.test.Load.Rate, fraction(m.test.Load.Rate)), testAt(m.index) + "/load/rate"},
				{rateCell(m.Rate), m.at + "/rate/estimate"},
				{latencyCell(m.P50, first.Unit, false), m.at + "/p50/estimate"},
				{latencyCell(m.P99, first.Unit, false), m.at + "/p99/estimate"},
				{fmt.Sprintf("%.1f%%", 100*m.late()), m.at + "/missed " + m.at + "/transactions"},
			}})
		}
	}
	return d
}

// panels are a panel a mode beside host, on one scale; of host alone, its own.
func (l load) panels(id string, r testbed.Result) (all []figure.Load) {
	first := r.Tests[l.tests[0]]
	factor := 1.0
	if first.Unit == testbed.UnitTime {
		factor = 1000
	}
	host := loadLines("host", hostMode, l.along(r, hostMode), factor)
	for i, name := range l.modesOf(r) {
		along := l.along(r, name)
		lines := append(slices.Clone(host), loadLines("mode", name, along, factor)...)
		if name == hostMode || len(along) == 0 || len(lines) == 0 {
			continue
		}
		all = append(all, figure.Load{
			ID: fmt.Sprintf("%s-mode-%d", id, i+1), Name: name, Unit: latencyUnit(first.Unit),
			Lines: lines,
			Desc:  fmt.Sprintf("p50 and p99 of %s and of host against the load offered.", name),
		})
	}
	if len(all) == 0 && len(host) > 0 {
		all = []figure.Load{{
			ID: id + "-host", Name: hostMode, Unit: latencyUnit(first.Unit), Lines: host,
			Desc: "p50 and p99 of host against the load offered.",
		}}
	}
	scaleLoads(all)
	return all
}

// loadLines are a mode's p50 and p99, where it has them.
func loadLines(class, name string, along []loaded, factor float64) (lines []figure.LoadLine) {
	for _, metric := range []string{"p50", "p99"} {
		line := figure.LoadLine{Class: class, Label: name + " " + metric}
		for _, m := range along {
			if e := *figureOf(&m.ModeResult, metric); e.Estimate != nil {
				line.Points = append(line.Points, figure.LoadPoint{
					Rate: m.test.Load.Rate, Latency: *e.Estimate / factor, Short: m.short(), From: m.at + "/" + metric + "/estimate",
				})
			}
		}
		if len(line.Points) > 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

// scaleLoads puts all panels on the same axes, with room around.
func scaleLoads(all []figure.Load) {
	var rates, latencies []float64
	for _, f := range all {
		for _, line := range f.Lines {
			for _, p := range line.Points {
				rates, latencies = append(rates, p.Rate), append(latencies, p.Latency)
			}
		}
	}
	for i := range all {
		all[i].Rate = figure.NewScale(slices.Min(rates)*0.9, slices.Max(rates)*1.1)
		all[i].Latency = figure.NewScale(slices.Min(latencies)*0.7, slices.Max(latencies)*1.4)
	}
}
