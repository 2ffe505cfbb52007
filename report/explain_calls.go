package report

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// explainTwo says what one does that the other does not: in instructions where they were
// counted, and in calls where they were traced.
func explainTwo(b *bytes.Buffer, c explanation, all bool) error {
	uncounted := c.uncounted()
	if uncounted == nil {
		b.WriteString(c.title() + "\n\n")
		writeShares(b, c.one, c.other, all)
	}
	mine, others := tracedOf(c.one), tracedOf(*c.other)
	switch {
	case len(mine) > 0 && len(others) > 0:
	case uncounted == nil:
		return nil // The note on callees has said it.
	case c.mode != "":
		return uncounted
	case c.one.Evidence == nil || c.other.Evidence == nil:
		return fmt.Errorf("there is no evidence of both modes in test %q: it has evidence = false", c.test.Name)
	default:
		why := slices.Concat(c.one.Evidence.Client.Unavailable, c.other.Evidence.Client.Unavailable)
		return fmt.Errorf("no calls were traced: %s", strings.Join(why, "; "))
	}
	if uncounted == nil {
		b.WriteByte('\n')
	}
	fmt.Fprintf(b, "%s: calls per transaction, both ends, medians\n", c.pair())
	writeCalls(b, c.one.Name, mine, others, all)
	if why := firstOf(c.one.Uncounted, c.other.Uncounted); why != "" {
		fmt.Fprintf(b, "\nno instructions by function: %s\n", why)
	}
	return nil
}

func tracedOf(m testbed.ModeResult) map[string]float64 {
	if m.Evidence == nil {
		return nil
	}
	return callsTogether(*m.Evidence)
}

// fewCalls are as many as are listed whole; of more, landmarks unless all are asked for.
const fewCalls = 25

type callChange struct {
	name       string
	from, to   float64
	difference float64
}

// writeCalls lists functions that are called more often here than there, and less often,
// the largest difference first, of both ends together.
func writeCalls(b *bytes.Buffer, name string, mine, others map[string]float64, all bool) {
	more, less := callChanges(mine, others)
	if more == nil && less == nil {
		fmt.Fprintf(b, "\nno difference\n")
	}
	for _, part := range []struct {
		title   string
		changes []callChange
	}{{name + " does more", more}, {name + " does less", less}} {
		if len(part.changes) == 0 {
			continue
		}
		sum := 0.0
		for _, c := range part.changes {
			sum += c.difference
		}
		fmt.Fprintf(b, "\n%s: %+g calls of %s\n", part.title, sum, count(len(part.changes), "function"))
		left := 0
		for _, c := range part.changes {
			if !all && len(part.changes) > fewCalls && !landmark.MatchString(c.name) {
				left++
				continue
			}
			fmt.Fprintf(b, "  %+5g  %-44s %g → %g\n", c.difference, c.name, c.from, c.to)
		}
		if left > 0 {
			fmt.Fprintf(b, "  %d more (--all)\n", left)
		}
	}
}

func callChanges(mine, others map[string]float64) (more, less []callChange) {
	both := maps.Clone(mine)
	maps.Copy(both, others)
	for name := range both {
		switch c := (callChange{name, others[name], mine[name], mine[name] - others[name]}); {
		case c.difference > 0:
			more = append(more, c)
		case c.difference < 0:
			less = append(less, c)
		}
	}
	for _, part := range [][]callChange{more, less} {
		slices.SortFunc(part, func(a, b callChange) int {
			return cmp.Or(cmp.Compare(max(b.difference, -b.difference), max(a.difference, -a.difference)), strings.Compare(a.name, b.name))
		})
	}
	return more, less
}

func callsTogether(e testbed.ModeEvidence) map[string]float64 {
	all := map[string]float64{}
	for _, end := range e.Both() {
		for name, n := range end.Calls {
			all[name] += n
		}
	}
	return all
}
