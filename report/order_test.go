package report

import (
	"bytes"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
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
			m.RatioToHost["p50"] = testbed.Estimate{Estimate: &v, Lo: &lo, Hi: &hi, N: 10, Method: methodRounds}
		}
		t.Modes = append(t.Modes, m)
	}
	return CompareSide{Path: path, Result: testbed.Result{Backend: "libvirt", Tests: []testbed.TestResult{t}}}
}

func TestOrder(t *testing.T) {
	time := ordering("time", testbed.UnitTime, map[string]float64{"docker0": 1.3, "macvlan": 1.01, "wireguard": 2, "ipvlan": 1.02})
	counts := ordering("count", testbed.UnitInstructions, map[string]float64{"docker0": 1.45, "macvlan": 1.05, "wireguard": 1.4, "ipvlan": 1.04})
	o, err := OrderOf(time, counts)
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, OrderTerminal(&b, []testbed.Order{o}, TerminalOptions{}))
	require.Equal(t, `Order of modes: time (by time) and count (by instructions)

rr
ratio to host and rank, here (by time) and there (by instructions)

mode       × host  there  rank  there
─────────────────────────────────────
macvlan     1.010  1.050     1      2
ipvlan      1.020  1.040     2      1
docker0     1.300  1.450     3      4
wireguard   2.000  1.400     4      3
Rank correlation (Spearman) 0.60. Of 6 pairs of modes, both tell 5 apart, in the
same order 4 times
docker0 before wireguard here, and after it there: waiting (for another softirq,
a thread to be woken, memory) takes time and no instructions
`, b.String())

	b.Reset()
	require.NoError(t, OrderJSON(&b, []testbed.Order{o}))
	document, err := jsonschema.UnmarshalJSON(&b)
	require.NoError(t, err)
	require.NoError(t, compiled(t, "order").Validate(document))

	b.Reset()
	require.NoError(t, OrderMarkdown(&b, []testbed.Order{o}))
	require.Contains(t, b.String(), "| wireguard | 2.000 | 1.400 | 4 | 3 |")
}

// The report has the order beside it where another result is given.
func TestReportWithOrder(t *testing.T) {
	counts := ordering("count", testbed.UnitInstructions, map[string]float64{"docker0": 1.45, "macvlan": 1.05, "wireguard": 1.4, "ipvlan": 1.04})
	r, blocks := judged(t)
	counts.Result.Tests[0].Name = r.Tests[0].Name
	o, err := OrderOf(CompareSide{Path: "here", Result: r}, counts)
	require.NoError(t, err)
	var terminal, markdown, page bytes.Buffer
	require.NoError(t, Terminal(&terminal, r, TerminalOptions{Orders: []testbed.Order{o}}))
	require.NoError(t, Markdown(&markdown, r, o))
	require.NoError(t, HTML(&page, r, blocks, o))
	for _, drawn := range []string{terminal.String(), markdown.String(), page.String()} {
		require.Contains(t, drawn, "Order of modes: here (by time) and count (by instructions)")
		require.Contains(t, drawn, "2 modes with a ratio to host in both: too few for an order")
	}
}

func TestOrderOfTooFew(t *testing.T) {
	few := ordering("few", testbed.UnitTime, map[string]float64{"docker0": 1.3, "macvlan": 1.01})
	o, err := OrderOf(few, few)
	require.NoError(t, err)
	require.Nil(t, o.Tests[0].Correlation)
	require.Contains(t, orderNotes(o.Tests[0]), "2 modes with a ratio to host in both: too few for an order")
	other := few
	other.Result = testbed.Result{Tests: []testbed.TestResult{{Name: "other", Cell: map[string]string{}, Modes: []testbed.ModeResult{{Name: "host"}}}}}
	_, err = OrderOf(few, other)
	require.ErrorContains(t, err, "no test in common")
}
