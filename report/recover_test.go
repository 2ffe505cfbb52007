package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// netem is a world in which a delay costs 150 µs besides what it delays.
func netem(t *testing.T) (testbed.Lab, []testbed.Block) {
	const host, own = 250.0, 150.0
	delays := map[string]float64{"base-a": 200, "base-b": 200, "plus-50us": 250, "plus-1ms": 1200}
	w := truth{
		modes: []string{"host", "base-a", "base-b", "plus-50us", "plus-1ms"}, factors: map[string]float64{},
		rounds: 20, transactions: 1500, base: host * 1e3, blockNoise: 0.005, tests: []string{"tcp_rr"},
	}
	for name, us := range delays {
		w.factors[name] = (host + own + us) / host
	}
	lab := w.lab()
	for i, m := range lab.Cells[0].Modes {
		lab.Cells[0].Modes[i].Kind = "host"
		lab.Cells[0].Modes[i].Delay = time.Duration(delays[m.Name]) * time.Microsecond
	}
	return lab, w.make(t, 3)
}

func TestTheBaseTakesHostsPlace(t *testing.T) {
	lab, blocks := netem(t)
	cell, base, err := delayed(lab.Cells[0])
	require.NoError(t, err)
	require.Equal(t, baseline{200 * time.Microsecond, []string{"base-a", "base-b"}}, base)
	require.Equal(t, []string{"host", "plus-50us", "plus-1ms"}, cell.Tests[0].Modes)
	require.Equal(t, []string{"host", "base-a", "base-b", "plus-50us", "plus-1ms"}, lab.Cells[0].Tests[0].Modes, "the lab is as it was")
	count := map[string]int{}
	for _, b := range onBase(append(blocks, testbed.Block{Test: "another"}), "tcp_rr", base) {
		count[b.Mode]++
	}
	require.Equal(t, map[string]int{"host": 40, "plus-50us": 20, "plus-1ms": 20}, count)
}

func TestDelaysAreRecovered(t *testing.T) {
	lab, blocks := netem(t)
	all, err := Recover(lab, blocks)
	require.NoError(t, err)
	require.Len(t, all, 4)
	require.Equal(t, 50*time.Microsecond, all[0].Injected)
	require.Equal(t, "p99", all[3].Metric)
	require.Equal(t, time.Millisecond, all[3].Injected)
	// The synthetic world stretches its distribution, which moves only the median
	// by what was injected.
	for _, r := range all[:3:3] {
		if r.Metric == "p50" {
			require.True(t, r.Inside(), "%+v", r)
		}
	}
}

func TestRecoveryIsJudgedByItsInterval(t *testing.T) {
	lo, hi := 40e3, 60e3
	r := Recovery{Injected: 50 * time.Microsecond, Found: testbed.Difference{Lo: &lo, Hi: &hi}}
	require.True(t, r.Inside())
	r.Injected = 61 * time.Microsecond
	require.False(t, r.Inside())
	r.Found.Lo = nil
	require.False(t, r.Known() || r.Inside())
}

func TestWhatCannotBeRecovered(t *testing.T) {
	lab, blocks := netem(t)
	lab.Cells[0].Modes[2].Delay = 0
	_, err := Recover(lab, blocks)
	require.ErrorContains(t, err, "1 modes of the shortest delay")
	_, err = Recover(testbed.Lab{}, nil)
	require.ErrorContains(t, err, "no test")
}
