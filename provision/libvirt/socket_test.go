package libvirt

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestChooseEndpoint(t *testing.T) {
	for name, test := range map[string]struct {
		connect string
		euid    int
		env     map[string]string
		uri     string
		socket  string
		err     string
	}{
		"root":                {euid: 0, uri: systemURI, socket: "/run/libvirt/virtqemud-sock"},
		"user":                {euid: 1000, env: map[string]string{"XDG_RUNTIME_DIR": "/run/user/1000"}, uri: sessionURI, socket: "/run/user/1000/libvirt/virtqemud-sock"},
		"user without XDG":    {euid: 1000, env: map[string]string{"HOME": "/home/u"}, uri: sessionURI, socket: "/home/u/.cache/libvirt/virtqemud-sock"},
		"user on the system":  {connect: systemURI, euid: 1000, uri: systemURI, socket: "/run/libvirt/virtqemud-sock"},
		"root on a session":   {connect: sessionURI, euid: 0, err: "a daemon that root starts is the system's"},
		"user without a home": {euid: 1000, err: "neither XDG_RUNTIME_DIR nor HOME is set"},
		"remote":              {connect: "qemu+ssh://host/system", err: "not built yet"},
		"misspelt":            {connect: "qemu://system", err: "want qemu:///system or qemu:///session"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := chooseEndpoint(test.connect, test.euid, func(key string) string { return test.env[key] })
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.uri, e.uri)
			require.Equal(t, test.socket, e.sockets[0])
		})
	}
}

func TestStartCommands(t *testing.T) {
	all := func(string) bool { return true }
	only := func(names ...string) func(string) bool {
		return func(name string) bool {
			for _, n := range names {
				if n == name {
					return true
				}
			}
			return false
		}
	}
	system, session := newEndpoint(systemURI, t.TempDir()), newEndpoint(sessionURI, t.TempDir())
	for name, test := range map[string]struct {
		endpoint endpoint
		euid     int
		systemd  bool
		has      func(string) bool
		want     [][]string
	}{
		"root without a service manager": {system, 0, false, all, [][]string{{"virtlogd", "-d"}, {"libvirtd", "-d"}}},
		"root with systemd":              {system, 0, true, all, nil},
		"user on the system":             {system, 1000, false, all, nil},
		"nothing installed":              {system, 0, false, only(), nil},
		"session, modular":               {session, 1000, true, all, [][]string{{"virtqemud", "-d", "--timeout", "30"}}},
		"session":                        {session, 1000, false, only("libvirtd"), [][]string{{"libvirtd", "-d", "--timeout", "30"}}},
		"session, nothing installed":     {session, 1000, false, only(), nil},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, startCommands(test.endpoint, test.euid, test.systemd, test.has))
		})
	}
}

func TestHypervisorCheck(t *testing.T) {
	require.Equal(t, "10.0.2", version(10000002).String())
	old := hypervisor{accelerator: "tcg", qemu: 7002017}
	require.ErrorContains(t, old.check(), "use QEMU 7.2.17: without KVM it corrupts")
	require.ErrorContains(t, old.check(), "scripts/setup")
	old.accelerator = "kvm"
	require.NoError(t, old.check())
	require.NoError(t, hypervisor{accelerator: "tcg", qemu: 10000002}.check())
}

func TestConfigureRefusesAnOwnerThatCannotStandInNames(t *testing.T) {
	_, err := configure(Options{Owner: "a b/c", StateDir: t.TempDir()})
	require.ErrorContains(t, err, `owner "a b/c"`)
}
