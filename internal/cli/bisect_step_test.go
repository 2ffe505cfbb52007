package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/examples"
	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

// storedGood is a folder with as much of a result as says that there is one.
func storedGood(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, report.Write(dir, testbed.Result{Schema: testbed.ResultSchema, Lab: "first"}, nil))
}

// TestBisectStepStatus: what is no fault of a commit stops git, and a commit that cannot
// be built is skipped; both are known before any machine is asked for.
func TestBisectStepStatus(t *testing.T) {
	folder(t)
	require.NoError(t, os.WriteFile("lab.hcl", []byte(examples.First), 0o644))
	require.NoError(t, os.Mkdir("tree", 0o755))
	storedGood(t, "good")
	step := func(more ...string) []string {
		return append([]string{"bisect-step", "lab.hcl", "--tree", "tree", "--backend", "icount"}, more...)
	}
	for _, tt := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"bisect-step", "lab.hcl"}, gitFault, "no kernel tree"},
		{[]string{"bisect-step", "--nope"}, gitFault, "unknown flag"},
		{[]string{"bisect-step", "missing.hcl", "--tree", "tree"}, gitFault, "missing.hcl"},
		{step("--metric", "p51"), gitFault, "p99, p999, mean, rate, instructions"},
		{step("--as", "ugly"), gitFault, "--as takes good or bad"},
		{step("--mode", "nope"), gitFault, `no mode "nope"`},
		{[]string{"bisect-step", "lab.hcl", "--tree", "tree", "--backend", "local"}, gitFault, "boots no kernel"},
		{step(), gitFault, "measure it at a good commit"},
		{step("--good", "nowhere"), gitFault, "no good result"},
		{step("--good", "good", "--bad", "nowhere"), gitFault, "the bad result"},
		{step("--tree", "nowhere"), gitFault, "nowhere is no folder"},
		{step("--tree", "lab.hcl"), gitFault, "lab.hcl is no folder"},
		{step("--good", "good"), gitFault, "--build 'make -j8'"},
		{step("--good", "good", "--build", "no-such-compiler"), gitFault, "no-such-compiler"},
		{step("--good", "good", "--build", "exit 2"), gitSkip, ""},
		{step("--good", "good", "--build", "true"), gitSkip, ""},
	} {
		got := invoke(t, "", tt.args...)
		require.Equal(t, tt.status, got.status, "%v\n%s", tt.args, got.stderr)
		require.Contains(t, got.stderr, tt.says, tt.args)
		if tt.status == gitSkip {
			require.Contains(t, got.stdout, "skipped: ", tt.args)
		}
	}

	bare := invoke(t, "", step("--as", "good", "--build", "exit 2")...)
	require.Equal(t, gitFault, bare.status, "what is measured to judge by has to be measured")

	made, err := filepath.Glob("*")
	require.NoError(t, err)
	require.Equal(t, []string{"good", "lab.hcl", "tree"}, made, "nothing is made")
}

// TestBisectStepOfEndsThatAgree: ends that do not differ stop git, with the figures, and
// with a remedy that this command has.
func TestBisectStepOfEndsThatAgree(t *testing.T) {
	dir := t.TempDir()
	for name, figure := range map[string]float64{"good": 20_000, "longer": 20_160, "bad": 21_000} {
		keep(t, filepath.Join(dir, name), "icount", map[string]float64{"": figure}, nil)
	}
	ends := func(good, bad string) error {
		s := &step{stepping: stepping{good: filepath.Join(dir, good), bad: filepath.Join(dir, bad)}, options: report.CompareOptions{Metric: "mean", Margin: 0.02}}
		_, err := s.baselines()
		return err
	}
	require.NoError(t, ends("good", "bad"))
	var usage usageError
	require.ErrorAs(t, ends("good", "longer"), &usage)
	require.EqualError(t, usage, "the good version and the bad one do not differ: host in rr: mean 20,007 → 20,167 instructions, +0.80% [+0.80%, +0.80%] (--max-regression 2%)")
	require.NotContains(t, usage.hint, "--change", "bisect-step has no such flag")
	require.ErrorAs(t, ends("bad", "good"), &usage)
	require.ErrorContains(t, usage, "the bad version is better than the good one: host in rr")
}
