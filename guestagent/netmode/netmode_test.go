package netmode_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"github.com/testbed-lab/testbed/guestagent/machinetest"
	"github.com/testbed-lab/testbed/guestagent/netmode"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// modes are all variants that are built.
var modes = []proto.Mode{
	{Name: "host", Kind: "host"},
	{Name: "delayed", Kind: "host", Delay: 200 * time.Microsecond},
	{Name: "docker0", Kind: "veth", Uplink: "bridge", Masquerade: true},
	{Name: "veth_l2", Kind: "veth", Uplink: "l2"},
	{Name: "routed", Kind: "veth", Uplink: "routed"},
	{Name: "macvlan", Kind: "macvlan", Mode: "bridge"},
	{Name: "ipvlan_l2", Kind: "ipvlan", Mode: "l2"},
	{Name: "ipvlan_l3", Kind: "ipvlan", Mode: "l3"},
	{Name: "ipvlan_l3s", Kind: "ipvlan", Mode: "l3s"},

	{Name: "loopback", Kind: "loopback"},
	{Name: "busy", Kind: "veth", Uplink: "bridge", Masquerade: true, Rules: 1000},
	{Name: "redirect", Kind: "veth", Uplink: "routed", Redirect: "peer"},
	{Name: "macvlan_private", Kind: "macvlan", Mode: "private"},
	{Name: "macvlan_vepa", Kind: "macvlan", Mode: "vepa"},
	{Name: "macvlan_passthru", Kind: "macvlan", Mode: "passthru"},
	{Name: "macvlan_shim", Kind: "macvlan", Mode: "bridge", Shim: true},
	{Name: "ipvlan_l2_private", Kind: "ipvlan", Mode: "l2", Flag: "private"},
	{Name: "ipvlan_l3_vepa", Kind: "ipvlan", Mode: "l3", Flag: "vepa"},
	{Name: "ipvlan_l2_shim", Kind: "ipvlan", Mode: "l2", Shim: true},
	{Name: "ipvlan_l3s_shim", Kind: "ipvlan", Mode: "l3s", Shim: true},
	{Name: "netkit_l3", Kind: "netkit", Mode: "l3"},
	{Name: "netkit_l2", Kind: "netkit", Mode: "l2"},
	{Name: "netkit_unscrubbed", Kind: "netkit", Mode: "l3", Scrub: "none"},
	{Name: "netkit_l3_redirect", Kind: "netkit", Mode: "l3", Redirect: "peer"},
	{Name: "netkit_l2_redirect", Kind: "netkit", Mode: "l2", Redirect: "peer"},
	{Name: "vxlan", Kind: "vxlan"},
	{Name: "geneve", Kind: "geneve"},
	{Name: "wireguard", Kind: "wireguard"},
	{Name: "host_service", Kind: "host", Service: "nft"},
	{Name: "docker0_service", Kind: "veth", Uplink: "bridge", Masquerade: true, Service: "nft"},
	{Name: "veth_l2_service", Kind: "veth", Uplink: "l2", Service: "nft"},
	{Name: "vxlan_service", Kind: "vxlan", Service: "nft"},
	{Name: "macvlan_shim_service", Kind: "macvlan", Shim: true, Service: "nft"},
	{Name: "routed_ipvs", Kind: "veth", Uplink: "routed", Service: "ipvs"},
	{Name: "host_tuned", Kind: "host", Tuning: proto.Tuning{MTU: 1400, GRO: &off, TSO: &off, Qdisc: "pfifo"}},
	{Name: "host_threaded", Kind: "host", Tuning: proto.Tuning{GRO: &on, ThreadedNAPI: &on}}, // veth has a NAPI with GRO.
	{Name: "routed_tuned", Kind: "veth", Uplink: "routed", Tuning: proto.Tuning{MTU: 1400, GRO: &on, TSO: &off, RxChecksum: &off, Qdisc: "pfifo"}},
}

var on, off = true, false

func open(t *testing.T, m *machinetest.Machine) *netmode.Machine {
	machine, err := netmode.NewMachine(m.Space)
	require.NoError(t, err)
	t.Cleanup(machine.Close)
	return machine
}

func spec(mode proto.Mode, role proto.Role, self, peer *machinetest.Machine) netmode.Spec {
	return netmode.Spec{
		Mode: mode, Role: role, Self: self.Host, Peer: peer.Host, Inner: machinetest.Inner,
		Service: machinetest.Service, Protocol: "tcp", Control: true,
	}
}

// each runs f for every mode, the ends given, and both roles.
func each(t *testing.T, ends []string, f func(t *testing.T, mode proto.Mode, role proto.Role)) {
	for _, mode := range modes {
		for _, at := range ends {
			for _, role := range []proto.Role{proto.Client, proto.Server} {
				mode.At = at
				t.Run(fmt.Sprintf("%s/at_%s/%s", mode.Name, at, role), func(t *testing.T) { f(t, mode, role) })
			}
		}
	}
}

// buildOrSkip skips a mode that the kernel lacks, if the kernel does lack it.
func buildOrSkip(t *testing.T, machine *netmode.Machine, s netmode.Spec) *netmode.Mode {
	t.Helper()
	mode, err := machine.Build(t.Context(), s)
	if errors.Is(err, netmode.ErrUnsupported) {
		machinetest.RequireUnsupported(t, s.Mode, err)
		t.Skip(err)
	}
	require.NoError(t, err)
	return mode
}

func TestEverythingIsPutBack(t *testing.T) {
	each(t, []string{"client", "server", "both"}, func(t *testing.T, mode proto.Mode, role proto.Role) {
		self, peer := ends(t, role)
		machine := open(t, self)
		before := self.Snapshot(t)
		built := buildOrSkip(t, machine, spec(mode, role, self, peer))
		if changes(mode, role) {
			require.NotEqual(t, before, self.Snapshot(t), "the snapshot does not see what was built")
			require.NotEmpty(t, built.Setup)
		}
		require.NoError(t, built.Flush())
		require.NoError(t, built.TearDown())
		self.RequireUnchanged(t, before)
		require.NoError(t, built.TearDown(), "a second tear-down finds nothing to do")
	})
}

// changes says whether a mode changes the machine that plays a role.
func changes(mode proto.Mode, role proto.Role) bool {
	switch {
	case mode.Kind == "loopback":
		return false
	case mode.Service != "" && role == proto.Client, mode.Tuning != proto.Tuning{} && mode.Kind == "host":
		return true
	case netmode.Tunnels(mode.Kind): // An end without a container has a tunnel.
		return true
	case mode.Kind == "host":
		return mode.Delay > 0 && role == proto.Client
	}
	return mode.At == "both" || mode.At == string(role)
}

// TestEachStepFails lets every step of every mode fail in turn, and lists what is
// left: nothing. "both" has all steps that there are, and the server's are the
// client's but where it publishes a port.
func TestEachStepFails(t *testing.T) {
	each(t, []string{"both"}, func(t *testing.T, mode proto.Mode, role proto.Role) {
		if role == proto.Server && !mode.Masquerade {
			return
		}
		self, peer := ends(t, role)
		machine := open(t, self)
		s := spec(mode, role, self, peer)

		var steps []string
		machine.BeforeStep = func(step string) error { steps = append(steps, step); return nil }
		built := buildOrSkip(t, machine, s)
		require.NoError(t, translate(t, built, s))
		require.NoError(t, built.TearDown())
		before := self.Snapshot(t)

		broken := errors.New("broken for the test")
		for i, victim := range steps {
			n := 0
			machine.BeforeStep = func(step string) error {
				if n++; n == i+1 {
					require.Equal(t, victim, step)
					return broken
				}
				return nil
			}
			built, err := machine.Build(t.Context(), s)
			if err == nil {
				err = translate(t, built, s)
			}
			if err == nil {
				require.True(t, strings.HasPrefix(victim, "undo "), victim)
				require.NoError(t, built.TearDown(), "an undo is tried twice")
				require.Greater(t, n, len(steps))
			} else {
				require.ErrorIs(t, err, broken)
				require.ErrorContains(t, err, victim)
			}
			self.RequireUnchangedButSysctls(t, before, "after ", victim)
		}
		self.RequireUnchanged(t, before)
	})
}

// translate is the rest of the set-up of a mode that has a service, once its server is
// known.
func translate(t *testing.T, built *netmode.Mode, s netmode.Spec) error {
	if s.Mode.Service == "" {
		return nil
	}
	_, err := built.Target(t.Context(), netip.AddrPortFrom(s.Peer.Address.Addr(), 5201), 5202)
	return err
}

func TestCancelledSetUpIsUndone(t *testing.T) {
	self, peer := machinetest.Pair(t)
	machine := open(t, self)
	before := self.Snapshot(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := errors.New("session ended")
	n := 0
	machine.BeforeStep = func(string) error {
		if n++; n == 6 {
			cancel(ended)
		}
		return nil
	}
	_, err := machine.Build(ctx, spec(modes[3], proto.Client, self, peer))
	require.ErrorIs(t, err, ended)
	self.RequireUnchanged(t, before)
}

func TestImpossibleModes(t *testing.T) {
	self, peer := machinetest.Pair(t)
	machine := open(t, self)
	for name, test := range map[string]struct {
		mode proto.Mode
		want string
	}{
		"kind":          {proto.Mode{Name: "m", Kind: "gre"}, `kind "gre" is unknown`},
		"bridge":        {proto.Mode{Name: "m", Kind: "veth", Uplink: "bridge"}, "needs masquerade"},
		"masquerade":    {proto.Mode{Name: "m", Kind: "veth", Uplink: "l2", Masquerade: true}, "masquerade needs uplink bridge"},
		"uplink":        {proto.Mode{Name: "m", Kind: "veth", Uplink: "l4"}, `uplink "l4" is unknown`},
		"macvlan":       {proto.Mode{Name: "m", Kind: "macvlan", Mode: "veba"}, `macvlan mode "veba" is unknown`},
		"ipvlan":        {proto.Mode{Name: "m", Kind: "ipvlan", Mode: "l4"}, `ipvlan mode "l4" is unknown`},
		"delay":         {proto.Mode{Name: "m", Kind: "macvlan", Mode: "bridge", Delay: time.Millisecond}, "belongs to kind host"},
		"long delay":    {proto.Mode{Name: "m", Kind: "host", Delay: time.Minute}, "not within 0s and 1s"},
		"flag":          {proto.Mode{Name: "m", Kind: "ipvlan", Mode: "l2", Flag: "veba"}, `flag "veba" is unknown`},
		"rules":         {proto.Mode{Name: "m", Kind: "veth", Uplink: "l2", Rules: 3}, "rules are passed in a masquerading veth"},
		"many rules":    {proto.Mode{Name: "m", Kind: "veth", Uplink: "bridge", Masquerade: true, Rules: 1 << 20}, "not within 0 and 100000"},
		"redirect":      {proto.Mode{Name: "m", Kind: "veth", Uplink: "l2", Redirect: "peer"}, "redirect is for veth with uplink routed"},
		"redirect word": {proto.Mode{Name: "m", Kind: "netkit", Redirect: "pier"}, `redirect "pier" is unknown`},
		"netkit":        {proto.Mode{Name: "m", Kind: "netkit", Mode: "l4"}, `netkit mode "l4" is unknown`},
		"scrub":         {proto.Mode{Name: "m", Kind: "netkit", Scrub: "all"}, `scrub "all" is unknown`},
		"shim":          {proto.Mode{Name: "m", Kind: "veth", Uplink: "l2", Shim: true}, "a shim is for macvlan and ipvlan"},
		"lonely shim":   {proto.Mode{Name: "m", Kind: "macvlan", Mode: "private", Shim: true}, "a shim needs macvlan mode bridge"},
		"ipvlan shim":   {proto.Mode{Name: "m", Kind: "ipvlan", Flag: "vepa", Shim: true}, "a shim needs ipvlan flag bridge"},
		"service":       {proto.Mode{Name: "m", Kind: "host", Service: "ebpf"}, `service by "ebpf" is unknown`},
		"own service":   {proto.Mode{Name: "m", Kind: "loopback", Service: "nft"}, "no service before it"},
		"tuned lo":      {proto.Mode{Name: "m", Kind: "loopback", Tuning: proto.Tuning{MTU: 1500}}, "nothing of it is changed"},
		"mtu":           {proto.Mode{Name: "m", Kind: "host", Tuning: proto.Tuning{MTU: 20}}, "not within 68 and 65535"},
		"qdisc":         {proto.Mode{Name: "m", Kind: "host", Tuning: proto.Tuning{Qdisc: "a b"}}, `"a b" is no name of a qdisc`},
		"small NIC":     {proto.Mode{Name: "m", Kind: "host", Tuning: proto.Tuning{MTU: 1279}}, "would lose its IPv6 addresses"},
		"inbound":       {proto.Mode{Name: "m", Kind: "host", Tuning: proto.Tuning{Qdisc: "clsact"}}, "clsact is for what arrives"},
		"two qdiscs":    {proto.Mode{Name: "m", Kind: "host", Delay: 1, Tuning: proto.Tuning{Qdisc: "fq"}}, "no room for fq"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := machine.Build(t.Context(), spec(test.mode, proto.Client, self, peer))
			require.ErrorContains(t, err, test.want)
			require.NotErrorIs(t, err, netmode.ErrUnsupported)
		})
	}
	t.Run("device", func(t *testing.T) {
		s := spec(modes[0], proto.Client, self, peer)
		s.Self.Device = "eth9"
		_, err := machine.Build(t.Context(), s)
		require.ErrorContains(t, err, `find measured NIC "eth9" of "client"`)
	})
}

// TestLeftoverIsNamed: what an agent left that was killed is not taken for ours.
func TestLeftoverIsNamed(t *testing.T) {
	self, peer := machinetest.Pair(t)
	first, second := open(t, self), open(t, self)
	built, err := first.Build(t.Context(), spec(modes[2], proto.Client, self, peer))
	require.NoError(t, err)
	_, err = second.Build(t.Context(), spec(modes[2], proto.Client, self, peer))
	require.ErrorContains(t, err, "remove it with: ip link del tbb-eth1")
	require.NoError(t, built.TearDown())
}

// TestForwardingIsRestored: a machine that forwarded before still does after.
func TestForwardingIsRestored(t *testing.T) {
	self, peer := machinetest.Pair(t)
	require.NoError(t, self.Sysctl("net/ipv4/conf/eth1/forwarding", "1"))
	before := self.Snapshot(t)
	built, err := open(t, self).Build(t.Context(), spec(modes[2], proto.Client, self, peer))
	require.NoError(t, err)
	require.NoError(t, built.TearDown())
	self.RequireUnchanged(t, before)
}

// TestBuildIsBounded: a set-up waits for devices, and for nothing else.
func TestBuildIsBounded(t *testing.T) {
	self, peer := machinetest.Pair(t)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err := open(t, self).Build(ctx, spec(modes[2], proto.Client, self, peer))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func ends(t *testing.T, role proto.Role) (self, peer *machinetest.Machine) {
	client, server := machinetest.Pair(t)
	if role == proto.Client {
		return client, server
	}
	return server, client
}

// TestADelayLeavesAQdiscAlone that somebody configured: it could not be put back.
func TestADelayLeavesAQdiscAlone(t *testing.T) {
	self, peer := machinetest.Pair(t)
	nic, err := self.Links.LinkByName(machinetest.NIC)
	require.NoError(t, err)
	require.NoError(t, self.Links.QdiscAdd(&netlink.GenericQdisc{QdiscType: "pfifo", QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: nic.Attrs().Index, Parent: netlink.HANDLE_ROOT, Handle: netlink.MakeHandle(7, 0)}}))
	before := self.Snapshot(t)
	_, err = open(t, self).Build(t.Context(), spec(modes[1], proto.Client, self, peer))
	require.ErrorContains(t, err, "has a qdisc of its own, pfifo 7:0")
	require.NotErrorIs(t, err, netmode.ErrUnsupported)
	self.RequireUnchanged(t, before)
}

// TestProofOfMode: packets that took another path than the declared one disprove
// the mode, by the device's name.
func TestProofOfMode(t *testing.T) {
	self, peer := machinetest.Pair(t)
	each := func(devices ...string) map[string]proto.Packets {
		packets := map[string]proto.Packets{}
		for _, device := range devices {
			packets[device] = proto.Packets{Received: 100, Sent: 100}
		}
		return packets
	}
	for _, test := range []struct {
		mode    proto.Mode
		role    proto.Role
		packets map[string]proto.Packets
		want    string
	}{
		{proto.Mode{Name: "m", Kind: "macvlan"}, proto.Client, each("eth1", "/eth0"), ""},
		{proto.Mode{Name: "m", Kind: "macvlan"}, proto.Client, each("eth1", "/eth0", "docker0"), "declared macvlan, but packets crossed docker0"},
		{proto.Mode{Name: "m", Kind: "host"}, proto.Server, map[string]proto.Packets{"eth1": {Received: 100, Sent: 100}, "mgmt0": {Received: 50, Sent: 45}}, ""},
		{proto.Mode{Name: "m", Kind: "macvlan"}, proto.Client, each("eth1"), "declared macvlan, but packets did not cross the container's eth0; they crossed eth1"},
		{proto.Mode{Name: "m", Kind: "macvlan"}, proto.Client, nil, "they crossed none"},
		{proto.Mode{Name: "m", Kind: "veth", Uplink: "routed"}, proto.Client, each("eth1", "/eth0"), "declared veth routed, but packets did not cross tbv-eth1"},
		{proto.Mode{Name: "m", Kind: "veth", Uplink: "routed", Redirect: "peer"}, proto.Client, each("eth1", "/eth0"), ""},
		{proto.Mode{Name: "m", Kind: "veth", Uplink: "routed", Redirect: "peer"}, proto.Client,
			map[string]proto.Packets{"eth1": {Received: 100, Sent: 100}, "/eth0": {Received: 100, Sent: 100}, "tbv-eth1": {Received: 100}}, ""},
		{proto.Mode{Name: "m", Kind: "veth", Uplink: "routed", Redirect: "peer"}, proto.Client, each("eth1", "/eth0", "tbv-eth1"),
			"declared veth routed redirect, but packets crossed tbv-eth1 in its place"},
		{proto.Mode{Name: "m", Kind: "veth", Uplink: "bridge", Masquerade: true}, proto.Client, each("eth1", "/eth0", "tbv-eth1"), "did not cross tbb-eth1"},
		{proto.Mode{Name: "m", Kind: "vxlan"}, proto.Server, each("eth1"), "declared vxlan, but packets did not cross tbt-eth1"},
		{proto.Mode{Name: "m", Kind: "loopback"}, proto.Client, each("eth1"), "did not cross lo"},
		{proto.Mode{Name: "m", Kind: "loopback"}, proto.Server, nil, ""},
	} {
		built, err := open(t, self).Build(t.Context(), spec(test.mode, test.role, self, peer))
		require.NoError(t, err)
		err = built.Proof(test.packets, 100)
		require.NoError(t, built.Proof(test.packets, 0), "no transaction proves nothing")
		require.NoError(t, built.TearDown())
		if test.want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, test.want)
		}
	}
}

// TestSiblingNeedsAnAddress of its own in the subnet.
func TestSiblingNeedsAnAddress(t *testing.T) {
	self, peer := machinetest.Pair(t)
	s := spec(proto.Mode{Name: "m", Kind: "macvlan"}, proto.Client, self, peer)
	for container, room := range map[string]bool{"10.77.0.101/24": true, "10.77.0.5/29": false, "10.77.0.205/24": false, "10.77.0.230/24": false} {
		s.Self.Container = netip.MustParsePrefix(container)
		built, err := open(t, self).Build(t.Context(), s)
		require.NoError(t, err)
		sibling, err := built.Sibling(t.Context())
		if room {
			require.NoError(t, err)
			require.Equal(t, "10.77.0.151", sibling.Local.String())
			require.NoError(t, sibling.Remove())
		} else {
			require.ErrorIs(t, err, netmode.ErrNoSibling, container)
		}
		require.NoError(t, built.TearDown())
	}
}
