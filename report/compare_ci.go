package report

import (
	"fmt"
	"strings"

	"github.com/testbed-lab/testbed/report/ci"
	"github.com/testbed-lab/testbed/testbed"
)

// CompareSuites are comparisons as a build server takes them: what failed is a suite, and
// so is a test and cell, a mode of which is a case.
func CompareSuites(all []testbed.Comparison) (suites []ci.Suite) {
	for _, c := range all {
		of := ""
		if len(all) > 1 {
			of = " of " + sideTitle(c.New)
		}
		if len(c.Failed) > 0 {
			suites = append(suites, failingSuite(c, "what failed"+of))
		}
		start := len(suites)
		for _, m := range c.Modes {
			if m.Verdict == "" {
				continue
			}
			name := strings.TrimSpace(m.Test+" "+bracketed(CellText(m.Cell))) + of
			if len(suites) == start || suites[len(suites)-1].Name != name {
				suites = append(suites, ci.Suite{Name: name})
			}
			last := &suites[len(suites)-1]
			last.Cases = append(last.Cases, ci.Case{Name: m.Mode, Outcome: compareOutcomes[m.Verdict], Text: changeLine(c, m)})
		}
	}
	return suites
}

var compareOutcomes = map[string]ci.Outcome{testbed.Regression: ci.Fail, testbed.Different: ci.Fail, testbed.Broken: ci.Fail, testbed.Undecided: ci.Skip}

// changeLine is a row in words.
func changeLine(c testbed.Comparison, m testbed.Change) string {
	text := fmt.Sprintf("%s: %s", m.Verdict, c.Metric)
	if m.JudgedBy == testbed.JudgedToHost {
		text += " as a multiple of host's"
	}
	if e := judgedEstimate(m); e.Lo != nil {
		text += fmt.Sprintf(" %s [%s, %s], margin %s", changeText(*e.Estimate), changeText(*e.Lo), changeText(*e.Hi), percentText(c.Margin))
	}
	if least := leastText(m); least != "" {
		text += ", would see " + least
	}
	if m.Reason != "" {
		text += "; " + m.Reason
	}
	for _, reason := range c.Forced {
		text += "; FORCED: not comparable, " + reason
	}
	return text
}
