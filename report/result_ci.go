package report

import (
	"strings"

	"github.com/testbed-lab/testbed/report/ci"
	"github.com/testbed-lab/testbed/testbed"
)

// ResultSuites are a result as a build server takes it: its expectations are one suite,
// published results another, what failed another, and each test in each cell another, in
// which a mode passes that was measured.
func ResultSuites(r testbed.Result) (suites []ci.Suite) {
	for _, list := range claimLists(r) {
		suite := ci.Suite{Name: strings.ToLower(list.Title)}
		for _, c := range list.List {
			text := c.Word + ": " + c.That + "; " + c.Grounds
			if c.Source != "" {
				text += "; published: " + c.Source
			}
			suite.Cases = append(suite.Cases, ci.Case{
				Name: c.Name, Text: text,
				Outcome: map[string]ci.Outcome{testbed.Refuted: ci.Fail, testbed.Inconclusive: ci.Skip}[c.Verdict],
			})
		}
		suites = append(suites, suite)
	}
	if all := failures(r); len(all) > 0 {
		suite := ci.Suite{Name: strings.ToLower(failuresTitle(r))}
		for _, f := range all {
			suite.Cases = append(suite.Cases, ci.Case{Name: f.head(), Outcome: ci.Fail, Text: strings.Join(f.lines(), "; ")})
		}
		suites = append(suites, suite)
	}
	for _, t := range r.Tests {
		suite := ci.Suite{Name: strings.TrimSpace(t.Name + " " + bracketed(CellText(t.Cell)))}
		for _, m := range t.Modes {
			suite.Cases = append(suite.Cases, ci.Case{
				Name:    m.Name,
				Outcome: map[string]ci.Outcome{testbed.StatusFailed: ci.Fail, testbed.StatusUnsupported: ci.Skip}[m.Status],
				Text:    modeLine(t, m),
			})
		}
		suites = append(suites, suite)
	}
	return suites
}

// modeLine is a mode's headline in words.
func modeLine(t testbed.TestResult, m testbed.ModeResult) string {
	if m.Status != testbed.StatusOK {
		return joined(m.Status, m.Reason)
	}
	text := "p50 " + latencyCell(m.P50, t.Unit, false) + " " + latencyUnit(t.Unit)
	if ratio := ratioShown(t, m); m.Name != hostMode && ratio.Estimate != nil {
		text += ", " + strings.TrimSpace(ratioText(*ratio.Estimate)+" × host "+intervalText(ratio)) + ": " + verdictCell(t, m)
	}
	return text
}
