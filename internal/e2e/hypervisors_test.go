package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// newHypervisors is a rack of which each computer runs a libvirt of its own.
func newHypervisors(t *testing.T) *rack {
	t.Helper()
	r := newRack(t, (*rack).libvirt)
	// What is remembered of a hypervisor that is no more would be asked by later tests.
	r.env = append(r.env, "XDG_STATE_HOME="+r.dir)
	return r
}

// libvirt is a script that starts the daemons with all their folders to themselves.
func (r *rack) libvirt(c *computer) string {
	groups := r.path(c.name + "-cgroup")
	require.NoError(r.t, os.Mkdir(groups, 0o755))
	// The devices in /sys are those of the namespace that it is mounted in.
	script := fmt.Sprintf("mount --rbind /sys/fs/cgroup %[1]s; mount -t sysfs sysfs /sys; mount --rbind %[1]s /sys/fs/cgroup\nip link set lo up\n", groups)
	for _, folder := range []string{"/run/libvirt", "/var/lib/libvirt", "/var/log/libvirt", "/var/cache/libvirt", "/etc/libvirt"} {
		own := r.path(c.name + strings.ReplaceAll(folder, "/", "-"))
		require.NoError(r.t, os.Mkdir(own, 0o755))
		if folder == "/etc/libvirt" {
			script += fmt.Sprintf("cp /etc/libvirt/*.conf %s\n", own)
		}
		script += fmt.Sprintf("mount --bind %s %s\n", own, folder)
	}
	for _, daemon := range []string{"virtlogd", "libvirtd"} {
		script += fmt.Sprintf("/usr/sbin/%s -p %s >%s 2>&1 &\n", daemon, r.path(c.name+"-"+daemon+".pid"), r.path(c.name+"-"+daemon+".log"))
	}
	r.t.Cleanup(func() { r.endMachines(c) })
	return script
}

// endMachines ends what a failed test has left running.
func (r *rack) endMachines(c *computer) {
	files, err := filepath.Glob(r.path(c.name + "-run-libvirt/qemu/*.pid"))
	require.NoError(r.t, err)
	for _, file := range files {
		pid, err := os.ReadFile(file)
		require.NoError(r.t, err)
		_ = exec.Command("kill", "-9", strings.TrimSpace(string(pid))).Run() // It may have ended.
	}
}

// on runs a command on a computer, past its SSH server.
func (c *computer) on(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("nsenter", append([]string{"--target", fmt.Sprint(c.server), "--mount", "--net", "--"}, args...)...).CombinedOutput()
	require.NoError(t, err, "%s: %s", strings.Join(args, " "), out)
	return strings.TrimSpace(string(out))
}

// inventory is all that a lab could leave on a hypervisor.
func (c *computer) inventory(t *testing.T) string {
	t.Helper()
	text := ""
	for _, kind := range []string{"list", "net-list", "pool-list"} {
		text += c.on(t, "virsh", "-c", "qemu:///system", kind, "--all", "--name")
	}
	return text + c.on(t, "sh", "-c", "ip -o link | cut -d: -f2; find /var/lib/libvirt /run/libvirt/qemu /var/log/libvirt -name '*testbed*'; pgrep -a qemu --ns $$ --nslist net || true")
}

// TestRemoteHypervisor walks a lab through its life on another computer's libvirt,
// which only the user's ssh leads to.
func TestRemoteHypervisor(t *testing.T) {
	r := newHypervisors(t)
	a := r.machines[0]
	before := a.inventory(t)
	path := r.lab("tiny.hcl", "far", "RELEASE", `release = "trixie"`, "ROUNDS", "1", "seed = 3", `connect = "qemu+ssh://root@a/system"`)

	up := r.runs("up", path)
	require.Equal(t, 0, up.status, up.stdout+up.stderr)
	require.Equal(t, "testbed-"+owner+"-far-client\ntestbed-"+owner+"-far-server", a.on(t, "virsh", "-c", "qemu:///system", "list", "--name"))
	here, err := exec.Command("virsh", "-c", "qemu:///system", "list", "--all", "--name").Output()
	require.NoError(t, err)
	require.NotContains(t, string(here), owner+"-far")
	result := readResult(t, filepath.Join(r.dir, "results", "far", "latest"))
	require.Equal(t, "qemu+ssh://root@a/system", result.Environment.Host["connect"])
	for _, mode := range result.Tests[0].Modes {
		require.Equal(t, "ok", mode.Status, mode.Reason)
	}

	// What is where is known from here on.
	inside := r.runs("exec", "client", "--", "hostname")
	require.Equal(t, 0, inside.status, inside.stderr)
	require.Equal(t, "client\n", inside.stdout)
	require.Contains(t, r.runs("ls").stdout, "far")
	down := r.runs("down", "far")
	require.Equal(t, 0, down.status, down.stderr)
	require.Equal(t, before, a.inventory(t))
}
