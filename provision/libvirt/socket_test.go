package libvirt

import (
	"cmp"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/provision/libvirt/site"
	"github.com/testbed-lab/testbed/testbed"
)

// fakeSite is a computer of which little is asked.
type fakeSite struct {
	site.Site
	name  string
	about site.About
	env   map[string]string
	has   func(string) bool
	lost  error
}

func (f fakeSite) Name() string                            { return f.name }
func (f fakeSite) About() site.About                       { return f.about }
func (f fakeSite) Getenv(variable string) string           { return f.env[variable] }
func (f fakeSite) Has(_ context.Context, tool string) bool { return f.has(tool) }
func (f fakeSite) Exists(_ context.Context, _ string) bool { return false }
func (f fakeSite) Lost(time.Duration) error                { return f.lost }

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
		"another socket":      {connect: "qemu+ssh://host/system?socket=/run/other", euid: 0, uri: systemURI, socket: "/run/other"},
		"a session far away":  {connect: "qemu+ssh://host/session", euid: 1000, env: map[string]string{"HOME": "/home/u"}, uri: sessionURI, socket: "/home/u/.cache/libvirt/virtqemud-sock"},
	} {
		t.Run(name, func(t *testing.T) {
			connect := cmp.Or(test.connect, standard(test.euid))
			h, err := testbed.ParseConnect(connect)
			require.NoError(t, err)
			e, err := chooseEndpoint(connect, h, fakeSite{name: h.SSH, about: site.About{UID: test.euid}, env: test.env})
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.uri, e.uri)
			require.Equal(t, connect, e.name)
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
		host     string
	}{
		"root without a service manager": {system, 0, false, all, [][]string{{"virtlogd", "-d"}, {"libvirtd", "-d"}}, ""},
		"root with systemd":              {system, 0, true, all, nil, ""},
		"user on the system":             {system, 1000, false, all, nil, ""},
		"nothing installed":              {system, 0, false, only(), nil, ""},
		"session, modular":               {session, 1000, true, all, [][]string{{"virtqemud", "-d", "--timeout", "30"}}, ""},
		"session":                        {session, 1000, false, only("libvirtd"), [][]string{{"libvirtd", "-d", "--timeout", "30"}}, ""},
		"the system's far away":          {system, 0, false, all, nil, "host"},
		"a session's far away":           {session, 1000, true, all, [][]string{{"virtqemud", "-d", "--timeout", "30"}}, "host"},
		"session, nothing installed":     {session, 1000, false, only(), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := test.endpoint
			e.site = fakeSite{name: test.host, about: site.About{UID: test.euid, Systemd: test.systemd}, has: test.has}
			require.Equal(t, test.want, e.startCommands(t.Context()))
		})
	}
}

func TestHypervisorCheck(t *testing.T) {
	require.Equal(t, "10.0.2", version(10000002).String())
	old := hypervisor{accelerator: "tcg", qemu: 7002017}
	require.ErrorContains(t, old.check(), "use QEMU 7.2.17: where it emulates (TCG) it corrupts")
	require.ErrorContains(t, old.check(), "scripts/setup")
	old.accelerator = "kvm"
	require.NoError(t, old.check())
	require.NoError(t, hypervisor{accelerator: "tcg", qemu: 10000002}.check())
}

func TestConfigureRefusesAnOwnerThatCannotStandInNames(t *testing.T) {
	_, err := configure(t.Context(), Options{Owner: "a b/c", StateDir: t.TempDir()})
	require.ErrorContains(t, err, `owner "a b/c"`)
}
