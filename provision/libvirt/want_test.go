package libvirt

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// What changes a machine's digest, and what must not.
func TestMachineDigest(t *testing.T) {
	base := func() wantedLab { return wanted(systemURI, "tcg", request("latency", "client", "server")) }
	digest := func(w wantedLab) string {
		d, err := w.machineDigest(w.Machines[0])
		require.NoError(t, err)
		return d
	}
	want := digest(base())
	for name, test := range map[string]struct {
		change func(*wantedLab)
		same   bool
	}{
		"nothing":            {func(*wantedLab) {}, true},
		"another neighbour":  {func(w *wantedLab) { w.Machines[1].Memory *= 2 }, true},
		"one more neighbour": {func(w *wantedLab) { w.Machines = request("latency", "client", "server", "third").Machines }, true},
		"path of the image":  {func(w *wantedLab) { w.Machines[0].Kernel = "/elsewhere" }, true},
		"image":              {func(w *wantedLab) { w.Machines[0].ImageDigest = "sha256:bbbb" }, false},
		"memory":             {func(w *wantedLab) { w.Machines[0].Memory *= 2 }, false},
		"cpus":               {func(w *wantedLab) { w.Machines[0].CPUs = 2 }, false},
		"sysctl":             {func(w *wantedLab) { w.Machines[0].Sysctl = map[string]string{"a": "2"} }, false},
		"command line":       {func(w *wantedLab) { w.Machines[0].Cmdline = "nokaslr" }, false},
		"mtu":                {func(w *wantedLab) { w.Networks[0].MTU = 9000 }, false},
		"address": {func(w *wantedLab) {
			w.Machines[0].NICs[0].Address = netip.MustParsePrefix("10.78.0.1/24")
		}, false},
		"mac":         {func(w *wantedLab) { w.Machines[0].NICs[0].MAC = "52:54:00:00:00:99" }, false},
		"ssh key":     {func(w *wantedLab) { w.authorized = "ssh-ed25519 CCCC" }, false},
		"accelerator": {func(w *wantedLab) { w.host.accelerator = "kvm" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := base()
			test.change(&w)
			if test.same {
				require.Equal(t, want, digest(w))
			} else {
				require.NotEqual(t, want, digest(w))
			}
		})
	}
}

func TestCheckRefuses(t *testing.T) {
	for want, change := range map[string]func(*provision.Request){
		`no network "wan"`: func(r *provision.Request) { r.Machines[0].NICs[0].Network = "wan" },
		"has no address":   func(r *provision.Request) { r.Machines[0].NICs[0].Address = netip.Prefix{} },
		"at most 8":        func(r *provision.Request) { r.Machines[0].NICs = nineNICs(r.Machines[0].NICs[0]) },
	} {
		r := request("latency", "client")
		change(&r)
		err := wanted(systemURI, "tcg", r).check()
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, `machine "client"`)
	}
}

func nineNICs(nic testbed.NIC) []testbed.NIC {
	var all []testbed.NIC
	for range 9 {
		all = append(all, nic)
	}
	return all
}

func TestGuestConfiguration(t *testing.T) {
	w := wanted(systemURI, "tcg", request("latency", "client", "server"))
	config, err := w.guest(w.Machines[1])
	require.NoError(t, err)
	require.Equal(t, "server", config.Hostname)
	require.Equal(t, map[string]string{"client": "10.77.0.1", "server": "10.77.0.2"}, config.Hosts)
	require.Equal(t, "10.77.0.2/24", config.NICs[0].Address)
	require.Equal(t, 1500, config.NICs[0].MTU)
	require.Equal(t, "mgmt0", config.Management.Device)
	require.Regexp(t, `^52:54:00(:[0-9a-f]{2}){3}$`, config.Management.MAC)
	require.Empty(t, config.HostKey)
}

// Each end of a wire must name the other's socket, within 107 bytes.
func TestSessionLinksMeet(t *testing.T) {
	for _, machines := range [][]string{{"client", "server"}, {"client", "server", "third", "fourth"}} {
		w := wanted(sessionURI, "tcg", request("latency", machines...))
		locals, remotes := map[string]bool{}, map[string]bool{}
		for i, machine := range machines {
			for _, arg := range w.sessionNIC(0, machine, w.Machines[i].NICs[0], 1500) {
				fields := strings.Split(arg, ",")
				if fields[0] != "dgram" {
					continue
				}
				local, remote := strings.TrimPrefix(fields[3], "local.path="), strings.TrimPrefix(fields[5], "remote.path=")
				require.Less(t, len(local), 108)
				require.False(t, locals[local], "two ends share a socket")
				locals[local], remotes[remote] = true, true
			}
		}
		require.Len(t, locals, 2*(len(machines)-1))
		require.Equal(t, locals, remotes)
	}
}

func TestNames(t *testing.T) {
	e := newEndpoint(systemURI, "/run/libvirt")
	require.Equal(t, "testbed-l-client", newNamer("uid-0", e).thing("l", "client"))
	other := newNamer("uid-1000", e)
	require.Equal(t, "testbed-uid-1000-l-client", other.thing("l", "client"))
	id, ours := other.poolLab(other.pool(labID))
	require.True(t, ours)
	require.Equal(t, labID, id)
	for _, pool := range []string{"default", "testbed-uid-0-" + labID, "testbed-uid-1000-x", "testbed-uid-1000-x-" + labID} {
		_, ours := other.poolLab(pool)
		require.False(t, ours, pool)
	}
	require.Len(t, bridgeName(labID, "a-network-with-a-long-name"), 12)
	require.NotEqual(t, bridgeName(labID, "a"), bridgeName(labID, "b"))
	require.Equal(t, "client-0", volumeMachine(volumeName("client-0", "initrd", "0123456789abcdef0123")))
	require.Equal(t, "client-0", volumeMachine(logName("client-0")))
}
