package report

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// TestFocus: one row is judged as it would be alone, without a correction for the rest.
func TestFocus(t *testing.T) {
	worse := booted(6)
	worse.factors = map[string]float64{"docker0": 1.2 * 1.1}
	base, other := side(t, booted(6), "old", 1), side(t, worse, "new", 2)
	all := comparedTo(t, base, 0.03, other)[0]
	require.Len(t, all.Modes, 3)
	row := all.Modes[1]
	focused := comparedTo(t, Focus(base, row), 0.03, Focus(other, row))[0]
	require.Equal(t, []string{"host", "docker0"}, []string{focused.Modes[0].Mode, focused.Modes[1].Mode})
	require.Equal(t, row.Itself, focused.Modes[1].Itself)
	require.LessOrEqual(t, *focused.Modes[1].P, *row.P)
	require.Len(t, base.Result.Tests[0].Modes, 3, "the side itself stays")

	row.Cell = map[string]string{"kernel": "other"}
	require.Empty(t, Focus(base, row).Result.Tests)

	text := strings.Join(ChangeLines(focused.Modes[1], "p50"), "\n")
	require.Regexp(t, `^docker0 in tcp_rr: p50 \d+\.\d → \d+\.\d .s, \+\d+\.\d% \[\+\d+\.\d%, \+\d+\.\d%\]$`, text)
}

// functionsOnly is a side with nothing but a mode's instructions by function.
func functionsOnly(functions map[string]float64) CompareSide {
	sum := 0.0
	for _, n := range functions {
		sum += n
	}
	mode := testbed.ModeResult{Name: "host", Status: testbed.StatusOK, Functions: functions, Mean: testbed.Estimate{Estimate: &sum}}
	return CompareSide{Result: testbed.Result{Tests: []testbed.TestResult{{Name: "rr", Modes: []testbed.ModeResult{mode}}}}}
}

// TestTurnover is what moved, whatever is left of it in the sum, and never less than the
// change of any version between.
func TestTurnover(t *testing.T) {
	row := testbed.Change{Test: "rr", Mode: "host"}
	base := functionsOnly(map[string]float64{"a": 600, "b": 300, "gone": 100})
	other := functionsOnly(map[string]float64{"a": 500, "b": 400, "new": 100})
	got, known := Turnover(base, other, row)
	require.True(t, known)
	require.InDelta(t, 400.0/600, got, 1e-9, "the sums are equal, and 400 of 1,000 moved")
	const between = 800.0 // After a and gone have shrunk, and before b and new have grown.
	require.GreaterOrEqual(t, got, math.Log(1000/between))

	everything, _ := Turnover(functionsOnly(map[string]float64{"a": 10}), functionsOnly(map[string]float64{"b": 10}), row)
	require.Equal(t, math.Inf(1), everything)
	_, known = Turnover(base, functionsOnly(nil), row)
	require.False(t, known)
	_, known = Turnover(base, other, testbed.Change{Test: "rr", Mode: "docker0"})
	require.False(t, known)
}

// TestChangeLinesOfCounts names the functions, and says why there is no interval.
func TestChangeLinesOfCounts(t *testing.T) {
	was, is, ratio := 1000.0, 1050.0, 1.05
	c := testbed.Change{
		Test: "rr", Mode: "host", Unit: testbed.UnitInstructions, Cell: map[string]string{"size": "1"},
		Base: testbed.Estimate{Estimate: &was}, New: testbed.Estimate{Estimate: &is}, Itself: testbed.Estimate{Estimate: &ratio}, JudgedBy: testbed.JudgedItself,
		Reason:    "no interval: 1 seed",
		Functions: []testbed.FunctionChange{{Name: "f", Base: 10, New: 70}, {Name: "g", Base: 20, New: 10}},
	}
	require.Equal(t, []string{
		"host in rr, size = 1: mean 1,000 → 1,050 instructions, +5.0% (no interval: 1 seed)",
		"host: instructions a transaction by function: f +60 and g −10",
	}, ChangeLines(c, "mean"))
	c.Itself = testbed.Estimate{}
	require.Equal(t, "host in rr, size = 1: mean 1,000 → 1,050 instructions, no interval: 1 seed", ChangeLines(c, "mean")[0])
}
