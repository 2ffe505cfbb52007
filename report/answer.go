package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// answer says in one sentence what the data show: of the first test, for that
// is what a lab's author puts first. Every number in it is in the result.
func answer(r testbed.Result) string {
	if len(r.Tests) == 0 {
		return "No test ran."
	}
	same := []testbed.TestResult{}
	for _, t := range r.Tests {
		if t.Name == r.Tests[0].Name {
			same = append(same, t)
		}
	}
	places := samePlace(r, same)
	if len(places) == 1 {
		return answerAt(places[0])
	}
	var texts []string
	for _, group := range places {
		texts = append(texts, "On "+placeOf(r, group[0].Cell).String()+": "+answerAt(group))
	}
	return strings.Join(texts, " ")
}

// answerAt is of cells that may be compared.
func answerAt(cells []testbed.TestResult) string {
	if len(cells) == 1 {
		return answerOne(cells[0])
	}
	return answerCells(cells)
}

// sorted modes of a test by what may be said of them.
type sides struct {
	slowest, fastest *testbed.ModeResult // Beyond the noise; nil: none.
	noise, open      []string            // Within noise; without an interval.
	slowestOpen      *testbed.ModeResult
}

func sidesOf(t testbed.TestResult) sides {
	s := sides{}
	for i := range t.Modes {
		m := &t.Modes[i]
		ratio := m.RatioToHost["p50"]
		if m.Name == hostMode || m.Status != testbed.StatusOK || ratio.Estimate == nil {
			continue
		}
		switch verdictOf(t, *m) {
		case slower:
			s.slowest = extreme(s.slowest, m, 1)
		case faster:
			s.fastest = extreme(s.fastest, m, -1)
		case withinNoise:
			s.noise = append(s.noise, m.Name)
		default:
			s.open = append(s.open, m.Name)
			s.slowestOpen = extreme(s.slowestOpen, m, 1)
		}
	}
	return s
}

// extreme is the mode with the larger (sign 1) or smaller (-1) ratio.
func extreme(a, b *testbed.ModeResult, sign float64) *testbed.ModeResult {
	if a == nil || sign*ratioOf(b) > sign*ratioOf(a) {
		return b
	}
	return a
}

func ratioOf(m *testbed.ModeResult) float64 { return *m.RatioToHost["p50"].Estimate }

func answerOne(t testbed.TestResult) string {
	s := sidesOf(t)
	in := "In " + t.Name + ", "
	switch {
	case s.slowest != nil:
		return in + costs(t, *s.slowest) + noiseTail(t, s) + "."
	case s.fastest != nil:
		return in + fmt.Sprintf("%s %s than host: its p50 is %s", s.fastest.Name, map[bool]string{true: "takes fewer instructions", false: "is faster"}[isCounted(t)], times(*s.fastest)) + noiseTail(t, s) + "."
	case len(s.noise) == 1:
		return in + s.noise[0] + " cannot be told from host at p50: its ratio lies within the noise" + floorTail(t) + "."
	case len(s.noise) > 1:
		return in + "no mode can be told from host at p50: every ratio lies within the noise" + floorTail(t) + "."
	case s.slowestOpen != nil && isCounted(t):
		return in + oneSeed(t, *s.slowestOpen)
	case s.slowestOpen != nil:
		return in + fmt.Sprintf("%s is slowest: its p50 is %s × host's, but %s give no interval and so no verdict.",
			s.slowestOpen.Name, ratioText(ratioOf(s.slowestOpen)), count(s.slowestOpen.RatioToHost["p50"].N, "round"))
	}
	return in + "no mode can be compared with host: " + firstOf(hostOf(t).Reason, othersAbsent(t), "none gave enough transactions") + "."
}

func costs(t testbed.TestResult, m testbed.ModeResult) string {
	text := fmt.Sprintf("%s costs most: its p50 is %s", m.Name, times(m))
	if added := addedCell(t, m); added != "" {
		text += ", " + added + " " + latencyUnit(t.Unit)
	}
	return text
}

// times is a ratio with its interval in words.
func times(m testbed.ModeResult) string {
	e := m.RatioToHost["p50"]
	return fmt.Sprintf("%s × host's (95%% interval %s to %s)", ratioText(*e.Estimate), ratioText(*e.Lo), ratioText(*e.Hi))
}

func noiseTail(t testbed.TestResult, s sides) string {
	switch {
	case len(s.noise) > 0:
		return "; " + list(s.noise) + " cannot be told from host" + floorTail(t)
	case t.NoiseFloor.Lo != nil:
		return fmt.Sprintf("; the noise floor is %s to %s", ratioText(*t.NoiseFloor.Lo), ratioText(*t.NoiseFloor.Hi))
	}
	return ""
}

func floorTail(t testbed.TestResult) string {
	floor := t.NoiseFloor
	if floor.Lo == nil {
		return ""
	}
	return fmt.Sprintf(" (noise floor %s to %s)", ratioText(*floor.Lo), ratioText(*floor.Hi))
}

// answerCells is the answer over a matrix: what the slowest mode costs where it
// costs least and where most. It ranks modes, which share a boot, and no cells,
// which do not.
func answerCells(cells []testbed.TestResult) string {
	in := "In " + cells[0].Name + ", "
	found := []cellCost{}
	for _, t := range cells {
		if m := sidesOf(t).slowest; m != nil {
			found = append(found, cellCost{t, *m})
		}
	}
	if len(found) == 0 && isCounted(cells[0]) {
		return in + oneSeedEach(cells)
	}
	if len(found) == 0 {
		return in + fmt.Sprintf("no mode can be told from host at p50 in any of %s.", count(len(cells), "cell"))
	}
	slices.SortStableFunc(found, func(a, b cellCost) int { return cmp.Compare(ratioOf(&a.mode), ratioOf(&b.mode)) })
	least, most := found[0], found[len(found)-1]
	if len(found) < len(cells) || !sameMode(found) {
		return in + costs(most.test, most.mode) + " at " + CellText(most.test.Cell) + floorTail(most.test) + "."
	}
	return in + fmt.Sprintf("%s costs most in each of %s: its p50 is from %s at %s to %s at %s; the widest noise floor is %s.",
		most.mode.Name, count(len(cells), "cell"), times(least.mode), CellText(least.test.Cell),
		times(most.mode), CellText(most.test.Cell), widestFloor(cells))
}

// cellCost is a cell with its slowest mode.
type cellCost struct {
	test testbed.TestResult
	mode testbed.ModeResult
}

func sameMode(found []cellCost) bool {
	return !slices.ContainsFunc(found, func(c cellCost) bool { return c.mode.Name != found[0].mode.Name })
}

func widestFloor(cells []testbed.TestResult) string {
	widest := testbed.Estimate{}
	for _, t := range cells {
		floor := t.NoiseFloor
		if floor.Lo != nil && (widest.Lo == nil || *floor.Hi / *floor.Lo > *widest.Hi / *widest.Lo) {
			widest = floor
		}
	}
	if widest.Lo == nil {
		return "unknown"
	}
	return ratioText(*widest.Lo) + " to " + ratioText(*widest.Hi)
}

// othersAbsent says that no mode but host was measured; empty where one was.
func othersAbsent(t testbed.TestResult) string {
	var absent []string
	for _, m := range t.Modes {
		switch {
		case m.Name == hostMode:
		case m.Status == testbed.StatusOK:
			return ""
		default:
			absent = append(absent, m.Name+" is "+m.Status)
		}
	}
	return list(absent)
}
