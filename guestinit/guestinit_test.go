package guestinit

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestinit/guestconfig"
)

// TestStartOnHost must do nothing: it would mount over the host's /dev.
func TestStartOnHost(t *testing.T) {
	require.ErrorContains(t, start(), "not a program to run")
}

func TestReaper(t *testing.T) {
	r := testReaper()
	// An orphan: its parent ends first, and it becomes ours as PID 1's would.
	require.NoError(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	t.Cleanup(func() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) })
	file := filepath.Join(t.TempDir(), "orphan")
	_, ended, err := r.start(exec.Command("/bin/sh", "-c", "(echo $$ >/dev/null; sleep 0.2; echo > "+file+") & exit 5"))
	require.NoError(t, err)
	require.Equal(t, 5, (<-ended).ExitStatus())
	require.Eventually(t, func() bool { _, err := os.Stat(file); return err == nil }, 10*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool {
		var info unix.Siginfo
		return errors.Is(unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil), unix.ECHILD)
	}, 10*time.Second, 10*time.Millisecond, "a zombie is left")

	_, _, err = r.start(exec.Command("/nonexistent"))
	require.ErrorIs(t, err, os.ErrNotExist)

	for range 50 { // Children that end at once: none may slip through before it is registered.
		_, ended, err := r.start(exec.Command("/bin/true"))
		require.NoError(t, err)
		select {
		case status := <-ended:
			require.Zero(t, status.ExitStatus())
		case <-time.After(20 * time.Second):
			require.Fail(t, "status lost")
		}
	}
}

func TestSysctlPath(t *testing.T) {
	for name, want := range map[string]string{
		"net.ipv4.ip_forward":              "net/ipv4/ip_forward",
		"net/ipv4/conf/eth1.100/rp_filter": "net/ipv4/conf/eth1.100/rp_filter",
		"net.ipv4.conf.eth1/100.rp_filter": "net/ipv4/conf/eth1.100/rp_filter",
		"net/../../../etc/passwd":          "etc/passwd",
		"kernel":                           "kernel",
	} {
		require.Equal(t, want, sysctlPath(name), name)
	}
}

func TestSetSysctls(t *testing.T) {
	sysctlRoot = t.TempDir()
	t.Cleanup(func() { sysctlRoot = "/proc/sys" })
	setting := filepath.Join(sysctlRoot, "net/ipv4/ip_forward")
	require.NoError(t, os.MkdirAll(filepath.Dir(setting), 0o755))
	require.NoError(t, os.WriteFile(setting, nil, 0o644))
	none := func(string) error { return errors.New("no modules") }

	require.NoError(t, setSysctls(map[string]string{"net.ipv4.ip_forward": "1"}, none))
	text, err := os.ReadFile(setting)
	require.NoError(t, err)
	require.Equal(t, "1\n", string(text))

	err = setSysctls(map[string]string{"net.ipv4.ip_forwrd": "1"}, none)
	require.EqualError(t, err, `set sysctl "net.ipv4.ip_forwrd": this kernel has no such setting`)

	var loaded []string
	bring := func(module string) error {
		loaded = append(loaded, module)
		dir := filepath.Join(sysctlRoot, "net/netfilter")
		return errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "nf_conntrack_max"), nil, 0o644))
	}
	require.NoError(t, setSysctls(map[string]string{"net.netfilter.nf_conntrack_max": "10"}, bring))
	require.Equal(t, []string{"nf_conntrack"}, loaded)
}

func TestHostsFile(t *testing.T) {
	cfg := guestconfig.Config{Hostname: "client", Hosts: map[string]string{"server": "10.77.0.2", "client": "10.77.0.1"}}
	require.Equal(t, "127.0.0.1 localhost\n::1 localhost ip6-localhost\n10.77.0.1 client\n10.77.0.2 server\n", hostsFile(cfg))
	cfg.Hosts = nil
	require.Contains(t, hostsFile(cfg), "127.0.1.1 client\n")
}

func TestReadConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "guest.json")
	_, err := readConfig(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o644))
	_, err = readConfig(path)
	require.ErrorContains(t, err, path)
	require.NoError(t, os.WriteFile(path, []byte(`{"hostname":"a","nics":[{"mac":"52:54:00:00:00:01"}]}`), 0o644))
	cfg, err := readConfig(path)
	require.NoError(t, err)
	require.Equal(t, "a", cfg.Hostname)
}

func TestSessionOf(t *testing.T) {
	require.Equal(t, 77, sessionOf("80 (a) b) c) S 1 79 77 0 -1 4194304"))
	require.Equal(t, -1, sessionOf("80 (a)"))
	require.Equal(t, -1, sessionOf(""))
}

func TestLoadModules(t *testing.T) {
	list := filepath.Join(t.TempDir(), "modules")
	require.NoError(t, loadModules(list), "no list: all is built in")
	missing := filepath.Join(t.TempDir(), "veth.ko")
	require.NoError(t, os.WriteFile(list, []byte(missing+"\n"), 0o644))
	require.ErrorContains(t, loadModules(list), missing)
}

func TestMountErrorNamesConfig(t *testing.T) {
	m := mount{fstype: "nosuchfs", target: t.TempDir(), config: "CONFIG_NOSUCH_FS"}
	require.ErrorContains(t, m.mount(), "CONFIG_NOSUCH_FS")
	m.config = ""
	require.NoError(t, m.mount(), "what is optional may be missing")
}
