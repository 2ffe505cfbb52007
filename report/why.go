package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/testbed-lab/testbed/testbed"
)

// whyTable says what the kernel does for a transaction in each mode, and what that
// is beyond host; nil where nobody looked.
func whyTable(t testbed.TestResult) *table {
	looked := t
	looked.Modes = slices.DeleteFunc(slices.Clone(t.Modes), func(m testbed.ModeResult) bool {
		return m.Status != testbed.StatusOK || m.Evidence == nil
	})
	if len(looked.Modes) == 0 {
		return nil
	}
	host := hostOf(looked)
	d := tableOf(looked, whyFields(t, host))
	d.Test, d.Cell = t.Name+", why", CellText(t.Cell)
	d.Caption = "per transaction, both ends, counted after the timing · softirqs: NET_RX and NET_TX that ran · backlog: packets queued to a CPU again (netif_rx) · " +
		"calls: of functions of the network stack; what + adds to host"
	d.Notes = whyNotes(looked)
	return &d
}

func whyFields(t testbed.TestResult, host testbed.ModeResult) []field {
	number := func(name, title string, spare int, of func(testbed.ModeEvidence) *float64) []field {
		value := func(m testbed.ModeResult) *float64 {
			if m.Evidence == nil {
				return nil
			}
			return of(*m.Evidence)
		}
		return []field{
			{column{Name: name, Title: title, Spare: spare}, func(m testbed.ModeResult) string { return countCell(value(m)) }, at("evidence/" + name)},
			{column{Name: name + "-more", Title: "+", Spare: spare}, func(m testbed.ModeResult) string {
				if m.Name == hostMode {
					return ""
				}
				return moreCell(value(m), value(host))
			}, moreFrom("evidence/" + name)},
		}
	}
	fields := []field{modeField, {column{Name: "ratio", Title: "× host"}, func(m testbed.ModeResult) string {
		if m.Name == hostMode {
			return "1"
		}
		return ratioCell(m)
	}, ratioFrom}}
	fields = append(fields, number("softirqs", "softirqs", 0, func(e testbed.ModeEvidence) *float64 { return e.Softirqs })...)
	fields = append(fields, number("backlog", "backlog", 0, func(e testbed.ModeEvidence) *float64 { return e.Backlog })...)
	return append(fields, number("calls", "calls", 1, func(e testbed.ModeEvidence) *float64 { return e.Calls })...)
}

func countCell(n *float64) string {
	if n == nil {
		return none
	}
	return strconv.FormatFloat(*n, 'f', places(*n), 64)
}

// places shows halves of a softirq, and no part of three hundred calls.
func places(n float64) int {
	if n >= 100 {
		return 0
	}
	return 1
}

func moreCell(n, host *float64) string {
	if n == nil || host == nil {
		return none
	}
	more := *n - *host
	if math.Abs(more) < 0.05 { // No sign of nothing.
		return "0"
	}
	return fmt.Sprintf("%+.*f", places(*n), more)
}

// whyNotes say what the probe costs, and what could not be seen.
func whyNotes(t testbed.TestResult) (notes []note) {
	var costs []float64
	seen := map[string]bool{}
	for _, m := range t.Modes {
		if m.Evidence.CallCost != nil {
			costs = append(costs, *m.Evidence.CallCost)
		}
		for _, end := range m.Evidence.Both() {
			for _, why := range end.Unavailable {
				if !seen[why] {
					seen[why] = true
					notes = append(notes, note{Text: m.Name + ": " + why})
				}
			}
		}
	}
	if len(costs) > 0 {
		slices.Sort(costs)
		notes = append(notes, note{Text: fmt.Sprintf("tracing a call took %s %s, the median over modes; no timed transaction was traced",
			latency(costs[len(costs)/2], t.Unit), latencyUnit(t.Unit))})
	}
	return notes
}
