package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/machinetest"
	"github.com/testbed-lab/testbed/internal/e2e/harness"
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
			mode := map[string]string{"a": "0700", "b": "0777"}[c.name] // On b anybody may use it, on a root alone.
			script += fmt.Sprintf("printf 'auth_unix_rw = \"none\"\nunix_sock_rw_perms = \"%s\"\n' >>%s/libvirtd.conf\n", mode, own)
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
		_ = harness.Command(r.t, "kill", "-9", strings.TrimSpace(string(pid))).Run() // It may have ended.
	}
}

// on runs a command on a computer, past its SSH server.
func (c *computer) on(t *testing.T, args ...string) string {
	t.Helper()
	out, err := harness.Command(t, append([]string{"nsenter", "--target", fmt.Sprint(c.server), "--mount", "--net", "--"}, args...)...).CombinedOutput()
	require.NoError(t, err, "%s: %s", strings.Join(args, " "), out)
	return strings.TrimSpace(string(out))
}

// inventory is all that a lab could leave on a hypervisor. QEMU's log, which libvirt
// itself never removes, is only root's to remove, who uses the first one.
func (c *computer) inventory(t *testing.T) string {
	t.Helper()
	text := ""
	for _, kind := range []string{"list", "net-list", "pool-list"} {
		text += c.on(t, "virsh", "-c", "qemu:///system", kind, "--all", "--name")
	}
	logs := map[string]string{"a": "/var/log/libvirt"}[c.name]
	return text + c.on(t, "sh", "-c", "ip -o link | cut -d: -f2; find /var/lib/libvirt /run/libvirt/qemu "+logs+" -name '*testbed*'; pgrep -a qemu --ns $$ --nslist net || true")
}

// TestRemoteHypervisors walks a lab through its life on the libvirts of two other
// computers, which only the user's ssh leads to: a VM on each, on a bridge that each has
// and a wire that joins them, and one of them on a network of its own too.
func TestRemoteHypervisors(t *testing.T) {
	r := newHypervisors(t)
	path := r.lab("far.hcl", "far")
	r.do("images", "build", path) // There is no way to a mirror from the desk.
	refused := r.runs("ls", "--connect", "qemu+ssh://plain@a/system")
	require.Equal(t, 1, refused.status)
	require.Contains(t, refused.stderr, "on plain@a: sudo usermod -aG libvirt plain")
	refused = r.runs("up", path)
	require.Equal(t, 1, refused.status)
	require.Contains(t, refused.stderr, `plan network "lan": there is no bridge "br0" on root@a; make it as root there`)

	var before []string
	for _, c := range r.machines {
		c.on(t, "sh", "-ec", "ip link add br0 type bridge; ip link set br0 up; ip link set "+machinetest.NIC+" master br0 up")
		before = append(before, c.inventory(t))
	}
	up := r.runs("up", path)
	require.Equal(t, 0, up.status, up.stdout+up.stderr)
	for i, name := range []string{"client", "server"} {
		require.Equal(t, "testbed-"+owner+"-far-"+name, r.machines[i].on(t, "virsh", "-c", "qemu:///system", "list", "--name"))
	}
	require.Contains(t, r.machines[0].on(t, "virsh", "-c", "qemu:///system", "net-list", "--name"), "testbed-"+owner+"-far-own")
	result := readResult(t, filepath.Join(r.dir, "results", "far", "latest"))
	for _, mode := range result.Tests[0].Modes {
		require.Equal(t, "ok", mode.Status, mode.Reason)
	}
	require.Len(t, result.Environment.Host["hypervisors"], 2)

	// What is where is known from here on, whatever the file says.
	require.NoError(t, os.Remove(path))
	inside := r.runs("exec", "server", "--", "sh", "-c", "hostname; ping -c 1 client")
	require.Equal(t, 0, inside.status, inside.stderr)
	require.Contains(t, inside.stdout, "server\n")
	r.cut(r.machines[1])
	down := r.runs("down", "far")
	require.Equal(t, 0, down.status, down.stderr)
	for i, c := range r.machines {
		require.Equal(t, before[i], c.inventory(t))
	}
	require.Equal(t, "no lab is running\n", r.runs("ls").stderr)
}

// cut ends the connection under a command that runs in a machine.
func (r *rack) cut(c *computer) {
	r.t.Helper()
	cmd := r.testbed("exec", "server", "--", "sh", "-c", "echo started; sleep 1000")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(r.t, err)
	require.NoError(r.t, cmd.Start())
	_, err = stdout.Read(make([]byte, 1))
	require.NoError(r.t, err)
	for _, pid := range harness.Descendants(c.server) {
		if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err == nil && strings.HasPrefix(string(name), "sshd") {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	require.Error(r.t, cmd.Wait())
	require.Contains(r.t, stderr.String(), "the connection to the hypervisor was cut: plain@b: ")
}
