package report

import (
	"fmt"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// leakPass is the pass that looks for lost memory.
const leakPass = "leaks"

// leaks are what the pass found; nil where there was none.
func (s *series) leaks() *testbed.LeakSearch {
	for _, b := range s.passes {
		if b.Pass == leakPass {
			return &testbed.LeakSearch{Status: b.Status, Reason: b.Reason, Found: append([]testbed.Leak{}, b.Leaks...)}
		}
	}
	return nil
}

// leaked warns of memory that was lost.
func (t *trial) leaked() (warnings []string) {
	for _, s := range t.series {
		search := s.leaks()
		if search == nil {
			continue
		}
		for _, l := range search.Found {
			warnings = append(warnings, fmt.Sprintf("%s: %s: kmemleak: %s lost %s of %d B, allocated by %s in %s",
				t.title(), s.mode.Name, l.Machine, count(l.Objects, "object"), l.Size, l.Task, strings.Join(l.Frames, " < ")))
		}
	}
	return warnings
}

// leakNotes say in which modes kmemleak found nothing, and where it could not look.
func leakNotes(t testbed.TestResult) (notes []string) {
	var calm []string
	reasons, modes := []string{}, map[string][]string{}
	for _, m := range t.Modes {
		switch {
		case m.Leaks == nil:
		case m.Leaks.Status != testbed.StatusOK:
			reason := joined(m.Leaks.Status, m.Leaks.Reason)
			if modes[reason] == nil {
				reasons = append(reasons, reason)
			}
			modes[reason] = append(modes[reason], m.Name)
		case len(m.Leaks.Found) == 0:
			calm = append(calm, m.Name)
		default:
			notes = append(notes, fmt.Sprintf("kmemleak: memory lost after %s: see the warnings", m.Name))
		}
	}
	if len(calm) > 0 {
		notes = append(notes, "kmemleak: no memory lost after "+list(calm))
	}
	for _, reason := range reasons {
		notes = append(notes, fmt.Sprintf("kmemleak, %s: %s", list(modes[reason]), reason))
	}
	return notes
}
