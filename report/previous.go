package report

import "github.com/testbed-lab/testbed/testbed"

// previous is the last of the trials before that is of the same test in a cell that
// differs in one coordinate, the kernel if there is one of that name; nil: there is none.
// What was timed has none, for each of its cells is a boot, and boots differ.
func (t *trial) previous(before []*trial) (found *trial) {
	if !t.counts() {
		return nil
	}
	byKernel := false
	for _, other := range before {
		differing := t.differsIn(other)
		if other.test.Name != t.test.Name || len(differing) != 1 || byKernel && differing[0] != "kernel" {
			continue
		}
		found, byKernel = other, differing[0] == "kernel"
	}
	return found
}

// differsIn are the coordinates that two cells do not share.
func (t *trial) differsIn(other *trial) (names []string) {
	for name, value := range t.coordinates {
		if other.coordinates[name] != value {
			names = append(names, name)
		}
	}
	return names
}

// changed fills in what each mode has become since the cell before.
func (t *trial) changed(since *trial, r *testbed.TestResult) {
	if since == nil {
		return
	}
	for i, s := range t.series {
		was := since.named(s.mode.Name)
		if was == nil || len(was.samples) == 0 || len(s.samples) == 0 {
			continue
		}
		over := func(m metric) testbed.Estimate {
			return paired(since.leveled(was, m), t.leveled(s, m)).estimate(methodSeeds)
		}
		mean, _ := metricNamed("mean")
		r.Modes[i].ToPrevious = &testbed.CellChange{Cell: since.coordinates, P50: over(p50), Mean: over(mean)}
	}
}

func (t *trial) leveled(s *series, m metric) leveled {
	return leveled{trial: t, mean: t.mean(s.logs(m)), logs: s.logs(m)}
}
