package report

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// functions are a mode's instructions by function, per transaction: the mean over
// the blocks in which they were counted. Nil where they were in none.
func (s *series) functions() map[string]float64 {
	var transactions int64
	total := map[string]int64{}
	for _, round := range s.samples {
		for _, one := range round {
			if one.Functions != nil {
				transactions += one.Transactions
			}
			for name, n := range one.Functions {
				total[name] += n
			}
		}
	}
	if transactions == 0 {
		return nil
	}
	each := make(map[string]float64, len(total))
	for name, n := range total {
		each[name] = float64(n) / float64(transactions)
	}
	return each
}

// withCallees are a mode's instructions by function with all that it called, as far
// as the traced path tells who called whom: counts never come from it. A function's
// own are shared evenly among its calls; of a recursion the outermost counts.
func withCallees(m testbed.ModeResult) map[string]float64 {
	if m.Evidence == nil {
		return nil
	}
	all := map[string]float64{}
	for _, end := range m.Evidence.Ends() {
		for name, n := range inclusive(end.Path, m.Functions, callsIn(m)) {
			all[name] += n
		}
	}
	return all
}

// callsIn are how often the traced transaction called each function, at both ends.
func callsIn(m testbed.ModeResult) map[string]float64 {
	calls := map[string]float64{}
	for _, end := range m.Evidence.Ends() {
		for _, call := range end.Path {
			if call.Device == "" {
				calls[call.Name]++
			}
		}
	}
	return calls
}

func inclusive(path []testbed.Call, own, calls map[string]float64) map[string]float64 {
	type frame struct {
		name  string
		depth int
		sum   float64
	}
	all := map[string]float64{}
	var open []frame
	closeTo := func(depth int) {
		for len(open) > 0 && open[len(open)-1].depth >= depth {
			last := open[len(open)-1]
			open = open[:len(open)-1]
			if !slices.ContainsFunc(open, func(f frame) bool { return f.name == last.name }) {
				all[last.name] += last.sum
			}
			if len(open) > 0 {
				open[len(open)-1].sum += last.sum
			}
		}
	}
	for _, call := range path {
		if call.Device != "" {
			continue
		}
		closeTo(call.Depth)
		open = append(open, frame{call.Name, call.Depth, own[call.Name] / calls[call.Name]})
	}
	closeTo(math.MinInt)
	return all
}

// mostFunctions are listed unless all are asked for.
const mostFunctions = 25

// share is a function in two modes.
type share struct {
	name           string
	one, other     float64
	callees, shown float64 // With what it called, the difference; shown is 1 where it is known.
}

func (t share) change() float64 { return t.one - t.other }

// writeFunctions lists the instructions of one mode against another's, or of one
// alone, by function.
func writeFunctions(b *bytes.Buffer, t testbed.TestResult, one testbed.ModeResult, other *testbed.ModeResult, all bool) {
	if other == nil {
		fmt.Fprintf(b, "%s in %s: instructions per transaction, both ends, by function\n\n", one.Name, t.Name)
	} else {
		fmt.Fprintf(b, "%s against %s in %s: instructions per transaction, both ends\n\n", one.Name, other.Name, t.Name)
	}
	writeShares(b, one, other, all)
}

// writeShares is the table alone, its columns called by the names of the two.
func writeShares(b *bytes.Buffer, one testbed.ModeResult, other *testbed.ModeResult, all bool) {
	rows := shares(one, other)
	if other == nil {
		fmt.Fprintf(b, "  %-40s %12s %14s\n", "function", "its own", "with callees")
	} else {
		fmt.Fprintf(b, "  %-30s %10s %10s %10s %12s\n", "function", shortName(other.Name, 10), shortName(one.Name, 10), "change", "with callees")
	}
	shown := rows
	if !all && len(rows) > mostFunctions {
		shown = rows[:mostFunctions]
	}
	var sum, rest share
	for i, row := range rows {
		sum.one, sum.other = sum.one+row.one, sum.other+row.other
		if i < len(shown) {
			writeShare(b, row, other != nil)
		} else {
			rest.one, rest.other = rest.one+row.one, rest.other+row.other
		}
	}
	if n := len(rows) - len(shown); n > 0 {
		rest.name = fmt.Sprintf("%d more (--all)", n)
		writeShare(b, rest, other != nil)
	}
	sum.name = "sum"
	writeShare(b, sum, other != nil)
}

func shares(one testbed.ModeResult, other *testbed.ModeResult) []share {
	callees, others := withCallees(one), map[string]float64{}
	names := map[string]bool{}
	for name := range one.Functions {
		names[name] = true
	}
	if other != nil {
		others = withCallees(*other)
		for name := range other.Functions {
			names[name] = true
		}
	}
	rows := make([]share, 0, len(names))
	for name := range names {
		row := share{name: name, one: one.Functions[name], callees: callees[name] - others[name]}
		if other != nil {
			row.other = other.Functions[name]
		}
		_, mine := callees[name]
		_, its := others[name]
		if mine || its {
			row.shown = 1
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b share) int {
		return cmp.Or(cmp.Compare(math.Abs(b.change()), math.Abs(a.change())), strings.Compare(a.name, b.name))
	})
	return rows
}

func writeShare(b *bytes.Buffer, row share, two bool) {
	callees := ""
	if row.shown > 0 {
		callees = counted(row.callees, two)
	}
	if two {
		fmt.Fprintf(b, "  %-30s %10s %10s %10s %12s\n", shortName(row.name, 30), counted(row.other, false), counted(row.one, false), counted(row.change(), true), callees)
		return
	}
	fmt.Fprintf(b, "  %-40s %12s %14s\n", shortName(row.name, 40), counted(row.one, false), callees)
}

// counted writes whole counts as whole numbers.
func counted(v float64, signed bool) string {
	decimals := 2
	if math.Abs(v-math.Round(v)) < 0.005 {
		decimals = 0
	}
	text := grouped(math.Abs(v), decimals)
	switch {
	case v < 0 && strings.Trim(text, "0.") != "":
		return "−" + text
	case signed && strings.Trim(text, "0.") != "":
		return "+" + text
	}
	return text
}

// shortName leaves a long name its two ends.
func shortName(name string, width int) string {
	if len(name) <= width {
		return name
	}
	tail := width / 3
	return name[:width-tail-1] + "…" + name[len(name)-tail:]
}
