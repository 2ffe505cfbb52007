package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMachinesThatAreVMs measures on the VMs of another lab as on computers that
// exist: over their own SSH server, which is not OpenSSH's.
func TestMachinesThatAreVMs(t *testing.T) {
	u := newUser(t)
	u.do("up", u.lab("tiny.hcl", "vms", "RELEASE", `release = "trixie"`, "ROUNDS", "1"))
	before := u.stateOfVMs()

	config := "Host *\n  IdentityFile " + u.keyOf("vms") + "\n  IdentitiesOnly yes\n" +
		"  UserKnownHostsFile " + filepath.Join(u.dir, "known") + "\n  StrictHostKeyChecking accept-new\n"
	require.NoError(t, os.WriteFile(filepath.Join(u.dir, "config"), []byte(config), 0o600))
	u.env = append(u.env, "TESTBED_SSH=ssh -F "+filepath.Join(u.dir, "config"))
	var targets []string
	for _, m := range labOf(t, u, "vms").Machines {
		targets = append(targets, strings.ToUpper(m.Name), "root@"+m.SSH)
	}
	require.Len(t, targets, 4)
	// Another subnet than the VMs have, so that there is something to undo.
	path := u.lab("machines.hcl", "exist", append(targets, "10.77.0", "10.78.0", "ROUNDS", "1", "NIC", "eth1", "SHARE", "false")...)
	u.do("run", path)
	result := readResult(t, filepath.Join(u.dir, "results", "exist", "latest"))
	require.Equal(t, "ssh", result.Backend)
	for _, mode := range result.Tests[0].Modes {
		require.Equal(t, "ok", mode.Status, mode.Reason)
	}
	require.Equal(t, before, u.stateOfVMs())
	u.do("down", "vms")
}

// keyOf writes a running lab's key into a file.
func (u *user) keyOf(lab string) string {
	u.t.Helper()
	home := os.Getenv("XDG_STATE_HOME")
	if home == "" {
		user, err := os.UserHomeDir()
		require.NoError(u.t, err)
		home = filepath.Join(user, ".local", "state")
	}
	found, err := filepath.Glob(filepath.Join(home, "testbed", "labs", owner+"@*", lab, "state.json"))
	require.NoError(u.t, err)
	require.Len(u.t, found, 1)
	text, err := os.ReadFile(found[0])
	require.NoError(u.t, err)
	var state struct{ Key string }
	require.NoError(u.t, json.Unmarshal(text, &state))
	path := filepath.Join(u.dir, "key")
	require.NoError(u.t, os.WriteFile(path, []byte(state.Key), 0o600))
	return path
}

// stateOfVMs is what their own tools say of their network, and the files that
// may be left.
func (u *user) stateOfVMs() string {
	u.t.Helper()
	const look = `set -e
ip -o link | sed 's/qlen.*//'; ip -o address; ip route show table all; ip rule; nft list tables
cd /proc/sys/net/ipv4/conf; grep -r . . | sort; ls -A /tmp /var/tmp /dev/shm`
	text := ""
	for _, name := range []string{"client", "server"} {
		text += u.do("exec", "vms/"+name, "--", "sh", "-c", look).stdout
	}
	return text
}
