package local

import (
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/machinetest"
	"github.com/testbed-lab/testbed/guestagent/namespace"
	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/guestagent/wiring"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// host is this machine's own namespace, to see that it stays as it was.
func host(t *testing.T) *machinetest.Machine {
	t.Helper()
	space, err := namespace.Own()
	require.NoError(t, err)
	t.Cleanup(func() { space.Close() })
	links, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	require.NoError(t, err)
	t.Cleanup(links.Close)
	return &machinetest.Machine{Host: proto.Host{Name: "this machine"}, Space: space, Links: links}
}

// A lab comes up, is used, changes in one machine, and goes; this machine stays
// as it was all the while.
func TestLife(t *testing.T) {
	b := live(t)
	if !apart(t) {
		return
	}
	this := host(t)
	before := this.Snapshot(t)
	r := request("life", "client", "server")
	up(t, b, r)
	this.RequireUnchanged(t, before, "while a lab runs")

	labs, err := b.Labs(t.Context())
	require.NoError(t, err)
	require.Len(t, labs, 1)
	require.Equal(t, r.Source, labs[0].Source)
	require.Equal(t, testOwner(), labs[0].Owner)
	require.Equal(t, []string{"lan"}, labs[0].Networks)
	require.Equal(t, "running", labs[0].Machines[0].State)

	require.Equal(t, "client", said(t, b, "life", "client", "hostname"))
	require.Equal(t, "52:54:00:00:03:02", said(t, b, "life", "server", "cat", "/sys/class/net/eth1/address"), "/sys shows the machine's own devices")
	require.Equal(t, "1400", said(t, b, "life", "client", "cat", "/sys/class/net/eth1/mtu"))
	requireReaches(t, b, "life", "client", "server", "10.77.0.2")
	requireReaches(t, b, "life", "server", "client", "10.77.0.1")

	changeServer(t, b, r)
	this.RequireUnchanged(t, before, "while a lab changes")
	other := r
	other.Source = "/elsewhere/lab.hcl"
	_, err = b.Plan(t.Context(), other)
	require.ErrorContains(t, err, "a lab of that name runs from "+r.Source)

	down(t, b, "life")
	requireNothingLeft(t)
	steps, err := b.Down(t.Context(), "life")
	require.NoError(t, err)
	require.Empty(t, steps)
	this.RequireUnchanged(t, before, "after a lab")
}

func changeServer(t *testing.T, b *Backend, r provision.Request) {
	t.Helper()
	space := func(name string) string { return said(t, b, "life", name, "readlink", "/proc/self/ns/net") }
	client, server := space("client"), space("server")
	steps, err := b.Plan(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, []string{"keep prepare life", "keep make client", "keep make server", "keep wire lan", "check check wires"}, listed(steps))
	require.NoError(t, perform(t.Context(), steps))

	r.Machines[0].Memory, r.Machines[1].Memory = 1, 2 // Means nothing here.
	r.Machines[1].Sysctl = map[string]string{"net.ipv4.ip_forward": "1"}
	require.Equal(t, []string{
		"keep prepare life", "keep make client", "replace make server: its definition changed",
		"replace wire lan: a machine on it is made anew",
		"replace start client: a network of it is wired anew", "create start server", "check check wires",
	}, listed(up(t, b, r)))
	require.Equal(t, client, space("client"), "the client stays")
	require.NotEqual(t, server, space("server"), "the server is made anew")
	require.Equal(t, "1", said(t, b, "life", "server", "cat", "/proc/sys/net/ipv4/ip_forward"))
	require.Equal(t, "0", said(t, b, "life", "client", "cat", "/proc/sys/net/ipv4/ip_forward"))
	requireReaches(t, b, "life", "client", "server", "10.77.0.2")
}

// requireReaches connects from one machine to another.
func requireReaches(t *testing.T, b *Backend, lab, from, to, address string) {
	t.Helper()
	var listener net.Listener
	require.NoError(t, inside(b.folder.lab(lab).machine(to), func(*netlink.Handle) (err error) {
		listener, err = net.Listen("tcp4", net.JoinHostPort(address, "0"))
		return err
	}))
	defer listener.Close()
	require.NoError(t, inside(b.folder.lab(lab).machine(from), func(*netlink.Handle) error {
		conn, err := net.DialTimeout("tcp4", listener.Addr().String(), 5*time.Second)
		if err == nil {
			conn.Close()
		}
		return err
	}), "from %s to %s", from, to)
}

// Three machines meet at a switch, and a machine may be on two networks.
func TestThreeMachinesAndTwoNetworks(t *testing.T) {
	b := live(t)
	r := request("three", "a", "b", "c")
	r.Networks = append(r.Networks, testbed.Network{Name: "back", MTU: 1500})
	r.Machines[0].NICs = append(r.Machines[0].NICs, nic("back", "eth2", 1))
	r.Machines[2].NICs = append(r.Machines[2].NICs, nic("back", "eth2", 3))
	up(t, b, r)
	for i, from := range []string{"a", "b", "c"} {
		for k, to := range []string{"a", "b", "c"} {
			if i != k {
				requireReaches(t, b, "three", from, to, fmt.Sprintf("10.77.0.%d", k+1))
			}
		}
	}
	requireReaches(t, b, "three", "a", "c", "10.77.1.3")
	facts, err := b.Facts(t.Context(), "three")
	require.NoError(t, err)
	require.Equal(t, map[string]any{"three/lan": kindSwitch, "three/back": kindWire}, facts["networks"])
	require.Equal(t, r.Machines[0].CPUs*3 > int(facts["cpus"].(int)), facts["cpus_shared"])

	r.Machines, r.Networks = r.Machines[:2], r.Networks[:1]
	r.Machines[0].NICs = r.Machines[0].NICs[:1]
	require.Subset(t, listed(up(t, b, r)), []string{"remove remove c: the lab has no such machine", "remove unwire back: the lab has no such network", "replace wire lan: it changed"})
	requireReaches(t, b, "three", "a", "b", "10.77.0.2")
	down(t, b, "three")
	requireNothingLeft(t)
}

// Two labs with the same names and addresses do not see each other.
func TestTwoLabs(t *testing.T) {
	b := live(t)
	up(t, b, request("one", "client", "server"))
	up(t, b, request("two", "client", "server"))
	requireReaches(t, b, "one", "client", "server", "10.77.0.2")
	down(t, b, "one")
	requireReaches(t, b, "two", "client", "server", "10.77.0.2")
	_, err := b.Machine(t.Context(), "one", "client")
	require.ErrorContains(t, err, "does not run")
	_, err = b.Machine(t.Context(), "two", "nobody")
	require.ErrorContains(t, err, "no such machine")
	down(t, b, "two")
	requireNothingLeft(t)
}

// A name from the command line is no way out of the labs' folder.
func TestNamesThatArePaths(t *testing.T) {
	b := live(t)
	victim := t.TempDir() + "/victim"
	require.NoError(t, os.Mkdir(victim, 0o755))
	for _, name := range []string{"../../../.." + victim, "..", ".", "", "a/b"} {
		steps, err := b.Down(t.Context(), name)
		require.NoError(t, err)
		require.Empty(t, steps, name)
		_, err = b.Machine(t.Context(), name, "client")
		require.Error(t, err)
	}
	require.DirExists(t, victim)
}

// What fails leaves nothing of itself, and down removes the rest.
func TestFailureInTheMiddle(t *testing.T) {
	tests := map[string]struct {
		breakIt func(*provision.Request)
		says    string
		state   string // Of the client after it.
	}{
		"machine": {func(r *provision.Request) { r.Machines[1].Name = string(make([]byte, 70)) + "x" }, "make", "not started"},
		"wire":    {func(r *provision.Request) { r.Machines[1].NICs[0].MAC = "nonsense" }, "wire lan", "not started"},
		"device":  {func(r *provision.Request) { r.Machines[1].NICs[0].Device = "a-name-that-is-too-long" }, "wire lan", "not started"},
		"sysctl":  {func(r *provision.Request) { r.Machines[1].Sysctl = map[string]string{"net.no.such": "1"} }, "this kernel has no such setting", "running"},
		"value":   {func(r *provision.Request) { r.Machines[1].Sysctl = map[string]string{"net.ipv4.ip_forward": "x"} }, `set sysctl "net.ipv4.ip_forward" to "x"`, "running"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := live(t)
			r := request("broken", "client", "server")
			test.breakIt(&r)
			steps, err := b.Plan(t.Context(), r)
			require.NoError(t, err)
			require.ErrorContains(t, perform(t.Context(), steps), test.says)
			s, err := b.folder.observe("broken")
			require.NoError(t, err)
			require.Equal(t, test.state, s.machines["client"].state())
			if test.state == "not started" {
				require.Empty(t, s.networks)
				require.Equal(t, "lo", said(t, b, "broken", "client", "ls", "/sys/class/net"))
			}
			up(t, b, request("broken", "client", "server")) // Mends it.
			requireReaches(t, b, "broken", "client", "server", "10.77.0.2")
			down(t, b, "broken")
			requireNothingLeft(t)
		})
	}
}

// A setting of the whole kernel is refused, by its name or where it is not there.
func TestSysctlsOfTheWholeKernel(t *testing.T) {
	b := live(t)
	r := request("sysctl", "client", "server")
	r.Machines[0].Sysctl = map[string]string{"vm.swappiness": "1"}
	_, err := b.Plan(t.Context(), r)
	require.ErrorContains(t, err, `sysctl "vm.swappiness" is one of the whole kernel`)
	requireNothingLeft(t)

	const global = "net.core.netdev_budget" // In the first namespace alone, in all of Linux.
	require.FileExists(t, "/proc/sys/"+wiring.SysctlPath(global))
	r.Machines[0].Sysctl = map[string]string{global: "300"}
	steps, err := b.Plan(t.Context(), r)
	require.NoError(t, err)
	require.ErrorContains(t, perform(t.Context(), steps), `sysctl "net.core.netdev_budget" is one of the whole kernel`)
	down(t, b, "sysctl")
	requireNothingLeft(t)
}

func TestRefused(t *testing.T) {
	b := live(t)
	tests := map[string]func(*provision.Request){
		"different images":       func(r *provision.Request) { r.Machines[1].Image = "other" },
		"a computer that exists": func(r *provision.Request) { r.Machines[1].SSH = "root@host" },
		"cannot be a folder":     func(r *provision.Request) { r.Lab = "../x" },
		"for owner":              func(r *provision.Request) { r.Owner = "somebody" },
	}
	for says, breakIt := range tests {
		r := request("refused", "client", "server")
		breakIt(&r)
		_, err := b.Plan(t.Context(), r)
		require.ErrorContains(t, err, says)
	}
	requireNothingLeft(t)
}
