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
		{step("--metric", "p51"), gitFault, `no metric "p51"`},
		{step("--as", "ugly"), gitFault, "--as takes good or bad"},
		{step("--mode", "nope"), gitFault, `no mode "nope"`},
		{[]string{"bisect-step", "lab.hcl", "--tree", "tree", "--backend", "local"}, gitFault, "boots no kernel"},
		{step(), gitFault, "measure it at a good commit"},
		{step("--good", "nowhere"), gitFault, "no good result"},
		{step("--good", "good", "--bad", "nowhere"), gitFault, "the bad result"},
		{step("--good", "good", "--tree", "nowhere"), gitFault, "nowhere is no folder"},
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
