package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// TestAKernelThatPanicsIsACell: the other cell is measured, and no kernel of Debian's has
// kmemleak. Kernels that hang are in docs/proofs/broken-kernels.md.
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

// TestAKernelThatLacksModulesIsACell: without a mode's module it lacks the mode, and
// without any it can make no wire.
func TestAKernelThatLacksModulesIsACell(t *testing.T) {
	u := newUser(t)
	kernel := filepath.Join(u.dir, "kernel")
	u.unpackKernel("trixie", kernel)
	require.NoError(t, os.Rename(filepath.Join(kernel, "bzImage"), filepath.Join(u.dir, "vmlinuz")))
	require.NoError(t, os.Rename(glob(t, kernel, "modules/*")[0], filepath.Join(u.dir, "lacks-ipvlan")))
	for _, module := range glob(t, u.dir, "lacks-ipvlan/kernel/drivers/net/ipvlan/ipv*.ko*") { // ipvtap needs it.
		require.NoError(t, os.Remove(module))
	}
	dir := filepath.Join(u.dir, "result")
	lab := u.lab("broken.hcl", "lacking", "image.good, image.panics, image.hangs, ", "", "./good", "./lacks-ipvlan", "./hangs", "./lacks-ipvlan", "rounds       = 2", "transactions = 100")
	o := u.try("run", "--backend", "icount", lab, "--out", dir)
	require.Equal(t, 1, o.status, o.stderr)
	require.Contains(t, o.stdout, "what failed, in 1 of 2 cells\n  failed   kernel = bare")

	found := map[string]string{}
	for _, test := range readResult(t, dir).Tests {
		for _, m := range test.Modes {
			found[test.Cell["kernel"]+" "+m.Name] = m.Status
			switch {
			case test.Cell["kernel"] == "bare":
				require.Contains(t, m.Reason, "CONFIG_VETH")
			case m.Name == "ipvlan":
				require.Contains(t, m.Reason, "CONFIG_IPVLAN")
			}
		}
	}
	require.Equal(t, map[string]string{
		"lacks-ipvlan host": testbed.StatusOK, "lacks-ipvlan macvlan": testbed.StatusOK, "lacks-ipvlan ipvlan": testbed.StatusUnsupported,
		"bare host": testbed.StatusFailed, "bare macvlan": testbed.StatusFailed, "bare ipvlan": testbed.StatusFailed,
	}, found)
	require.Empty(t, remains(t, owner))
}
