package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/images"
	"github.com/testbed-lab/testbed/internal/e2e/harness"
	"github.com/testbed-lab/testbed/testbed"
)

// TestCounted: a reviewer who has nothing but the bundle counts the same instructions in
// every block, beside a process a core that does nothing but compute; and what is counted
// by function adds up to what the guest's own clock says.
func TestCounted(t *testing.T) {
	u := newUser(t)
	path := u.lab("counted.hcl", "counted", "TRANSACTIONS", "500")
	calm := u.do("run", path, "--out", filepath.Join(u.dir, "calm")).stdout
	checkWidth(t, calm)
	require.NotContains(t, calm, "µs")
	require.Contains(t, calm, "instructions per transaction, both ends")

	compute(t)
	bundle := filepath.Join(u.dir, "calm.tar.zst")
	u.do("report", "calm", "--bundle", bundle)
	reviewer := elsewhere(t)
	again := reviewer.do("reproduce", bundle, "--out", filepath.Join(reviewer.dir, "busy"))
	require.Contains(t, again.stdout, "Reproduced: ")
	require.NotContains(t, again.stdout, "inconclusive")
	checkWidth(t, again.stdout)
	blocks := read(t, u.dir, "calm", "blocks.jsonl")
	require.Equal(t, blocks, read(t, reviewer.dir, "busy", "blocks.jsonl"), "the same to the last digit")

	result := testbed.Result{}
	require.NoError(t, json.Unmarshal([]byte(read(t, u.dir, "calm", "result.json")), &result))
	qemu := result.Environment.Host["qemu_command_lines"].(map[string]any)["counted-icount/guest"].(string)
	require.Contains(t, qemu, "-icount shift=0")
	checkUnpacked(t, result, qemu)
	checkSums(t, blocks)
	modes := result.Tests[0].Modes
	require.Equal(t, testbed.UnitInstructions, result.Tests[0].Unit)
	require.Greater(t, *modes[1].RatioToHost["p50"].Estimate, 1.2, "docker0 over host")
	require.InDelta(t, 0, modes[0].Functions["nf_conntrack_in"], 0.01)
	require.Greater(t, modes[1].Functions["nf_conntrack_in"], 100.0)
	drawn := filepath.Join(u.dir, "flame.svg")
	explained := u.do("explain", "docker0", "host", "--result", filepath.Join(u.dir, "calm"), "--svg", drawn).stdout
	require.Contains(t, explained, "nf_conntrack_in ")
	require.Contains(t, explained, "user space (the agent)")
	require.Contains(t, read(t, drawn), "</style>")
	checkWidth(t, explained)

	for _, verb := range [][]string{{"ssh", "counted/client"}, {"exec", "counted/client", "--", "true"}, {"console", "counted/client"}} {
		refused := u.try(append([]string{"--backend", "icount"}, verb...)...)
		require.Equal(t, 1, refused.status, verb)
		require.Contains(t, refused.stderr, "not on this backend", verb)
	}
	require.Empty(t, remains(t, owner))
}

// checkUnpacked has the guest started with Debian's kernel unpacked: what is uploaded has
// its digest in its name.
func checkUnpacked(t *testing.T, result testbed.Result, qemu string) {
	t.Helper()
	packed := result.Environment.Images["debian"]["kernel_sha256"].(string)
	require.NotContains(t, qemu, "kernel."+packed[:16])
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	manifests, err := filepath.Glob(filepath.Join(cache, "testbed", "images", "*", "image.json"))
	require.NoError(t, err)
	for _, manifest := range manifests {
		if !strings.Contains(read(t, manifest), packed) {
			continue
		}
		kernel, err := images.Unpack([]byte(read(t, filepath.Dir(manifest), "vmlinuz")))
		require.NoError(t, err)
		digest := sha256.Sum256(kernel)
		require.Contains(t, qemu, "kernel."+hex.EncodeToString(digest[:])[:16])
		return
	}
	require.Fail(t, "no image has the kernel that was measured", packed)
}

// elsewhere is a user with another checkout's folders: another state, and another cache,
// into which what was downloaded was put, lest the test wait for a mirror.
func elsewhere(t *testing.T) *user {
	t.Helper()
	u := newUser(t)
	mine, err := os.UserCacheDir()
	require.NoError(t, err)
	cache := filepath.Join(u.dir, "cache")
	require.NoError(t, os.Mkdir(cache, 0o755))
	require.NoError(t, os.Symlink(filepath.Join(mine, "testbed"), filepath.Join(cache, "testbed")))
	u.env = append(u.env, "XDG_CACHE_HOME="+cache, "XDG_STATE_HOME="+filepath.Join(u.dir, "state"))
	return u
}

func read(t *testing.T, elements ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(elements...))
	require.NoError(t, err)
	return string(text)
}

// compute keeps two cores busy until the test ends.
func compute(t testing.TB) {
	t.Helper()
	for range 2 {
		require.NoError(t, harness.Daemon(t, "sh", "-c", "while :; do :; done").Start())
	}
}

// checkSums: the parts of each block are its whole, within 1%.
func checkSums(t *testing.T, lines string) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(lines))
	checked := 0
	for decoder.More() {
		var b testbed.Block
		require.NoError(t, decoder.Decode(&b))
		if b.Pass != "" {
			continue
		}
		var sum int64
		for _, n := range b.Functions {
			sum += n
		}
		require.InEpsilon(t, b.Nanoseconds, sum, 0.01, b.Mode)
		checked++
	}
	require.Equal(t, 3, checked, "host twice")
}
