package report

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// slow is how much slower the engine of these tests is than our own loop.
const slow = 1.25

// besideWorld is a world in which netperf measured each block that we did, in
// twice the transactions: the same figures times slow.
func besideWorld(t *testing.T, change func(*testbed.Block)) testbed.Result {
	w := typical()
	w.tests, w.modes = []string{"tcp_rr"}, []string{"host", "docker0"}
	in := w.input(t)
	in.Lab.Cells[0].Tests[0].Engine = "netperf"
	for _, b := range in.Blocks {
		ours := w.quantiles(t, b)
		b.Index += 1000
		b.Engine, b.Histogram, b.Transactions = "netperf", "", 2*b.Transactions
		b.Nanoseconds = int64(2 * slow * float64(b.Nanoseconds))
		b.Mean *= slow
		b.Figures = &testbed.Figures{Version: "2.7.0", Command: "netperf …", Percentiles: map[string]float64{}}
		for _, name := range []string{"p50", "p90", "p99"} {
			b.Figures.Percentiles[name] = slow * ours[name]
		}
		if change != nil {
			change(&b)
		}
		in.Blocks = append(in.Blocks, b)
	}
	r, err := Analyze(in)
	require.NoError(t, err)
	return r
}

// quantiles of a block as we read them.
func (w truth) quantiles(t *testing.T, b testbed.Block) map[string]float64 {
	s := newSeries(testbed.Mode{Name: b.Mode})
	require.Empty(t, s.take(b))
	values := map[string]float64{}
	for _, m := range metrics {
		values[m.name] = m.of(s.samples[b.Round][0])
	}
	return values
}

func engineOf(t *testing.T, r testbed.Result, mode string) (testbed.ModeResult, testbed.EngineResult) {
	t.Helper()
	for _, m := range r.Tests[0].Modes {
		if m.Name == mode {
			require.Len(t, m.Beside, 1)
			return m, m.Beside[0]
		}
	}
	t.Fatalf("no mode %q", mode)
	return testbed.ModeResult{}, testbed.EngineResult{}
}

func TestFiguresBesideOurs(t *testing.T) {
	r := besideWorld(t, nil)
	require.Empty(t, r.Warnings)
	text, err := JSON(r)
	require.NoError(t, err)
	require.NoError(t, validate(t, text))
	mode, beside := engineOf(t, r, "docker0")
	require.Equal(t, "netperf", beside.Engine)
	require.Equal(t, "2.7.0", beside.Version)
	require.Equal(t, 10, beside.Blocks)
	for _, metric := range []string{"p50", "p90", "mean", "rate"} {
		ours, want := *figureOf(&mode, metric), slow
		if metric == "rate" {
			want = 1 / slow
		}
		require.InEpsilon(t, *ours.Estimate*want, *beside.Figures[metric].Estimate, 1e-6, metric)
		require.InEpsilon(t, *mode.RatioToHost[metric].Estimate, *beside.RatioToHost[metric].Estimate, 1e-6, metric)
		require.InEpsilon(t, 1/want, *beside.RatioToOurs[metric].Estimate, 1e-6, metric)
		for _, e := range []testbed.Estimate{beside.Figures[metric], beside.RatioToHost[metric]} {
			require.LessOrEqual(t, *e.Lo, *e.Estimate)
			require.Less(t, *e.Lo, *e.Hi)
			require.Equal(t, 10, e.N)
		}
		require.InDelta(t, *beside.RatioToOurs[metric].Lo, *beside.RatioToOurs[metric].Hi, 1e-3, "paired: no drift is in it")
	}
	require.NotContains(t, beside.Figures, "p999", "netperf gives none")
	require.Contains(t, beside.Figures["p99"].Reason, "20 transactions beyond it, 100 needed")
	require.Nil(t, beside.RatioToOurs["p99"].Estimate)

	_, host := engineOf(t, r, "host")
	require.Equal(t, 20, host.Blocks)
	require.Contains(t, host.RatioToHost["p50"].Reason, "host is the reference")
	require.InEpsilon(t, 1/slow, *host.RatioToOurs["p50"].Estimate, 1e-6)
}

// TestAnotherEngineLeavesOursAlone, whatever it saw.
func TestAnotherEngineLeavesOursAlone(t *testing.T) {
	w := typical()
	w.tests, w.modes = []string{"tcp_rr"}, []string{"host", "docker0"}
	want := w.result(t).Tests[0]
	got := besideWorld(t, func(b *testbed.Block) { b.Mean *= 1000 }).Tests[0]
	got.Engine = want.Engine
	for i := range got.Modes {
		require.Len(t, got.Modes[i].Beside, 1)
		got.Modes[i].Beside = want.Modes[i].Beside
	}
	require.Equal(t, want, got)
}

func TestEngineThatIsNotThere(t *testing.T) {
	const why = "netperf is not installed on client: Debian package netperf"
	r := besideWorld(t, func(b *testbed.Block) { b.Status, b.Reason = testbed.StatusUnsupported, why })
	mode, beside := engineOf(t, r, "docker0")
	require.Equal(t, testbed.StatusOK, mode.Status)
	require.Zero(t, beside.Blocks)
	require.Equal(t, testbed.Estimate{Reason: "unsupported: " + why}, beside.Figures["p50"])
	require.Contains(t, beside.RatioToHost["p50"].Reason, why)
	require.ElementsMatch(t, []string{"tcp_rr: host with netperf: unsupported: " + why, "tcp_rr: docker0 with netperf: unsupported: " + why}, r.Warnings)
}

func TestEngineBlocksThatDoNotCount(t *testing.T) {
	for want, change := range map[string]func(*testbed.Block){
		"failed: boom":             func(b *testbed.Block) { b.Status, b.Reason = testbed.StatusFailed, "boom" },
		"stolen":                   func(b *testbed.Block) { b.Void = "stolen" },
		"netperf gave no figures":  func(b *testbed.Block) { b.Figures = nil },
		"0 transactions in":        func(b *testbed.Block) { b.Transactions = 0 },
		"mean of NaN":              func(b *testbed.Block) { b.Mean = math.NaN() },
		"p50 of -1":                func(b *testbed.Block) { b.Figures.Percentiles["p50"] = -1 },
		`the test has no mode "x"`: func(b *testbed.Block) { b.Mode = "x" },
		"no such round":            func(b *testbed.Block) { b.Round = -1 },
	} {
		r := besideWorld(t, func(b *testbed.Block) {
			if b.Mode == "docker0" && b.Round == 3 {
				change(b)
			}
		})
		_, beside := engineOf(t, r, "docker0")
		require.Equal(t, 9, beside.Blocks, want)
		require.Equal(t, 9, beside.RatioToOurs["p50"].N, want)
		require.Len(t, r.Warnings, 1, want)
		require.Contains(t, r.Warnings[0], want)
		require.Empty(t, r.Tests[0].Voided)
	}
}
