package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// CompareSide is a stored result as a side of a comparison.
type CompareSide struct {
	Path   string // As it was given.
	Result testbed.Result
	Blocks []testbed.Block
	// Cell picks cells of the matrix by some of its coordinates, which then are no
	// part of what has to match; empty takes all.
	Cell map[string]string
}

// CompareOptions say how results are compared.
type CompareOptions struct {
	Metric string  // p50, p90, p99, p999, mean, rate.
	Margin float64 // The relative change that is still equal, from 0 on.
	Force  bool    // Compare what is not comparable.
	// Elsewhere says that the new result is a repetition of the base on whatever machine
	// there was. Times are then judged by their ratio to host, whose rounds are the unit,
	// and the question is whether they agree.
	Elsewhere bool
	// OneRun says that both sides are of one run, which failed where either did.
	OneRun bool
	// Confidence of a verdict; 0 is that of every interval. Who looks again and
	// again needs more.
	Confidence float64
}

// IncomparableError says why two results are not to be compared.
type IncomparableError struct {
	New     string // The path of the one that differs from the base.
	Reasons []string
}

func (e *IncomparableError) Error() string {
	return fmt.Sprintf("%s is not comparable with the base: %s", e.New, strings.Join(e.Reasons, "; "))
}

// Hint is the way past it.
func (e *IncomparableError) Hint() string {
	return "--force compares them all the same, and says so in every output"
}

// Compare judges results against a base, mode by mode. Claims are corrected over the
// modes of all of them together. It measures nothing.
func Compare(base CompareSide, others []CompareSide, o CompareOptions) ([]testbed.Comparison, error) {
	m, known := metricNamed(o.Metric)
	if !known {
		return nil, fmt.Errorf("no metric %q; there are: %s", o.Metric, strings.Join(MetricNames(), ", "))
	}
	if !(o.Margin >= 0 && o.Margin < 1) {
		return nil, fmt.Errorf("a margin of %v is not between 0 and 1", o.Margin)
	}
	var all []testbed.Comparison
	var judged []*judgement
	for _, other := range others {
		c, rows, err := compareTwo(base, other, m, o)
		if err != nil {
			return nil, err
		}
		all, judged = append(all, c), append(judged, rows...)
	}
	decideAll(judged, o)
	for i, c := range all {
		rows := judged[:len(c.Modes)]
		judged = judged[len(c.Modes):]
		for k, row := range rows {
			all[i].Modes[k] = row.change
		}
		all[i].Verdict = together(all[i].Modes)
		if len(c.Failed) > 0 {
			all[i].Verdict = testbed.Broken
		}
	}
	return all, nil
}

// compareTwo makes the comparison without its verdicts.
func compareTwo(base, other CompareSide, m metric, o CompareOptions) (testbed.Comparison, []*judgement, error) {
	c := testbed.Comparison{
		Schema: testbed.ComparisonSchema, Metric: m.name, Margin: o.Margin,
		Base: sideOf(base), New: sideOf(other),
		Forced: []string{}, Modes: []testbed.Change{}, Unmatched: []string{},
		Environment: environmentDifferences(base, other), Failed: failing(base, other, o),
	}
	ours, err := trialsOf(base)
	if err != nil {
		return c, nil, err
	}
	theirs, err := trialsOf(other)
	if err != nil {
		return c, nil, err
	}
	pairs, lost, gained := match(ours, theirs, boots(base.Result) && !o.Elsewhere)
	if len(pairs) == 0 {
		return c, nil, fmt.Errorf("%s and %s have no test in common: %s", base.Path, other.Path, unmatchedText(lost, gained))
	}
	for _, s := range gained {
		c.Unmatched = append(c.Unmatched, "only the new result has test "+s.name())
	}
	reasons := incomparable(base, other, pairs)
	for _, p := range pairs {
		if p.base.result.Unit != p.new.result.Unit {
			return c, nil, fmt.Errorf("test %q is measured in %s in %s, and in %s in %s; --order compares the order of their modes", p.base.result.Name, p.base.result.Unit, base.Path, p.new.result.Unit, other.Path)
		}
		if m.name == "rate" && p.base.counts() {
			return c, nil, fmt.Errorf("test %q of %s is counted, and %s; judge it by p50, p90, p99, p999 or mean", p.base.result.Name, base.Path, noCountedRate)
		}
		reasons = append(reasons, p.differently()...)
	}
	if o.Elsewhere { // What differs is listed, and is the point.
		reasons = nil
	}
	if len(reasons) > 0 && !o.Force {
		return c, nil, &IncomparableError{New: other.Path, Reasons: reasons}
	}
	c.Forced = append(c.Forced, reasons...)
	var rows []*judgement
	for _, p := range pairs {
		found, lacking := p.modes(m, base, other)
		rows = append(rows, found...)
		c.Unmatched = append(c.Unmatched, lacking...)
	}
	for _, s := range lost {
		for _, one := range s.result.Modes {
			if one.Status == testbed.StatusOK {
				rows = append(rows, s.lost(one.Name, m, "the new result does not have the test"))
			}
		}
	}
	c.Modes = make([]testbed.Change, len(rows))
	return c, rows, nil
}

func sideOf(s CompareSide) testbed.Side {
	r := s.Result
	cell := s.Cell
	if cell == nil {
		cell = map[string]string{}
	}
	return testbed.Side{
		Path: s.Path, Lab: r.Lab, Cell: cell, Started: r.Started,
		Backend: r.Backend, Accelerator: r.Accelerator, Kernels: KernelsOf(r, cell),
	}
}

// within says that a cell has all of some coordinates.
func within(cell, coordinates map[string]string) bool {
	for name, value := range coordinates {
		if cell[name] != value {
			return false
		}
	}
	return true
}

// sideTrial is a trial of one side, with what the result says of it.
type sideTrial struct {
	*trial
	result testbed.TestResult
	key    string // What has to be the same on the other side.
	left   map[string]string
}

// trialsOf makes the trials of the picked cells again, of the stored blocks.
func trialsOf(s CompareSide) ([]sideTrial, error) {
	lab := testbed.Lab{Seed: s.Result.Seed}
	var picked []sideTrial
	for _, test := range s.Result.Tests {
		if !within(test.Cell, s.Cell) {
			continue
		}
		if hostOf(test).Name == "" {
			return nil, fmt.Errorf("%s: test %q has no host, by which everything is read", s.Path, test.Name)
		}
		lab.Cells = append(lab.Cells, cellOf(test))
		left := without(test.Cell, s.Cell)
		picked = append(picked, sideTrial{result: test, key: trialKey(test.Name, left), left: left})
	}
	if len(picked) == 0 {
		return nil, fmt.Errorf("%s has no test in cell %s; it has: %s", s.Path, CellText(s.Cell), strings.Join(cellsOf(s.Result), "; "))
	}
	blocks := slices.DeleteFunc(slices.Clone(s.Blocks), func(b testbed.Block) bool { return !within(b.Cell, s.Cell) })
	trials, _ := group(lab, blocks) // What it warns of stands in the result.
	for i := range picked {
		picked[i].trial = trials[i]
		for _, other := range picked[:i] {
			if other.key == picked[i].key {
				return nil, fmt.Errorf("%s has test %q in several cells that the picked coordinates do not tell apart; it has: %s",
					s.Path, other.result.Name, strings.Join(cellsOf(s.Result), "; "))
			}
		}
	}
	return picked, nil
}

// cellOf is as much of a lab's cell as its blocks are sorted by.
func cellOf(r testbed.TestResult) testbed.Cell {
	test := testbed.Test{Name: r.Name, Protocol: r.Protocol, Engine: r.Engine, Rounds: r.Rounds, Transactions: r.Block.Transactions}
	if r.Stopping != nil {
		test.Precision = r.Stopping.Precision
	}
	cell := testbed.Cell{}
	for _, name := range slices.Sorted(maps.Keys(r.Cell)) {
		cell.Coordinates = append(cell.Coordinates, testbed.Coordinate{Name: name, Value: r.Cell[name]})
	}
	for _, m := range r.Modes {
		test.Modes = append(test.Modes, m.Name)
		cell.Modes = append(cell.Modes, testbed.Mode{Name: m.Name, Kind: m.Kind, At: testbed.End(m.At)})
	}
	cell.Tests = []testbed.Test{test}
	return cell
}

func cellsOf(r testbed.Result) (names []string) {
	for _, t := range r.Tests {
		if name := firstOf(CellText(t.Cell), "no matrix"); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// trialPair is a test on both sides.
type trialPair struct {
	base, new sideTrial
	boots     bool // The boot is the unit.
}

// match pairs tests by name and what is left of their cells.
func match(base, other []sideTrial, boots bool) (pairs []trialPair, lost, gained []sideTrial) {
	found := map[string]bool{}
	for _, b := range base {
		i := slices.IndexFunc(other, func(n sideTrial) bool { return n.key == b.key })
		if i < 0 {
			lost = append(lost, b)
			continue
		}
		found[b.key] = true
		pairs = append(pairs, trialPair{b, other[i], boots})
	}
	for _, n := range other {
		if !found[n.key] {
			gained = append(gained, n)
		}
	}
	return pairs, lost, gained
}

func unmatchedText(lost, gained []sideTrial) string {
	var texts []string
	for _, s := range lost {
		texts = append(texts, "only the base has test "+s.name())
	}
	for _, s := range gained {
		texts = append(texts, "only the new result has test "+s.name())
	}
	return strings.Join(texts, "; ")
}

// lost is a row of what the base has measured and the new result has not: it is no
// detail, and nothing is known of it.
func (s sideTrial) lost(mode string, m metric, why string) *judgement {
	return &judgement{effect: mean{reason: why}, sign: 1, change: testbed.Change{
		Test: s.result.Name, Cell: s.left, Mode: mode, Unit: s.result.Unit, Base: figureIn(s.result, mode, m),
		New: testbed.Estimate{Reason: why}, Itself: testbed.Estimate{Reason: why}, ToHost: testbed.Estimate{Reason: why},
		JudgedBy: testbed.JudgedItself, Verdict: testbed.Undecided,
	}}
}

func (s sideTrial) name() string {
	return strings.TrimSpace(s.result.Name + " " + bracketed(CellText(s.left)))
}

// modes are the rows of a pair, and what only one side has.
func (p trialPair) modes(m metric, base, other CompareSide) (rows []*judgement, unmatched []string) {
	absent := map[string][]string{}
	for _, s := range p.base.series {
		if i := p.new.index(s.mode.Name); i < 0 {
			if modeIn(p.base.result, s.mode.Name).Status == testbed.StatusOK {
				rows = append(rows, p.base.lost(s.mode.Name, m, "the new result does not have the mode"))
			}
			continue
		}
		if lacking := p.notMeasured(s.mode.Name); lacking != "" {
			absent[lacking] = append(absent[lacking], s.mode.Name)
			continue
		}
		rows = append(rows, p.judge(s.mode.Name, m, base, other))
	}
	for _, s := range p.new.series {
		if p.base.index(s.mode.Name) < 0 {
			unmatched = append(unmatched, fmt.Sprintf("%s: only the new result has mode %s", p.new.name(), s.mode.Name))
		}
	}
	for _, why := range slices.Sorted(maps.Keys(absent)) {
		unmatched = append(unmatched, fmt.Sprintf("%s: %s: %s", p.base.name(), list(absent[why]), why))
	}
	return rows, unmatched
}

// notMeasured says that there is nothing to lose in a mode: the base did not have it.
func (p trialPair) notMeasured(mode string) string {
	was, is := modeIn(p.base.result, mode).Status, modeIn(p.new.result, mode).Status
	switch {
	case was == testbed.StatusOK:
		return ""
	case is == testbed.StatusOK:
		return was + " in the base, and measured in the new result"
	case was == is:
		return is + " on both sides"
	}
	return was + " in the base, " + is + " in the new result"
}

func (t *trial) index(mode string) int {
	return slices.IndexFunc(t.series, func(s *series) bool { return s.mode.Name == mode })
}

// together is the verdict of all modes: the worst, where not knowing is worse than
// any change for the better.
func together(modes []testbed.Change) string {
	if !slices.ContainsFunc(modes, func(c testbed.Change) bool { return c.Verdict != "" }) {
		return testbed.Undecided
	}
	for _, verdict := range []string{testbed.Broken, testbed.Regression, testbed.Different, testbed.Undecided, testbed.Improvement, testbed.Reproduced} {
		if slices.ContainsFunc(modes, func(c testbed.Change) bool { return c.Verdict == verdict }) {
			return verdict
		}
	}
	return testbed.Equal
}

// Worst is the verdict of several comparisons.
func Worst(all []testbed.Comparison) string {
	var modes []testbed.Change
	for _, c := range all {
		modes = append(modes, testbed.Change{Verdict: c.Verdict})
	}
	return together(modes)
}
