package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/examples"
)

// TestBisectRefuses, before anything is measured or made.
func TestBisectRefuses(t *testing.T) {
	folder(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	require.NoError(t, os.WriteFile("lab.hcl", []byte(examples.First), 0o644))
	locked := strings.Replace(lockedList, `kernels "6.12" "7.3"`, `kernels "" ""`, 1)
	require.NoError(t, os.WriteFile("lab.lock.hcl", []byte(locked), 0o644))
	for _, tt := range []struct{ flags, says string }{
		{"--good 6.12 --bad 7.3 --backend local", `the backend "local" boots no kernel`},
		{"--good 6.12 --bad 7.3 --metric instructions", "instructions are counted on the backend icount alone"},
		{"--good 6.12 --bad 7.3 --test nope", `the lab has no test "nope"; its tests are`},
		{"--good 6.12 --bad 7.3 --mode nope", `the lab has no mode "nope"`},
		{"--good 6.12 --bad 7.3 --image nope", `boot no image "nope"; they boot debian`},
		{"--good 6.13 --bad 7.3", "the mirror serves no kernel 6.13; the nearest are 6.12.107-1 and 7.3.4-1~bpo13+1"},
		{"--good 7.3.4 --bad 7.3", "7.3.4 and 7.3 are one kernel"},
	} {
		got := invoke(t, "", append([]string{"bisect", "lab.hcl"}, strings.Fields(tt.flags)...)...)
		require.Equal(t, exitUsage, got.status, got.stderr)
		require.Contains(t, got.stderr, tt.says, tt.flags)
		require.Contains(t, got.stderr, "hint: ", tt.flags)
		require.Empty(t, got.stdout)
	}
	made, err := filepath.Glob("*")
	require.NoError(t, err)
	require.Equal(t, []string{"lab.hcl", "lab.lock.hcl"}, made, "nothing is made")
}
