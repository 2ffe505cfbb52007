package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// voidedNote counts a test's blocks that do not count.
func voidedNote(t testbed.TestResult) []string {
	if len(t.Voided) == 0 {
		return nil
	}
	all, of := len(t.Voided), map[string]int{}
	for _, v := range t.Voided {
		of[v.Mode]++
	}
	modes := []string{}
	for _, m := range t.Modes {
		all += m.Blocks
		if n := of[m.Name]; n > 0 {
			modes = append(modes, fmt.Sprintf("%d of %s", n, m.Name))
		}
	}
	text := fmt.Sprintf("%d of %s voided", len(t.Voided), count(all, "block"))
	if len(modes) > 0 {
		text += ": " + list(modes)
	}
	return []string{text}
}

// voidedTexts list blocks that do not count, those of one mode and reason
// together.
func voidedTexts(r testbed.Result) []string {
	texts := []string{}
	for _, t := range r.Tests {
		title := strings.TrimSpace(t.Name + " " + bracketed(CellText(t.Cell)))
		order, rounds := []testbed.VoidedBlock{}, map[testbed.VoidedBlock][]int{}
		for _, v := range t.Voided {
			same := testbed.VoidedBlock{Mode: v.Mode, Reason: v.Reason}
			if rounds[same] == nil {
				order = append(order, same)
			}
			rounds[same] = append(rounds[same], v.Round+1)
		}
		for _, v := range order {
			texts = append(texts, fmt.Sprintf("%s: %s, %s: %s", title, v.Mode, inRounds(rounds[v]), v.Reason))
		}
	}
	return texts
}

// manyRounds are too many to name each.
const manyRounds = 6

func inRounds(rounds []int) string {
	switch n := len(rounds); {
	case n == 1:
		return fmt.Sprintf("round %d", rounds[0])
	case n >= manyRounds:
		return fmt.Sprintf("%d blocks from round %d to %d", n, rounds[0], rounds[n-1])
	}
	names := []string{}
	for _, n := range rounds {
		names = append(names, strconv.Itoa(n))
	}
	return "rounds " + list(names)
}

// rulesText states by which rules blocks were voided; empty of a result that
// does not say.
func rulesText(rules testbed.VoidRules) string {
	if rules == (testbed.VoidRules{}) {
		return ""
	}
	limits := []string{}
	if rules.Steal >= 0 {
		limits = append(limits, "steal > "+sharePercent(rules.Steal)+" of its CPU time")
	}
	if rules.Involuntary >= 0 {
		limits = append(limits, "involuntary context switches > "+sharePercent(rules.Involuntary)+" of its transactions")
	}
	if rules.Retransmits >= 0 {
		limits = append(limits, "TCP segments sent again > "+strconv.FormatInt(rules.Retransmits, 10))
	}
	if rules.ClockStep >= 0 {
		limits = append(limits, "a step of the wall clock > "+shortDuration(int64(rules.ClockStep)))
	}
	if len(limits) == 0 {
		return "The lab voids no block for interference; one that failed or contradicts itself does not count."
	}
	return "A block is voided where, on either end, " + strings.Join(limits, " or ") + ", and where it failed or contradicts itself."
}
