package report

import (
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// besideTables set each other engine's figures beside ours, of the modes that it
// measured.
func besideTables(t testbed.TestResult) []table {
	all := []table{}
	for _, engine := range enginesOf(t) {
		only := t
		only.Modes = nil
		for _, m := range t.Modes {
			if seen(m, engine) != nil && m.Status == testbed.StatusOK {
				only.Modes = append(only.Modes, m)
			}
		}
		d := tableOf(only, besideFields(t.Unit, engine))
		d.Test, d.Cell, d.Caption = t.Name+" beside "+engine, CellText(t.Cell), besideCaption(only, engine)
		for i := range d.Rows { // A verdict is about host, and no ratio here is to host.
			d.Rows[i].Verdict, d.Rows[i].Host = noVerdict, false
		}
		all = append(all, d)
	}
	return all
}

// enginesOf lists other engines in the order in which the modes name them.
func enginesOf(t testbed.TestResult) []string {
	names := []string{}
	for _, m := range t.Modes {
		for _, e := range m.Beside {
			if m.Status == testbed.StatusOK && !slices.Contains(names, e.Engine) {
				names = append(names, e.Engine)
			}
		}
	}
	return names
}

// seen is a mode as an engine saw it; nil: it did not.
func seen(m testbed.ModeResult, engine string) *testbed.EngineResult {
	i := slices.IndexFunc(m.Beside, func(e testbed.EngineResult) bool { return e.Engine == engine })
	if i < 0 {
		return nil
	}
	return &m.Beside[i]
}

func besideFields(unit, engine string) []field {
	theirs := func(text func(testbed.EngineResult) string) func(testbed.ModeResult) string {
		return func(m testbed.ModeResult) string { return text(*seen(m, engine)) }
	}
	from := func(paths ...string) func(testbed.ModeResult) string { return besideFrom(engine, paths...) }
	return []field{
		modeField,
		{column{Name: "p50", Title: "p50", Unit: latencyUnit(unit)}, func(m testbed.ModeResult) string { return latencyCell(m.P50, unit, false) }, at("p50/estimate")},
		{column{Name: "theirs", Title: engine}, theirs(func(e testbed.EngineResult) string { return latencyCell(e.Figures["p50"], unit, false) }), from("figures/p50/estimate")},
		{column{Name: "ratio", Title: "ratio"}, theirs(func(e testbed.EngineResult) string { return plainRatio(e.RatioToOurs["p50"]) }), from("ratio_to_ours/p50/estimate")},
		{column{Name: "interval", Title: "95% interval", Spare: 8}, theirs(func(e testbed.EngineResult) string { return intervalText(e.RatioToOurs["p50"]) }), from("ratio_to_ours/p50/lo", "ratio_to_ours/p50/hi")},
		{column{Name: "rate", Title: "rate", Unit: "/s", Spare: 6}, func(m testbed.ModeResult) string { return rateCell(m.Rate) }, at("rate/estimate")},
		{column{Name: "theirs", Title: engine, Spare: 7}, theirs(func(e testbed.EngineResult) string { return rateCell(e.Figures["rate"]) }), from("figures/rate/estimate")},
		{column{Name: "ratio", Title: "ratio", Spare: 5}, theirs(func(e testbed.EngineResult) string { return plainRatio(e.RatioToOurs["rate"]) }), from("ratio_to_ours/rate/estimate")},
		{column{Name: "interval", Title: "95% interval", Spare: 9}, theirs(func(e testbed.EngineResult) string { return intervalText(e.RatioToOurs["rate"]) }), from("ratio_to_ours/rate/lo", "ratio_to_ours/rate/hi")},
	}
}

// besideCaption says which program it was, and what its figures are not.
func besideCaption(t testbed.TestResult, engine string) string {
	versions := []string{}
	for _, m := range t.Modes {
		if v := seen(m, engine).Version; v != "" && !slices.Contains(versions, v) {
			versions = append(versions, v)
		}
	}
	name := engine
	if len(versions) > 0 {
		name = list(versions)
		if !strings.HasPrefix(name, engine) {
			name = engine + " " + name
		}
	}
	parts := []string{name + " in the same modes and rounds", "ratio: ours over " + engine + "'s, paired by round"}
	switch {
	case engine == "netperf":
		parts = append(parts, "netperf's percentiles are whole µs")
	case engine == "sockperf" && t.Request == shortestSockperf:
		parts = append(parts, "messages of 14 B, the shortest that sockperf sends")
	}
	return strings.Join(parts, " · ")
}

// shortestSockperf is the length of sockperf's own header, in bytes.
const shortestSockperf = 14
