package report

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// ordering is a side with ratios to host that are known within 1%.
func ordering(path, unit string, ratios map[string]float64) CompareSide {
	t := testbed.TestResult{Name: "rr", Unit: unit, Cell: map[string]string{}}
	for _, mode := range []string{"host", "docker0", "macvlan", "wireguard", "ipvlan"} {
		m := testbed.ModeResult{Name: mode, Status: testbed.StatusOK, RatioToHost: map[string]testbed.Estimate{}}
		if v, has := ratios[mode]; has {
			lo, hi := 0.99*v, 1.01*v
			m.RatioToHost["p50"] = testbed.Estimate{Estimate: &v, Lo: &lo, Hi: &hi, N: 10}
		}
		t.Modes = append(t.Modes, m)
	}
	return CompareSide{Path: path, Result: testbed.Result{Tests: []testbed.TestResult{t}}}
}

func TestOrder(t *testing.T) {
	time := ordering("time", testbed.UnitTime, map[string]float64{"docker0": 1.3, "macvlan": 1.01, "wireguard": 2, "ipvlan": 1.02})
	counts := ordering("count", testbed.UnitInstructions, map[string]float64{"docker0": 1.45, "macvlan": 1.05, "wireguard": 1.4, "ipvlan": 1.04})
	var b bytes.Buffer
	require.NoError(t, Order(&b, time, counts))
	require.Equal(t, `time (by time) and count (by instructions)

rr

  mode           × host       there  rank  there
  macvlan         1.010       1.050     1      2
  ipvlan          1.020       1.040     2      1
  docker0         1.300       1.450     3      4
  wireguard       2.000       1.400     4      3
Rank correlation (Spearman) 0.60. Of 6 pairs of modes, both tell 5 apart, in the
same order 4 times.
  · docker0 before wireguard here, and after it there: waiting (for another
    softirq, a thread to be woken, memory) takes time and no instructions
`, b.String())
}

func TestOrderOfTooFew(t *testing.T) {
	few := ordering("few", testbed.UnitTime, map[string]float64{"docker0": 1.3, "macvlan": 1.01})
	var b bytes.Buffer
	require.NoError(t, Order(&b, few, few))
	require.Contains(t, b.String(), "2 modes with a ratio to host in both: too few for an order")
	other := few
	other.Result = testbed.Result{Tests: []testbed.TestResult{{Name: "other", Cell: map[string]string{}, Modes: []testbed.ModeResult{{Name: "host"}}}}}
	require.ErrorContains(t, Order(&b, few, other), "no test in common")
}
