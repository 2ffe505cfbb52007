package report

import (
	"fmt"
	"slices"

	"github.com/testbed-lab/testbed/testbed"
)

// shown are the percentiles that a table may show.
var shown = []string{"p50", "p90", "p99", "p999"}

// notes say what a table's numbers do not say by themselves.
func notes(t testbed.TestResult) []note {
	all := []note{}
	for _, text := range slices.Concat(refusalNotes(t), effectNote(t), stoppingNote(t), voidedNote(t), leakNotes(t), halfNote(t)) {
		all = append(all, note{Text: text})
	}
	for _, name := range percentilesOf(t) {
		for _, text := range percentileNotes(t, name) {
			all = append(all, note{Text: text, Column: name})
		}
	}
	return all
}

// percentilesOf are the percentiles that a test's table shows: p99.9 only where a mode
// has it, for a short test has none; and of counts p99 likewise, whose 2,000 transactions
// of one seed have 20 beyond it, so that p90 is the tail.
func percentilesOf(t testbed.TestResult) []string {
	return slices.DeleteFunc(slices.Clone(shown), func(name string) bool {
		return (name == "p999" || name == "p99" && isCounted(t)) && !anyHas(t, name)
	})
}

func anyHas(t testbed.TestResult, metric string) bool {
	return slices.ContainsFunc(t.Modes, func(m testbed.ModeResult) bool {
		return m.Status == testbed.StatusOK && figureOf(&m, metric).Estimate != nil
	})
}

// percentileNotes say of which modes a percentile is pooled and of which it is
// missing, and why.
func percentileNotes(t testbed.TestResult, name string) []string {
	methods, missing, reasons := map[string][]string{}, []string{}, []string{}
	measured := 0
	for _, m := range t.Modes {
		if m.Status != testbed.StatusOK {
			continue
		}
		measured++
		e := *figureOf(&m, name)
		methods[e.Method] = append(methods[e.Method], m.Name)
		if e.Estimate == nil {
			missing, reasons = append(missing, m.Name), append(reasons, e.Reason)
		}
	}
	modes := list(missing)
	if measured > 2 && len(missing) == measured {
		modes = "any mode"
	}
	title := percentileTitle(name)
	return append(pooledNote(title, roundOf(t), methods), missingNote(title, modes, missing, reasons)...)
}

func percentileTitle(name string) string {
	if name == "p999" {
		return "p99.9"
	}
	return name
}

func pooledNote(name, round string, methods map[string][]string) []string {
	switch {
	case len(methods[methodPooled]) == 0:
		return nil
	case len(methods) > 1:
		return []string{fmt.Sprintf("* %s pooled over %ss: a block has under %d transactions beyond it", name, round, beyond)}
	}
	return []string{fmt.Sprintf("%s is pooled over %ss: a block has under %d transactions beyond it", name, round, beyond)}
}

func missingNote(name, modes string, missing, reasons []string) []string {
	switch {
	case len(missing) == 0:
		return nil
	case allEqual(reasons):
		return []string{fmt.Sprintf("no %s for %s: %s", name, modes, reasons[0])}
	}
	return []string{fmt.Sprintf("no %s for %s; for %s: %s", name, modes, missing[0], reasons[0])}
}

func allEqual(texts []string) bool {
	for _, text := range texts {
		if text != texts[0] {
			return false
		}
	}
	return true
}

// mixedMethods says for which percentiles some modes are pooled and some not, so
// that the pooled ones need a mark.
func mixedMethods(t testbed.TestResult) map[string]bool {
	mixed := map[string]bool{}
	for _, name := range shown {
		methods := map[string]bool{}
		for _, m := range t.Modes {
			if m.Status == testbed.StatusOK {
				methods[figureOf(&m, name).Method] = true
			}
		}
		mixed[name] = len(methods) > 1
	}
	return mixed
}
