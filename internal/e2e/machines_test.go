package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/machinetest"
	"github.com/testbed-lab/testbed/internal/e2e/harness"
)

// racked is a lab of the rack's two computers; replace wins over what is usual.
func (r *rack) racked(name string, replace ...string) string {
	all := append(replace, "ROUNDS", "1", "NIC", "eth1", "SHARE", "false", "CLIENT", "a", "SERVER", "root@192.0.2.2:22")
	return r.lab("machines.hcl", name, all...)
}

// TestMachinesThatExist measures on two computers and leaves them as they were.
func TestMachinesThatExist(t *testing.T) {
	r := newRack(t)
	before := r.state()
	path := r.racked("rack")
	plan := r.runs("plan", path)
	require.Equal(t, 0, plan.status, plan.stderr)
	require.Contains(t, plan.stdout, "check    reach client (ssh a)")

	run := r.runs("run", path)
	require.Equal(t, 0, run.status, run.stdout+run.stderr)
	require.Contains(t, run.stdout, "docker0")
	result := readResult(t, filepath.Join(r.dir, "results", "rack", "latest"))
	require.Equal(t, "ssh", result.Backend)
	require.Empty(t, result.Accelerator)
	require.Contains(t, result.Environment.Host["ssh"], "OpenSSH")
	require.Len(t, result.Environment.Machines, 2)
	for _, mode := range result.Tests[0].Modes {
		require.Equal(t, "ok", mode.Status, mode.Reason)
	}
	r.requireState(before, time.Second)
	require.Equal(t, 0, r.runs("test", path, "--out", filepath.Join(r.dir, "again")).status)
	r.requireState(before, time.Second)

	t.Run("through a jump", func(t *testing.T) {
		r.configure("Host b\n  ProxyJump a\n")
		defer r.configure("")
		r.sh(r.desk, "ip route add unreachable 192.0.2.2")
		defer r.sh(r.desk, "ip route del unreachable 192.0.2.2")
		run := r.runs("run", r.racked("jump", "SERVER", "b"))
		require.Equal(t, 0, run.status, run.stdout+run.stderr)
		r.requireState(before, time.Second)
	})
	t.Run("by sudo", func(t *testing.T) {
		run := r.runs("run", r.racked("sudo", "CLIENT", "admin@a", "SERVER", "admin@b"))
		require.Equal(t, 0, run.status, run.stdout+run.stderr)
		r.requireState(before, time.Second)
		// sudo drops what the agent knows the session's NIC by, so it is handed on.
		refused := r.runs("run", r.racked("sudo-refused", "CLIENT", "admin@a", "NIC", management))
		require.Contains(t, refused.stderr, "mgmt0 carries the SSH session with 192.0.2.254")
	})
	t.Run("a shared NIC", func(t *testing.T) {
		// It carries the session, the default route, and the blocks.
		run := r.runs("run", r.racked("shared", "SHARE", "true", "NIC", management, "10.77.0.0", "192.0.2.0"))
		require.Equal(t, 0, run.status, run.stdout+run.stderr)
		r.requireState(before, time.Second)
	})
}

// TestMachinesThatAreRefused: all of it is known before a link is touched.
func TestMachinesThatAreRefused(t *testing.T) {
	r := newRack(t)
	before := r.state()
	for name, test := range map[string]struct {
		replace []string
		change  func()
		want    []string
	}{
		"the NIC of the session": {[]string{"NIC", management}, nil,
			[]string{`machine "client" (a): mgmt0 carries the SSH session with 192.0.2.254`, "share = true"}},
		"no such NIC": {[]string{"NIC", "eth9"}, nil, []string{`there is no interface "eth9"; the machine has eth1, mgmt0`}},
		"no root":     {[]string{"CLIENT", "plain@a"}, nil, []string{`machine "client" (plain@a): it needs root or passwordless sudo`}},
		"no key": {[]string{"CLIENT", "nobody-here@a"}, nil,
			[]string{`reach machine "client" (nobody-here@a)`, "Permission denied", "it takes none of your keys", "nobody-here@a"}},
		"an unknown host key": {nil, func() { r.write("known", "") },
			[]string{`reach machine "client" (a)`, "you do not know its host key; look at it and accept it once: ssh -F", `reach machine "server" (root@192.0.2.2:22)`}},
		"another host key": {nil, func() {
			public, err := os.ReadFile(r.path("user.pub"))
			require.NoError(t, err)
			r.write("known", "192.0.2.1 "+string(public))
		}, []string{"its host key is not the one that you know", "ssh-keygen -R a"}},
		"nobody answers": {[]string{"CLIENT", "root@192.0.2.1:23"}, nil, []string{"Connection refused", "nothing answers there"}},
		"no such host":   {[]string{"CLIENT", "no-such-host.invalid"}, nil, []string{"there is no such host"}},
		"one computer":   {[]string{"CLIENT", "192.0.2.2"}, nil, []string{"it is the same computer as machine"}},
	} {
		t.Run(name, func(t *testing.T) {
			r.configure("")
			if test.change != nil {
				test.change()
			}
			run := r.runs("run", r.racked("refused", test.replace...))
			require.Equal(t, 1, run.status, run.stdout+run.stderr)
			for _, want := range test.want {
				require.Contains(t, strings.Join(strings.Fields(run.stderr), " "), want)
			}
			r.requireState(before, time.Second)
			require.NoDirExists(t, filepath.Join(r.dir, "results"))
		})
	}
}

// moments of a run, by what can be seen on the client's computer.
var moments = map[string]func(*rack) bool{
	"the agent is there": func(r *rack) bool {
		entries, err := os.ReadDir(r.machines[0].temporary[0])
		return err == nil && len(entries) > 0
	},
	"the NIC is up":       func(r *rack) bool { return r.machines[0].has(machinetest.NIC) },
	"a mode is being run": func(r *rack) bool { return r.machines[0].has("tbv-" + machinetest.NIC) },
}

// has reports whether a link is there and up.
func (c *computer) has(link string) bool {
	l, err := c.Links.LinkByName(link)
	return err == nil && l.Attrs().RawFlags&unix.IFF_UP != 0
}

// TestMachinesThatAreLetGo: whatever ends in the middle, the machines are as they
// were.
func TestMachinesThatAreLetGo(t *testing.T) {
	r := newRack(t)
	before := r.state()
	path := r.racked("cut", "ROUNDS", "1000")
	for how, cut := range map[string]func(*testing.T, *exec.Cmd){
		"Ctrl-C": func(t *testing.T, cmd *exec.Cmd) { require.NoError(t, cmd.Process.Signal(os.Interrupt)) },
		"the program is killed": func(t *testing.T, cmd *exec.Cmd) {
			require.NoError(t, cmd.Process.Kill())
		},
		"its ssh is killed": func(t *testing.T, cmd *exec.Cmd) {
			for _, pid := range harness.Descendants(cmd.Process.Pid) {
				_ = syscall.Kill(pid, syscall.SIGKILL) // It may have ended.
			}
		},
	} {
		for when, moment := range moments {
			t.Run(fmt.Sprintf("%s when %s", how, when), func(t *testing.T) {
				cmd, said := r.begin(path, moment)
				cut(t, cmd)
				_ = cmd.Wait()
				require.NotEqual(t, 0, cmd.ProcessState.ExitCode(), said.String())
				r.requireState(before, 20*time.Second)
			})
		}
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "testbed-ssh-*"))
	require.NoError(t, err)
	require.LessOrEqual(t, len(left), 1, "the last killed one's, until the next comes by: %v", left)
}

// begin starts a run and waits for a moment of it.
func (r *rack) begin(path string, moment func(*rack) bool) (*exec.Cmd, *bytes.Buffer) {
	r.t.Helper()
	var said bytes.Buffer
	cmd := r.testbed("run", path)
	cmd.Stdout, cmd.Stderr = &said, &said
	require.NoError(r.t, cmd.Start())
	require.Eventually(r.t, func() bool { return moment(r) }, 60*time.Second, time.Millisecond, "the moment does not come")
	return cmd, &said
}

// TestACutWire: a connection that is cut without a word. Both ends have to find
// out by themselves, which takes a minute and a half.
func TestACutWire(t *testing.T) {
	r := newRack(t)
	before := r.state()
	cmd, said := r.begin(r.racked("cut", "ROUNDS", "1000"), moments["a mode is being run"])
	r.sh(r.desk, "ip link set br0 down")
	r.requireState(before, 150*time.Second)
	_ = cmd.Wait()
	require.Equal(t, 1, cmd.ProcessState.ExitCode(), said.String())
}
