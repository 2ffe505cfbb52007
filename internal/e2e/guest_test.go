package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestModesInAGuest runs the agent's own tests of modes inside a guest, whose
// kernel has what this machine's may lack: every step of every mode fails in
// turn there, and nothing is left. In a guest none of them may be skipped for
// want of a module.
func TestModesInAGuest(t *testing.T) {
	u := newUser(t)
	binary := filepath.Join(t.TempDir(), "netmode.test")
	build := exec.Command("go", "test", "-c", "-o", binary, "../../guestagent/netmode")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	u.do("up", u.lab("tiny.hcl", "modes", "RELEASE", `release = "trixie"`, "ROUNDS", "1"))

	u.push(binary, "server", "/tmp/netmode.test")
	// A module that a mode needs is loaded by the first one and stays, with the
	// sysctls it brings: loaded before, they are no leftover of a mode.
	u.do("exec", "server", "--", "modprobe", "-a", "nf_conntrack", "nft_chain_nat", "nft_masq", "nft_ct", "bridge", "macvlan", "ipvlan")
	ran := u.try("exec", "server", "--", "/tmp/netmode.test", "-test.v", "-test.timeout", "5m")
	require.Equal(t, 0, ran.status, ran.stdout+ran.stderr)
	require.NotContains(t, ran.stdout, "--- SKIP")
	require.Contains(t, ran.stdout, "ipvlan")
	u.do("down", "modes")
}
