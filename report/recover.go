package report

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/testbed-lab/testbed/testbed"
)

// Recovery is a delay that was injected, and what a metric found of it.
type Recovery struct {
	Mode     string
	Metric   string
	Injected time.Duration
	Found    testbed.Difference // In ns.
}

// Known says that there is an interval to judge by.
func (r Recovery) Known() bool { return r.Found.Lo != nil && r.Found.Hi != nil }

// Inside says that what was injected lies in the interval of what was found.
func (r Recovery) Inside() bool {
	ns := float64(r.Injected)
	return r.Known() && *r.Found.Lo <= ns && ns <= *r.Found.Hi
}

// recovered are the metrics that a constant delay moves by itself.
var recovered = []string{"p50", "p99"}

// Recover compares the modes of a lab's first test that have a delay with those
// of them that have the shortest, by the method with which modes are compared
// with host. A mode without a delay is left aside: whatever injects one costs
// something itself, which only a difference of two delays is free of.
func Recover(lab testbed.Lab, blocks []testbed.Block) ([]Recovery, error) {
	if len(lab.Cells) == 0 || len(lab.Cells[0].Tests) == 0 {
		return nil, errors.New("recover delays: the lab has no test")
	}
	cell, base, err := delayed(lab.Cells[0])
	if err != nil {
		return nil, err
	}
	lab.Cells = []testbed.Cell{cell}
	result, err := Analyze(Input{Lab: lab, Blocks: onBase(blocks, lab.Cells[0].Tests[0].Name, base)})
	if err != nil {
		return nil, err
	}
	return recoveries(cell, result.Tests[0], base.delay), nil
}

// baseline is what takes host's place.
type baseline struct {
	delay time.Duration
	modes []string
}

// delayed is a cell whose first test has only modes with a delay, the shortest
// of which are its host.
func delayed(cell testbed.Cell) (testbed.Cell, baseline, error) {
	test := cell.Tests[0]
	var modes []testbed.Mode
	for _, name := range test.Modes {
		if m, known := cell.Mode(name); known && m.Delay > 0 {
			modes = append(modes, m)
		}
	}
	slices.SortStableFunc(modes, func(a, b testbed.Mode) int { return int(a.Delay - b.Delay) })
	var base baseline
	for _, m := range modes {
		if m.Delay == modes[0].Delay {
			base.delay, base.modes = m.Delay, append(base.modes, m.Name)
		}
	}
	if longer := len(modes) - len(base.modes); len(base.modes) != 2 || longer == 0 {
		return cell, base, fmt.Errorf("recover delays: test %q has %d modes of the shortest delay and %d of longer ones; it needs two, as host is measured twice, and one at least", test.Name, len(base.modes), longer)
	}
	test.Modes, test.Precision = []string{hostMode}, 0
	for _, m := range modes[len(base.modes):] {
		test.Modes = append(test.Modes, m.Name)
	}
	cell.Modes = append([]testbed.Mode{{Name: hostMode, Kind: hostMode, At: testbed.AtClient}}, modes[len(base.modes):]...)
	cell.Tests = []testbed.Test{test}
	return cell, base, nil
}

// onBase leaves out host's blocks and those of other tests, and calls the base's host's.
func onBase(blocks []testbed.Block, test string, base baseline) []testbed.Block {
	var out []testbed.Block
	for _, b := range blocks {
		switch {
		case b.Test != test || b.Mode == hostMode:
			continue
		case slices.Contains(base.modes, b.Mode):
			b.Mode = hostMode
		}
		out = append(out, b)
	}
	return out
}

func recoveries(cell testbed.Cell, test testbed.TestResult, base time.Duration) []Recovery {
	var all []Recovery
	for _, m := range test.Modes {
		mode, _ := cell.Mode(m.Name)
		if m.Name == hostMode {
			continue
		}
		for _, metric := range recovered {
			found, known := m.AddedToHost[metric]
			if !known {
				found.Reason = "not known"
			}
			if m.Status != testbed.StatusOK {
				found.Reason = m.Reason
			}
			all = append(all, Recovery{m.Name, metric, mode.Delay - base, found})
		}
	}
	return all
}
