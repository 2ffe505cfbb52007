package report

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// panicked is a side whose kernel panicked in a cell before anything was measured there.
func panicked(t testing.TB, w truth, path string, seed uint64, cell map[string]string) CompareSide {
	return side(t, w, path, seed, func(in *Input) {
		in.Blocks = slices.DeleteFunc(in.Blocks, func(b testbed.Block) bool { return within(b.Cell, cell) })
		in.Environment.Machines = slices.DeleteFunc(slices.Clone(in.Environment.Machines), func(m testbed.MachineEnvironment) bool { return within(m.Cell, cell) })
		in.Crashes = []testbed.Crash{{
			Machine: "client", Cell: cell, Boot: 1, Place: "boot", Complaint: "Kernel panic - not syncing: x",
			Frames: []string{"f", "g"}, Console: "consoles/client.log",
		}}
		in.Failures = []testbed.CellFailure{{Cell: cell, Reason: "its kernel failed"}}
	})
}

// TestCompareWithAPanic: what the base did and a kernel that panics does not is a failure
// in every format, and no question that is open.
func TestCompareWithAPanic(t *testing.T) {
	old := side(t, booted(3), "old", 1)
	all := comparedTo(t, old, 0.5, panicked(t, booted(3), "new", 2, map[string]string{}))
	require.Equal(t, testbed.Broken, all[0].Verdict)
	require.Equal(t, map[string]string{"host": testbed.Broken, "docker0": testbed.Broken, "macvlan": testbed.Broken}, verdicts(all[0]))
	require.Equal(t, []testbed.Failing{{
		What: "crashed: machine client, at boot", Why: "Kernel panic - not syncing: x; in f < g; console: consoles/client.log",
	}}, all[0].Failed)
	out := formats(t, all)
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(out["json"]))
	require.NoError(t, err)
	require.NoError(t, compiled(t, "comparison").Validate(instance))
	for format, text := range map[string]string{
		"ktap": "    not ok 1 host # failed: ", "github": "::error title=tcp_rr host::failed", "junit": `<failure message="failed: `,
		"terminal": "Failed: host, docker0 and macvlan failed where the base did not.", "markdown": "Kernel panic",
	} {
		require.Contains(t, string(out[format]), text, format)
	}

	both := comparedTo(t, panicked(t, booted(3), "old", 1, map[string]string{}), 0.5, panicked(t, booted(3), "new", 2, map[string]string{}))[0]
	require.Equal(t, testbed.Undecided, both.Verdict, "it is none of the new kernel's")
	require.Empty(t, both.Failed)
	require.Equal(t, testbed.Undecided, comparedTo(t, panicked(t, booted(3), "old", 1, map[string]string{}), 0.5, old)[0].Verdict)
}

// TestComparePanicAmongCells: the other cells are judged, and the worst of several wins.
func TestComparePanicAmongCells(t *testing.T) {
	w := kernels(booted(3))
	broken := panicked(t, w, "new", 2, map[string]string{"kernel": "trixie"})
	c := comparedTo(t, side(t, w, "old", 1), 0.5, broken)[0]
	require.Equal(t, testbed.Broken, c.Verdict)
	for _, m := range c.Modes {
		require.Equal(t, m.Cell["kernel"] == "trixie", m.Verdict == testbed.Broken, "%s: %s", m.Cell, m.Verdict)
	}
	require.Equal(t, testbed.Broken, Worst([]testbed.Comparison{{Verdict: testbed.Regression}, c, {Verdict: testbed.Undecided}}))

	// Two cells of a result, the base's of which failed: a run is to blame for it, and a
	// comparison of what is stored is not.
	base, other := broken, broken
	base.Cell, other.Cell = map[string]string{"kernel": "trixie"}, map[string]string{"kernel": "bookworm"}
	require.Empty(t, comparedTo(t, base, 0.5, other)[0].Failed)
	all, err := Compare(base, []CompareSide{other}, CompareOptions{Metric: "p50", OneRun: true})
	require.NoError(t, err)
	require.Len(t, all[0].Failed, 1)
	require.Equal(t, testbed.Broken, all[0].Verdict)
	require.Contains(t, string(formats(t, all)["terminal"]), "Failed: 1 failure, listed below.")
	require.Contains(t, string(formats(t, all)["junit"]), `<testsuite name="what failed" tests="1" failures="1"`)
}

// TestComparePanicLater: a kernel that fails after its figures are in has failed.
func TestComparePanicLater(t *testing.T) {
	late := side(t, booted(3), "new", 2)
	late.Result.Crashes = []testbed.Crash{{Machine: "client", Cell: map[string]string{}, Boot: 3, Complaint: "BUG: x", Frames: []string{}}}
	c := comparedTo(t, side(t, booted(3), "old", 1), 0.5, late)[0]
	require.Equal(t, testbed.Broken, c.Verdict)
	require.NotContains(t, slices.Collect(maps.Values(verdicts(c))), testbed.Broken)
	all, err := Compare(side(t, booted(3), "old", 1), []CompareSide{late}, CompareOptions{Metric: "p50", Margin: 0.5, Elsewhere: true})
	require.NoError(t, err)
	require.NotEqual(t, testbed.Broken, all[0].Verdict, "another machine's kernel is not what is asked about")
}
