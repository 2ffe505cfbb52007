package e2e

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/machinetest"
	"github.com/testbed-lab/testbed/guestagent/namespace"
	"github.com/testbed-lab/testbed/internal/e2e/harness"
)

// rack is two computers with an SSH server each, and a third that reaches them:
// network namespaces, joined by a management bridge in the third, and by a wire
// between the two, which is down and has no address.
type rack struct {
	*user
	folder   string // Outside of /tmp, which each computer has for itself.
	desk     *namespace.Namespace
	machines [2]*computer
}

type computer struct {
	*machinetest.Machine
	name, address string
	temporary     []string // Its folders for temporary files, as seen from here.
	server        int      // Process id of its SSH server.
}

const management = "mgmt0"

// newRack makes them. each is a script that a computer runs before its SSH server
// starts; what it leaves running ends with the test.
func newRack(t *testing.T, each ...func(*rack, *computer) string) *rack {
	t.Helper()
	harness.Needs(t, "/usr/sbin/sshd", "openssh-server")
	harness.Needs(t, "/usr/bin/ssh", "openssh-client")
	harness.Needs(t, "/usr/bin/sudo", "sudo")
	folder, err := os.MkdirTemp("/run", owner+"-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	require.NoError(t, os.Chmod(folder, 0o755))
	// Of a server that no service manager starts.
	if os.Mkdir("/run/sshd", 0o755) == nil {
		t.Cleanup(func() { _ = os.Remove("/run/sshd") })
	}
	r := &rack{user: newUser(t), folder: folder}
	client, server := machinetest.Pair(t)
	r.desk, err = namespace.New(nil)
	require.NoError(t, err)
	t.Cleanup(func() { r.desk.Close() })
	r.key("user")
	r.sh(r.desk, `ip link set lo up; ip link add br0 type bridge; ip address add 192.0.2.254/24 dev br0; ip link set br0 up`)
	for i, m := range []*machinetest.Machine{client, server} {
		c := &computer{Machine: m, name: string(rune('a' + i)), address: fmt.Sprintf("192.0.2.%d", i+1)}
		r.machines[i] = c
		r.cable(c)
		c.unplug(t)
		script := ""
		for _, of := range each {
			script += of(r, c)
		}
		r.serve(c, script)
	}
	r.configure("")
	return r
}

// in is a command that runs in a namespace.
func (r *rack) in(space *namespace.Namespace, args ...string) *exec.Cmd {
	r.t.Helper()
	return harness.Command(r.t, entering(space, args...)...)
}

// entering is the command line of one that runs in a namespace.
func entering(space *namespace.Namespace, args ...string) []string {
	return append([]string{"nsenter", fmt.Sprintf("--net=/proc/%d/fd/%d", os.Getpid(), space.FD()), "--"}, args...)
}

func (r *rack) sh(space *namespace.Namespace, script string) {
	r.t.Helper()
	out, err := r.in(space, "sh", "-ec", script).CombinedOutput()
	require.NoError(r.t, err, "%s", out)
}

// cable gives a computer its management NIC, which has its default route.
func (r *rack) cable(c *computer) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = management
	require.NoError(r.t, c.Links.LinkAdd(&netlink.Veth{
		LinkAttrs: attrs, PeerName: "port-" + c.name, PeerTxQLen: -1, PeerNamespace: netlink.NsFd(r.desk.FD()),
	}))
	r.sh(c.Space, fmt.Sprintf(`ip address add %s/24 dev %s; ip link set %[2]s up; ip route add default via 192.0.2.254`, c.address, management))
	r.sh(r.desk, fmt.Sprintf(`ip link set port-%s master br0 up`, c.name))
}

// unplug takes the measured NIC's addresses and sets it down.
func (c *computer) unplug(t *testing.T) {
	nic, err := c.Links.LinkByName(machinetest.NIC)
	require.NoError(t, err)
	all, err := c.Links.AddrList(nic, unix.AF_INET)
	require.NoError(t, err)
	for _, address := range all {
		require.NoError(t, c.Links.AddrDel(nic, &address))
	}
	require.NoError(t, c.Links.LinkSetDown(nic))
}

func (r *rack) key(name string) {
	out, err := harness.Command(r.t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", owner, "-f", r.path(name)).CombinedOutput()
	require.NoError(r.t, err, "%s", out)
}

func (r *rack) path(name string) string { return filepath.Join(r.folder, name) }

func (r *rack) write(name, text string) string {
	require.NoError(r.t, os.WriteFile(r.path(name), []byte(text), 0o644))
	return r.path(name)
}

// serve starts the computer's SSH server, in a mount namespace with folders for
// temporary files of its own (on the second one no program may run in /tmp) and
// with a user who may become root and one who may not.
func (r *rack) serve(c *computer, script string) {
	r.t.Helper()
	r.key("host-" + c.name)
	passwd, err := os.ReadFile("/etc/passwd")
	require.NoError(r.t, err)
	// What root's own shell reads at its start can take seconds.
	users := strings.Replace(string(passwd), ":/root:/bin/bash\n", ":/root:/bin/sh\n", 1)
	r.write("passwd", users+"plain:*:54321:65534::/:/bin/sh\nadmin:*:54322:54322::/:/bin/sh\n")
	r.write("sudoers", "Defaults env_reset\nadmin ALL=(root) NOPASSWD: ALL\n")
	require.NoError(r.t, os.Chmod(r.path("sudoers"), 0o440))
	public, err := os.ReadFile(r.path("user.pub"))
	require.NoError(r.t, err)
	r.write("authorized", string(public))
	config := r.write("sshd-"+c.name, strings.Join([]string{
		"ListenAddress " + c.address, "HostKey " + r.path("host-"+c.name), "AuthorizedKeysFile " + r.path("authorized"),
		"PermitRootLogin yes", "StrictModes no", "UsePAM no", "PidFile none", "PrintMotd no", "",
	}, "\n"))
	mounts := "mount --bind " + r.path("passwd") + " /etc/passwd; mount --bind " + r.path("sudoers") + " /etc/sudoers; "
	for i, folder := range []string{"/tmp", "/var/tmp", "/dev/shm"} {
		own := r.path(c.name + strings.ReplaceAll(folder, "/", "-"))
		require.NoError(r.t, os.Mkdir(own, 0o755))
		require.NoError(r.t, os.Chmod(own, 0o777|fs.ModeSticky))
		c.temporary = append(c.temporary, own)
		mounts += fmt.Sprintf("mount --bind %s %s; ", own, folder)
		if i == 0 && c.name == "b" {
			mounts += "mount -o remount,bind,noexec /tmp; "
		}
	}
	log, err := os.Create(r.path("log-" + c.name))
	require.NoError(r.t, err)
	defer log.Close()
	server := harness.Daemon(r.t, entering(c.Space, "unshare", "--mount", "sh", "-ec", mounts+script+"exec /usr/sbin/sshd -D -e -f "+config)...)
	server.Stdout, server.Stderr = log, log
	server.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	require.NoError(r.t, server.Start())
	c.server = server.Process.Pid
	r.t.Cleanup(func() {
		_ = harness.End(server)
		_ = server.Wait()
		if text, _ := os.ReadFile(log.Name()); r.t.Failed() {
			r.t.Logf("sshd of %s:\n%s", c.name, text)
		}
	})
	require.Eventually(r.t, func() bool {
		return r.desk.Do(func() error {
			conn, err := net.DialTimeout("tcp", c.address+":22", time.Second)
			if err == nil {
				conn.Close()
			}
			return err
		}) == nil
	}, 20*time.Second, 20*time.Millisecond, "sshd of %s does not answer", c.name)
}

// configure writes what the user's ssh reads; more comes before the rest.
func (r *rack) configure(more string) {
	known := ""
	for _, c := range r.machines {
		public, err := os.ReadFile(r.path("host-" + c.name + ".pub"))
		require.NoError(r.t, err)
		known += c.address + " " + string(public)
	}
	r.write("known", known)
	text := more
	for _, c := range r.machines {
		text += fmt.Sprintf("Host %s\n  HostName %s\n", c.name, c.address)
	}
	text += fmt.Sprintf("Host *\n  IdentityFile %s\n  IdentitiesOnly yes\n  UserKnownHostsFile %s\n  GlobalKnownHostsFile none\n", r.path("user"), r.path("known"))
	r.env = append(environment(), "TESTBED_SSH=ssh -F "+r.write("config", text))
}

// testbed is the program, at the desk.
func (r *rack) testbed(args ...string) *exec.Cmd {
	cmd := r.in(r.desk, append([]string{program}, args...)...)
	cmd.Dir, cmd.Env = r.dir, r.env
	return cmd
}

func (r *rack) runs(args ...string) outcome {
	r.t.Helper()
	stdout, stderr, status := harness.Run(r.t, r.testbed(args...))
	return outcome{stdout: stdout, stderr: stderr, status: status}
}

// state is all of both computers that must be as it was, and their files.
func (r *rack) state() (lines []string) {
	r.t.Helper()
	for _, c := range r.machines {
		lines = append(lines, c.Snapshot(r.t)...)
		for _, folder := range c.temporary {
			entries, err := os.ReadDir(folder)
			require.NoError(r.t, err)
			for _, entry := range entries {
				lines = append(lines, "file "+filepath.Join(folder, entry.Name()))
			}
		}
	}
	return lines
}

// requireState waits until the computers are as they were.
func (r *rack) requireState(before []string, patience time.Duration) {
	r.t.Helper()
	difference := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if difference = cmp.Diff(before, r.state()); difference == "" {
			return
		}
	}
	r.t.Fatalf("the machines are not as they were after %v:\n%s", patience, difference)
}
