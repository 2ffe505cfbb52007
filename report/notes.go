package report

import (
	"fmt"

	"github.com/testbed-lab/testbed/testbed"
)

// shown are the percentiles that a table may show.
var shown = []string{"p50", "p90", "p99"}

// notes say which percentiles are pooled and which are missing, and why.
func notes(t testbed.TestResult) []string {
	texts := []string{}
	for _, name := range shown {
		methods := map[string][]string{}
		reasons := []string{}
		for _, m := range t.Modes {
			if m.Status != testbed.StatusOK {
				continue
			}
			e := *figureOf(&m, name)
			methods[e.Method] = append(methods[e.Method], m.Name)
			if e.Estimate == nil {
				reasons = append(reasons, e.Reason)
			}
		}
		texts = append(texts, pooledNote(name, methods)...)
		texts = append(texts, missingNote(name, methods[""], reasons)...)
	}
	return texts
}

func pooledNote(name string, methods map[string][]string) []string {
	switch {
	case len(methods[methodPooled]) == 0:
		return nil
	case len(methods) > 1:
		return []string{fmt.Sprintf("* %s pooled over rounds: a block has under %d transactions beyond it", name, beyond)}
	}
	return []string{fmt.Sprintf("%s is pooled over rounds: a block has under %d transactions beyond it", name, beyond)}
}

func missingNote(name string, modes, reasons []string) []string {
	switch {
	case len(modes) == 0:
		return nil
	case allEqual(reasons):
		return []string{fmt.Sprintf("no %s for %s: %s", name, list(modes), reasons[0])}
	}
	return []string{fmt.Sprintf("no %s for %s; for %s: %s", name, list(modes), modes[0], reasons[0])}
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
