package report

import (
	"fmt"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// refusalNotes give the reasons of refusals that the table does not show by
// itself: an interval that touches the noise floor's is there to be seen.
func refusalNotes(t testbed.TestResult) []string {
	order, modes := []string{}, map[string][]string{}
	for _, m := range t.Modes {
		claim := m.Claims["p50"]
		ratio := m.RatioToHost["p50"]
		if !compared(m) || claim.Reason == "" || ratio.Estimate == nil || claim.Verdict == testbed.WithinNoise && touches(ratio, t.NoiseFloor) {
			continue
		}
		said := claim.Verdict + ": " + strings.TrimPrefix(claim.Reason, "no interval: ")
		if modes[said] == nil {
			order = append(order, said)
		}
		modes[said] = append(modes[said], m.Name)
	}
	texts := []string{}
	for _, said := range order {
		texts = append(texts, list(modes[said])+": "+said)
	}
	return texts
}

func touches(ratio, floor testbed.Estimate) bool {
	return ratio.Lo != nil && floor.Lo != nil && *ratio.Lo <= *floor.Hi && *ratio.Hi >= *floor.Lo
}

// effectNote says how small a difference these rounds would have shown, lest
// "within noise" be read as "the same".
func effectNote(t testbed.TestResult) []string {
	var least, most testbed.ModeResult
	effect := func(m testbed.ModeResult) *float64 { return m.Claims["p50"].MinimumEffect }
	for _, m := range t.Modes {
		if !compared(m) || effect(m) == nil {
			continue
		}
		if effect(least) == nil || *effect(m) < *effect(least) {
			least = m
		}
		if effect(most) == nil || *effect(m) > *effect(most) {
			most = m
		}
	}
	switch {
	case effect(least) == nil:
		return nil
	case ratioText(*effect(least)) == ratioText(*effect(most)):
		return []string{fmt.Sprintf("These %ss would show a ratio of %s in four of five runs", roundOf(t), ratioText(*effect(least)))}
	}
	return []string{fmt.Sprintf("These %ss would show a ratio from %s (%s) to %s (%s) in four of five runs", roundOf(t),
		ratioText(*effect(least)), least.Name, ratioText(*effect(most)), most.Name)}
}
