package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

// hostMode is the reference of every ratio, measured twice a round.
const hostMode = "host"

// trial is one test in one cell: its blocks by mode and round.
type trial struct {
	test        testbed.Test
	coordinates map[string]string
	seed        int64
	rounds      []int // Numbers of the rounds that ran, ascending.
	boots       []int // Of each round, the boot it ran in.
	series      []*series
	host        *series // One of series.
	resampled   [][]int // Made once, by resamples.
	others      []*besides
	absent      string // Why blocks are missing, where the cell ended early.
}

// sample is a block that counts.
type sample struct {
	testbed.Block
	dist stats.Distribution
}

// group sorts blocks by test and cell, and says which fit nowhere.
func group(lab testbed.Lab, blocks []testbed.Block) ([]*trial, []string) {
	trials := []*trial{}
	index := map[string]*trial{}
	for _, cell := range lab.Cells {
		for _, test := range cell.Tests {
			t := newTrial(lab.Seed, cell, test)
			trials = append(trials, t)
			index[trialKey(test.Name, t.coordinates)] = t
		}
	}
	warnings := []string{}
	for _, b := range ordered(blocks) {
		t, known := index[trialKey(b.Test, b.Cell)]
		if !known {
			warnings = append(warnings, fmt.Sprintf("block %d left out: the lab has no test %q in cell %q", b.Index, b.Test, CellText(b.Cell)))
			continue
		}
		if warning := t.take(b); warning != "" {
			warnings = append(warnings, warning)
		}
	}
	for _, t := range trials {
		t.finish()
	}
	return trials, warnings
}

// storedTrials makes the trials of a result again, one for each of its tests, of the
// stored blocks. What those warn of stands in the result.
func storedTrials(r testbed.Result, blocks []testbed.Block) []*trial {
	lab := testbed.Lab{Seed: r.Seed}
	for _, test := range r.Tests {
		lab.Cells = append(lab.Cells, cellOf(test))
	}
	trials, _ := group(lab, blocks)
	return trials
}

// ordered sorts a copy of the blocks by the order in which they ran.
func ordered(blocks []testbed.Block) []testbed.Block {
	sorted := slices.Clone(blocks)
	slices.SortStableFunc(sorted, func(a, b testbed.Block) int {
		return cmp.Or(cmp.Compare(a.Round, b.Round), cmp.Compare(a.Index, b.Index), a.Started.Compare(b.Started))
	})
	return sorted
}

func newTrial(seed int64, cell testbed.Cell, test testbed.Test) *trial {
	t := &trial{test: test, seed: seed, coordinates: cell.At()}
	names := test.Modes
	if !slices.Contains(names, hostMode) {
		names = append([]string{hostMode}, names...)
	}
	for _, name := range names {
		mode, known := cell.Mode(name)
		if !known { // host need not be declared.
			mode = testbed.Mode{Name: name, Kind: name, At: testbed.AtClient}
		}
		s := newSeries(mode)
		if name == hostMode {
			t.host = s
		}
		t.series = append(t.series, s)
	}
	return t
}

// take puts a block in its place, or says why it does not count.
func (t *trial) take(b testbed.Block) (warning string) {
	if b.Engine != "" { // Another engine's figures stand beside ours, not among them.
		return t.takeBeside(b)
	}
	for _, s := range t.series {
		if s.mode.Name == b.Mode && b.Pass != "" { // It measures nothing.
			s.passes = append(s.passes, b)
			return ""
		}
		if s.mode.Name == b.Mode {
			if warning := s.take(b); warning != "" {
				return fmt.Sprintf("%s: %s, round %d: %s", t.title(), b.Mode, b.Round+1, warning)
			}
			return ""
		}
	}
	return fmt.Sprintf("%s: block %d left out: the test has no mode %q", t.title(), b.Index, b.Mode)
}

// finish fixes the list of rounds and lays each series out along it.
func (t *trial) finish() {
	all := map[int]bool{}
	for _, s := range t.series {
		for round := range s.seen {
			all[round] = true
		}
	}
	t.rounds = slices.Sorted(maps.Keys(all))
	t.boots = make([]int, len(t.rounds))
	for _, s := range t.series {
		s.layOut(t.rounds)
		for i, samples := range s.byRound {
			for _, one := range samples {
				t.boots[i] = one.Boot
			}
		}
	}
}

// first and second are the two host blocks of each round that has both, in
// the order in which they ran: the A/A test.
func (t *trial) first() *series  { return t.host.split(0, t.rounds) }
func (t *trial) second() *series { return t.host.split(1, t.rounds) }

// resamples are the same rounds for every mode of the test: with several boots,
// of boots and of the rounds in each.
func (t *trial) resamples() [][]int {
	if t.resampled == nil {
		t.resampled = stats.Resample(t.seed, trialKey(t.test.Name, t.coordinates), t.boots)
	}
	return t.resampled
}

// title names the trial for a person.
func (t *trial) title() string {
	return strings.TrimSpace(t.test.Name + " " + bracketed(CellText(t.coordinates)))
}

func bracketed(s string) string {
	if s == "" {
		return ""
	}
	return "[" + s + "]"
}

// CellText is a cell's coordinates in the order of their names.
func CellText(cell map[string]string) string {
	parts := []string{}
	for _, name := range slices.Sorted(maps.Keys(cell)) {
		parts = append(parts, name+" = "+cell[name])
	}
	return strings.Join(parts, ", ")
}

// trialKey tells tests in cells apart; quoting keeps hostile names from meeting.
func trialKey(test string, cell map[string]string) string {
	key := fmt.Sprintf("%q", test)
	for _, name := range slices.Sorted(maps.Keys(cell)) {
		key += fmt.Sprintf(" %q=%q", name, cell[name])
	}
	return key
}
