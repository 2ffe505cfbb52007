package e2e

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// TestAKernelThatPanicsIsACell: the other cell is measured, and no kernel of Debian's has
// kmemleak. More ways to fail are in docs/proofs/broken-kernels.md.
func TestAKernelThatPanicsIsACell(t *testing.T) {
	u := newUser(t)
	dir := filepath.Join(u.dir, "result")
	o := u.try("run", u.lab("panics.hcl", "panics"), "--out", dir)
	require.Equal(t, 1, o.status, o.stderr)
	checkWidth(t, o.stdout)
	require.Contains(t, o.stdout, "what failed, in 1 of 2 cells\n  crashed  kernel = panics; ")
	require.Contains(t, o.stdout, "kmemleak, host and macvlan: unsupported: ")

	r := readResult(t, dir)
	require.Len(t, r.Crashes, 1)
	crash := r.Crashes[0]
	require.Equal(t, map[string]string{"kernel": "panics"}, crash.Cell)
	require.Contains(t, crash.Complaint, "Kernel panic - not syncing: ")
	require.Len(t, crash.Frames, 5)
	require.Contains(t, read(t, dir, crash.Console), crash.Complaint)
	require.Equal(t, "the kernel of guest crashed: "+crash.Complaint, r.Tests[1].Modes[0].Reason)
	for _, m := range r.Tests[0].Modes {
		require.Equal(t, testbed.StatusOK, m.Status, m.Reason)
		require.Equal(t, testbed.StatusUnsupported, m.Leaks.Status)
		require.Contains(t, m.Leaks.Reason, "CONFIG_DEBUG_KMEMLEAK")
	}
	require.Empty(t, remains(t, owner))
}
