package report

import (
	"cmp"
	"maps"
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
// as the trace tells who called whom: counts never come from it. A function's own are
// shared evenly among its calls; of a recursion the outermost counts.
func withCallees(m testbed.ModeResult) map[string]float64 {
	root, _ := tracedStacks(m)
	all := map[string]float64{}
	root.inclusive("", map[string]int{}, all)
	return all
}

// inclusive adds a stack to what its function takes with all that it called, unless it is
// within itself. It returns the stack's own and what is below.
func (s *stack) inclusive(name string, open map[string]int, all map[string]float64) float64 {
	sum := s.own
	open[name]++
	for _, child := range slices.Sorted(maps.Keys(s.children)) {
		sum += s.children[child].inclusive(child, open, all)
	}
	if open[name]--; open[name] == 0 && name != "" {
		all[name] += sum
	}
	return sum
}

// mostFunctions are listed unless all are asked for.
const mostFunctions = 25

// share is a function in two modes, by itself and with all that it called.
type share struct {
	name             string
	one, other       float64
	callees, beneath float64
	known            bool // Who called it.
}

func (t share) change() float64 { return t.one - t.other }

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
		row := share{name: name, one: one.Functions[name], callees: callees[name], beneath: others[name]}
		if other != nil {
			row.other = other.Functions[name]
		}
		_, mine := callees[name]
		_, its := others[name]
		row.known = mine || its
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b share) int {
		return cmp.Or(cmp.Compare(math.Abs(b.change()), math.Abs(a.change())), strings.Compare(a.name, b.name))
	})
	return rows
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
