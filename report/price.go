package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// price is the matrix of a test: modes down; what each costs, why, and what works
// in it. Each cell has the evidence that it rests on.
type price struct {
	Columns []priceColumn
	Rows    []priceRow
}

type priceColumn struct {
	Title string
	Text  string // What it says.
}

type priceRow struct {
	Mode  string
	Cells []priceCell // One a column.
}

// priceCell opens to what is behind it, line by line.
type priceCell struct {
	Text     string
	Interval string // Of a figure that has one.
	Class    string // works, fails, unsupported; empty for a figure.
	From     string // As [cell] has it.
	Lines    []string
}

// marks of answers.
var marks = map[string]string{testbed.Works: "✓", testbed.Fails: "✗", testbed.StatusUnsupported: "–"}

// priceOf is nil where nothing was looked for.
func priceOf(t testbed.TestResult) *price {
	modes := slices.DeleteFunc(slices.Clone(t.Modes), func(m testbed.ModeResult) bool {
		return m.Status != testbed.StatusOK || m.Evidence == nil && len(m.Capabilities) == 0
	})
	if len(modes) == 0 {
		return nil
	}
	us := strings.TrimRight(" "+columnUnit(t.Unit), " ")
	p := &price{Columns: []priceColumn{
		{"p50" + us, medianText(t)}, {tailColumn(t) + us, tailColumn(t)[1:] + "th percentile"},
	}}
	if !isCounted(t) {
		p.Columns = append(p.Columns, priceColumn{"rate /s", "transactions per second"})
	}
	p.Columns = append(p.Columns, []priceColumn{
		{"softirqs +", "softirqs that ran beyond host, per transaction"}, {"backlog +", "packets queued to a CPU again beyond host, per transaction"},
		{"calls +", "calls of functions of the network stack beyond host"},
	}...)
	for _, c := range testbed.CapabilityNames {
		p.Columns = append(p.Columns, priceColumn{c.Title, c.Text})
	}
	host := hostOf(testbed.TestResult{Modes: modes})
	for _, m := range modes {
		p.Rows = append(p.Rows, priceRow{Mode: m.Name, Cells: slices.Concat(costCells(t, m, host), capabilityCells(m))})
	}
	return p
}

// tailColumn is the percentile that stands for the tail.
func tailColumn(t testbed.TestResult) string {
	if slices.Contains(percentilesOf(t), "p99") {
		return "p99"
	}
	return "p90"
}

func medianText(t testbed.TestResult) string {
	if isCounted(t) {
		return "median of the instructions of a transaction"
	}
	return "median of the round trip"
}

func costCells(t testbed.TestResult, m, host testbed.ModeResult) []priceCell {
	tail := *figureOf(&m, tailColumn(t))
	time := func(v float64) string { return latency(v, t.Unit) }
	cells := []priceCell{
		figureCell(t, m.P50, "p50", latencyCell(m.P50, t.Unit, false), time),
		figureCell(t, tail, tailColumn(t), latencyCell(tail, t.Unit, false), time),
	}
	if !isCounted(t) {
		cells = append(cells, figureCell(t, m.Rate, "rate", rateCell(m.Rate), func(v float64) string { return grouped(v, 0) }))
	}
	return append(cells, whyCells(m, host)...)
}

func figureCell(t testbed.TestResult, e testbed.Estimate, from, figure string, text func(float64) string) priceCell {
	c := priceCell{Text: figure, From: from, Lines: []string{firstOf(e.Reason, "no interval")}}
	if e.Lo != nil {
		lo, hi := text(*e.Lo), text(*e.Hi)
		c.Interval = fmt.Sprintf("[%s, %s]", lo, hi)
		c.Lines = []string{fmt.Sprintf("95%% interval %s to %s, %s, %s", lo, hi, count(e.N, roundOf(t)), e.Method)}
	}
	return c
}

// whyCells are what a mode does beyond host. Host's own open to what the others' are
// counted from.
func whyCells(m, host testbed.ModeResult) []priceCell {
	switch {
	case m.Evidence == nil || host.Evidence == nil:
		return []priceCell{{Text: none}, {Text: none}, {Text: none}}
	case m.Name == hostMode:
		events := priceCell{Text: none, From: "evidence", Lines: eventLines(*m.Evidence)}
		return []priceCell{events, events, {Text: none, From: "evidence", Lines: callLines(*m.Evidence, testbed.ModeEvidence{})}}
	}
	more := func(mine, others *float64, lines []string) priceCell {
		return priceCell{Text: moreCell(mine, others), From: "evidence host/evidence", Lines: lines}
	}
	events := eventLines(*m.Evidence)
	return []priceCell{
		more(m.Evidence.Softirqs, host.Evidence.Softirqs, events), more(m.Evidence.Backlog, host.Evidence.Backlog, events),
		more(m.Evidence.Calls, host.Evidence.Calls, callLines(*m.Evidence, *host.Evidence)),
	}
}

// eventLines are all events of both ends, by name.
func eventLines(e testbed.ModeEvidence) (lines []string) {
	for _, end := range e.Both() {
		for _, name := range slices.Sorted(maps.Keys(end.Events)) {
			if n := end.Events[name]; n >= 0.05 {
				lines = append(lines, fmt.Sprintf("%s: %s %.2f", end.Name, name, n))
			}
		}
	}
	return lines
}

// callLines are the functions that a mode calls and host does not.
func callLines(e, host testbed.ModeEvidence) (lines []string) {
	mine, others := callsTogether(e), callsTogether(host)
	for _, name := range slices.Sorted(maps.Keys(mine)) {
		if more := mine[name] - others[name]; more > 0 {
			lines = append(lines, fmt.Sprintf("%s %+g", name, more))
		}
	}
	return lines
}

func capabilityCells(m testbed.ModeResult) []priceCell {
	cells := []priceCell{}
	for _, c := range testbed.CapabilityNames {
		cell := priceCell{Text: none}
		for i, found := range m.Capabilities {
			if found.Name == c.Name {
				cell = priceCell{Text: marks[found.Answer], Class: found.Answer, From: fmt.Sprintf("capabilities/%d", i), Lines: []string{found.Observation}}
				if found.Control != "" {
					cell.Lines = append(cell.Lines, "control: "+found.Control)
				}
			}
		}
		cells = append(cells, cell)
	}
	return cells
}

// paragraphs say of each mode what it costs, why, and what works in it; a sentence
// only where there is evidence for it.
func paragraphs(t testbed.TestResult) (all []paragraph) {
	host := hostOf(t)
	for _, m := range t.Modes {
		if m.Name == hostMode || m.Status != testbed.StatusOK || m.Evidence == nil && len(m.Capabilities) == 0 {
			continue
		}
		sentences := []string{costSentence(t, m)}
		for _, s := range []string{whySentence(m, host), waySentence(m, host), capabilitySentence(m)} {
			if s != "" {
				sentences = append(sentences, s)
			}
		}
		all = append(all, paragraph{m.Name, strings.Join(sentences, " "), "evidence host/evidence ratio_to_host/p50 capabilities"})
	}
	return all
}

func costSentence(t testbed.TestResult, m testbed.ModeResult) string {
	e := m.RatioToHost["p50"]
	if isCounted(t) && e.Estimate != nil && e.Lo == nil {
		return exactCost(t, m)
	}
	if e.Estimate == nil || e.Lo == nil {
		return m.Name + " gives no interval against host."
	}
	percent := func(v float64) string { return fmt.Sprintf("%+.1f%%", 100*(v-1)) }
	interval := fmt.Sprintf("(95%% interval %s to %s)", percent(*e.Lo), percent(*e.Hi))
	switch v := verdictOf(t, m); {
	case isCounted(t) && (v == slower || v == faster):
		return fmt.Sprintf("%s takes %s instructions than host at p50, by %s %s.", m.Name, countedVerdicts[v], strings.TrimLeft(percent(*e.Estimate), "+-"), interval)
	case v == slower:
		return fmt.Sprintf("%s costs %s over host at p50 %s.", m.Name, strings.TrimPrefix(percent(*e.Estimate), "+"), interval)
	case v == faster:
		return fmt.Sprintf("%s is faster than host at p50, by %s %s.", m.Name, strings.TrimPrefix(percent(*e.Estimate), "-"), interval)
	}
	noise, floor := "", t.NoiseFloor
	alone := *e.Lo > 1 || *e.Hi < 1 // Its interval alone would tell it.
	if alone && floor.Lo != nil && *e.Lo <= *floor.Hi && *e.Hi >= *floor.Lo {
		noise = ", for host differs as much from itself"
	}
	return fmt.Sprintf("%s cannot be told from host at p50 %s%s.", m.Name, interval, noise)
}

func whySentence(m, host testbed.ModeResult) string {
	if m.Evidence == nil || host.Evidence == nil || m.Evidence.Softirqs == nil || host.Evidence.Softirqs == nil {
		return ""
	}
	text := fmt.Sprintf("Against host's, a transaction puts %s packets into a CPU's backlog, runs %s softirqs",
		moreCell(m.Evidence.Backlog, host.Evidence.Backlog), moreCell(m.Evidence.Softirqs, host.Evidence.Softirqs))
	if m.Evidence.Calls != nil && host.Evidence.Calls != nil {
		text += fmt.Sprintf(" and makes %s calls of the network stack's functions", moreCell(m.Evidence.Calls, host.Evidence.Calls))
	}
	return text + "."
}

// stations are what a packet may pass, and the function by which it is known.
var stations = []struct{ name, function string }{
	{"a veth pair", "veth_xmit"}, {"netkit", "netkit_xmit"}, {"macvlan", "macvlan_start_xmit"}, {"ipvlan", "ipvlan_start_xmit"},
	{"a bridge", "br_handle_frame"}, {"forwarding", "ip_forward"}, {"connection tracking", "nf_conntrack_in"},
	{"NAT", "nf_nat_inet_fn"}, {"more nft rules", "nft_do_chain"}, {"a BPF redirect", "skb_do_redirect"},
	{"VXLAN encapsulation", "vxlan_xmit"}, {"Geneve encapsulation", "geneve_xmit"}, {"encryption", "wg_xmit"}, {"IPVS", "ip_vs_in_hook"},
}

func waySentence(m, host testbed.ModeResult) string {
	if m.Evidence == nil || host.Evidence == nil {
		return ""
	}
	mine, others := callsTogether(*m.Evidence), callsTogether(*host.Evidence)
	var passed []string
	for _, s := range stations {
		if mine[s.function] > others[s.function] {
			passed = append(passed, fmt.Sprintf("%s (%s %s)", s.name, s.function, oftenText(mine[s.function]-others[s.function])))
		}
	}
	if passed == nil {
		return ""
	}
	return "On its way it passes " + list(passed) + "."
}

func oftenText(n float64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%g times", n)
}

func capabilitySentence(m testbed.ModeResult) string {
	byAnswer := map[string][]string{}
	for _, c := range testbed.CapabilityNames {
		for _, found := range m.Capabilities {
			if found.Name == c.Name {
				byAnswer[found.Answer] = append(byAnswer[found.Answer], c.Title)
			}
		}
	}
	var parts []string
	for _, one := range []struct{ answer, title string }{{testbed.Works, "Works"}, {testbed.Fails, "Fails"}, {testbed.StatusUnsupported, "Not told"}} {
		if names := byAnswer[one.answer]; names != nil {
			parts = append(parts, one.title+": "+strings.Join(names, ", ")+".")
		}
	}
	return strings.Join(parts, " ")
}
