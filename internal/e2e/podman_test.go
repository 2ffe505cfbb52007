package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// TestPodman measures from inside real containers, at either end: Podman from
// Debian's packages on a disk of the image's, without a registry.
func TestPodman(t *testing.T) {
	u := newUser(t)
	path := u.lab("podman.hcl", "podman")
	out := u.do("run", path).stdout
	checkWidth(t, out)
	text, err := os.ReadFile(filepath.Join(u.dir, "results", "podman", "latest", "result.json"))
	require.NoError(t, err)
	var result testbed.Result
	require.NoError(t, json.Unmarshal(text, &result))
	require.Len(t, result.Tests, 1)
	for _, m := range result.Tests[0].Modes {
		if m.Name == "nobody" {
			require.Equal(t, testbed.StatusFailed, m.Status)
			require.Contains(t, m.Reason, "podman has no container of that name (podman ps -a lists them)")
			continue
		}
		require.Equal(t, testbed.StatusOK, m.Status, "%s: %s", m.Name, m.Reason)
		require.Positive(t, m.Transactions, m.Name)
		for _, c := range m.Capabilities {
			if m.Name == "out" && c.Name == "service_request" {
				require.Equal(t, testbed.Works, c.Answer, c.Observation)
			}
			if m.Name == "out" && c.Name == "arp" {
				require.Equal(t, testbed.Fails, c.Answer, "it is behind Podman's bridge: %s", c.Observation)
			}
		}
	}
	require.Empty(t, remains(t, owner))

	// A setup that fails says so, and leaves no machine that is half set up.
	broken := u.lab("guest.hcl", "broken", `"guest" {`, "\"guest\" {\n  setup = \"echo so far; cat /nowhere; echo never\"\n")
	failed := u.try("up", broken)
	require.Equal(t, 1, failed.status)
	require.Contains(t, failed.stderr, `set up "guest"`)
	require.Contains(t, failed.stderr, "so far\ncat: can't open '/nowhere'")
	require.NotContains(t, failed.stderr, "never\n")
	for _, left := range remains(t, owner) {
		require.NotContains(t, left, "system list", "the network may stay, the machine may not")
		require.NotContains(t, left, "pgrep", left)
	}
	u.do("down", "broken")
	require.Empty(t, remains(t, owner))
}
