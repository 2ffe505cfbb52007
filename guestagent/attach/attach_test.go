package attach_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/attach"
	"github.com/testbed-lab/testbed/guestagent/machinetest"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// elsewhere is a session that comes in by another NIC.
const elsewhere = "203.0.113.9 40000 203.0.113.1 22"

// machine is one that exists: eth1 with addresses and routes of its own, none of
// them the lab's, and a management NIC beside it.
type machine struct {
	*machinetest.Machine
	t       *testing.T
	segment proto.Segment
}

func newMachine(t *testing.T) *machine {
	client, server := machinetest.Pair(t)
	m := &machine{Machine: client, t: t}
	m.link(&netlink.Bridge{LinkAttrs: named("mgmt")})
	m.give("mgmt", "203.0.113.1/24")
	m.up("mgmt")
	m.route("0.0.0.0/0", "mgmt", "203.0.113.254")
	m.segment = proto.Segment{Role: proto.Client, Self: client.Host, Peer: server.Host, Inner: machinetest.Inner}
	m.segment.Self.Attach = true
	return m
}

func named(name string) netlink.LinkAttrs {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	return attrs
}

func (m *machine) link(link netlink.Link) { require.NoError(m.t, m.Links.LinkAdd(link)) }

func (m *machine) named(name string) netlink.Link {
	link, err := m.Links.LinkByName(name)
	require.NoError(m.t, err)
	return link
}

func (m *machine) up(name string) { require.NoError(m.t, m.Links.LinkSetUp(m.named(name))) }

func (m *machine) give(name, address string) {
	require.NoError(m.t, m.Links.AddrAdd(m.named(name), m.address(address)))
}

func (m *machine) address(text string) *netlink.Addr {
	address, err := netlink.ParseAddr(text)
	require.NoError(m.t, err)
	return address
}

func (m *machine) route(to, device, gateway string) {
	_, destination, err := net.ParseCIDR(to)
	require.NoError(m.t, err)
	require.NoError(m.t, m.Links.RouteAdd(&netlink.Route{
		LinkIndex: m.named(device).Attrs().Index, Dst: destination, Gw: net.ParseIP(gateway),
	}), to)
}

func (m *machine) has(address string) bool {
	all, err := m.Links.AddrList(m.named(machinetest.NIC), unix.AF_INET)
	require.NoError(m.t, err)
	for _, one := range all {
		if one.IPNet.String() == address {
			return true
		}
	}
	return false
}

// attach does it, and finds the machine as it was after the undo.
func (m *machine) attach(meanwhile func()) {
	m.t.Helper()
	before := m.Snapshot(m.t)
	attached, err := attach.To(m.t.Context(), m.Space, m.segment, elsewhere)
	require.NoError(m.t, err)
	meanwhile()
	require.NoError(m.t, attached.Undo())
	m.RequireUnchanged(m.t, before)
}

func TestAnAddressThatIsThereStays(t *testing.T) {
	m := newMachine(t)
	before := m.Snapshot(t)
	m.attach(func() { m.RequireUnchanged(t, before) })
}

// alone takes the lab's address away, which an interface with nothing but it
// loses all routes with.
func (m *machine) alone() {
	nic := m.named(machinetest.NIC)
	all, err := m.Links.AddrList(nic, unix.AF_INET)
	require.NoError(m.t, err)
	for _, one := range all {
		require.NoError(m.t, m.Links.AddrDel(nic, &one))
	}
	_, onLink, err := net.ParseCIDR("198.51.100.0/24")
	require.NoError(m.t, err)
	require.NoError(m.t, m.Links.RouteAdd(&netlink.Route{LinkIndex: nic.Attrs().Index, Dst: onLink, Scope: unix.RT_SCOPE_LINK}))
	require.NoError(m.t, m.Links.NeighSet(&netlink.Neigh{
		LinkIndex: nic.Attrs().Index, IP: net.IPv4(198, 51, 100, 9), State: netlink.NUD_PERMANENT,
		HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 9},
	}))
}

// TestTheOnlyAddress: with its last address a NIC loses routes and neighbours
// that have nothing to do with it.
func TestTheOnlyAddress(t *testing.T) {
	m := newMachine(t)
	m.alone()
	require.False(t, m.has("10.77.0.1/24"))
	m.attach(func() { require.True(t, m.has("10.77.0.1/24")) })
}

func TestASecondAddress(t *testing.T) {
	m := newMachine(t)
	m.segment.Self.Address = netip.MustParsePrefix("10.77.0.9/24")
	m.attach(func() {
		require.True(t, m.has("10.77.0.9/24"))
		require.True(t, m.has("10.77.0.1/24"))
	})
}

// TestALinkThatIsDown has IPv6, so that going down loses addresses of it.
func TestALinkThatIsDown(t *testing.T) {
	m := newMachine(t)
	nic := m.named(machinetest.NIC)
	require.NoError(t, m.Sysctl("net/ipv6/conf/"+machinetest.NIC+"/disable_ipv6", "0"))
	require.NoError(t, m.Links.LinkSetDown(nic))
	m.give(machinetest.NIC, "2001:db8::7/64")
	m.attach(func() {
		require.NotZero(t, m.named(machinetest.NIC).Attrs().RawFlags&unix.IFF_UP)
		routes, err := m.Links.RouteList(nic, unix.AF_INET)
		require.NoError(t, err)
		require.NotEmpty(t, routes)
	})
}

func TestALinkWithoutCarrier(t *testing.T) {
	m := newMachine(t)
	m.link(&netlink.Veth{LinkAttrs: named("eth2"), PeerName: "unplugged"})
	m.segment.Self.Device = "eth2"
	m.segment.Self.Address = netip.MustParsePrefix("10.78.0.1/24")
	before := m.Snapshot(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("not waited for"))
	_, err := attach.To(ctx, m.Space, m.segment, elsewhere)
	require.EqualError(t, err, `attach "client" to the segment by eth2: not waited for`)
	m.RequireUnchanged(t, before)
}

func TestAMachineOfTheLabsOwnIsLeftAlone(t *testing.T) {
	m := newMachine(t)
	m.segment.Self.Attach = false
	m.segment.Self.Device = "none"
	m.attach(func() {})
}

func TestRefusals(t *testing.T) {
	share := "; name another one, or write share = true in the machine block, which allows only modes that cannot cut it off"
	for name, test := range map[string]struct {
		change     func(*machine)
		connection string
		want       string
		shared     string // The same with share = true. Empty: it is allowed.
	}{
		"no such link": {func(m *machine) { m.segment.Self.Device = "eth7" }, elsewhere,
			`there is no interface "eth7"; the machine has eth1, mgmt`, "there is no interface"},
		"loopback": {func(m *machine) { m.segment.Self.Device = "lo" }, elsewhere, "lo is the loopback interface", "lo is the loopback"},
		"port of a bridge": {func(m *machine) { require.NoError(m.t, m.Links.LinkSetMaster(m.named("eth1"), m.named("mgmt"))) },
			elsewhere, "eth1 is a port of mgmt", "eth1 is a port of mgmt"},
		"the session's address": {func(*machine) {}, "203.0.113.9 40000 10.77.0.1 22",
			"eth1 carries the SSH session with 203.0.113.9" + share, ""},
		"the session's way back": {func(*machine) {}, "198.51.100.9 40000 203.0.113.1 22", "eth1 carries the SSH session with 198.51.100.9", ""},
		"the session's link":     {func(*machine) {}, "fe80::9%eth1 40000 fe80::1%eth1 22", "eth1 carries the SSH session with fe80::9%eth1", ""},
		"a VLAN's parent carries the session": {func(m *machine) {
			m.link(&netlink.Macvlan{LinkAttrs: netlink.LinkAttrs{Name: "child", ParentIndex: m.named("eth1").Attrs().Index, NetNsID: -1}, Mode: netlink.MACVLAN_MODE_BRIDGE})
			m.give("child", "192.0.2.99/32")
		}, "203.0.113.9 40000 192.0.2.99 22", "eth1 carries the SSH session", ""},
		"no session": {func(*machine) {}, "", "the SSH server does not set SSH_CONNECTION", ""},
		"nonsense":   {func(*machine) {}, "a b c d", "read SSH_CONNECTION", ""},
		"default route": {func(m *machine) {
			m.t.Helper()
			require.NoError(m.t, m.Links.RouteAdd(&netlink.Route{
				LinkIndex: m.named("eth1").Attrs().Index, Dst: &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)}, Priority: 9, Scope: unix.RT_SCOPE_LINK}))
		}, elsewhere, "eth1 carries the default route" + share, ""},
		"half a default route": {func(m *machine) { m.route("128.0.0.0/1", "eth1", "10.77.0.250") }, elsewhere, "eth1 carries the default route", ""},
		"a route that overlaps": {func(m *machine) { m.route("10.77.0.128/25", "mgmt", "203.0.113.2") }, elsewhere,
			"route 10.77.0.128/25 via 203.0.113.2 dev mgmt overlaps the lab's subnet 10.77.0.0/24; give the network another subnet", "route 10.77.0.128/25"},
		"a route around it": {func(m *machine) { m.route("10.0.0.0/8", "mgmt", "203.0.113.2") }, elsewhere,
			"route 10.0.0.0/8 via 203.0.113.2 dev mgmt overlaps", "route 10.0.0.0/8"},
		"an address in it": {func(m *machine) { m.give("mgmt", "10.77.0.77/32") }, elsewhere,
			"mgmt has address 10.77.0.77/32, in the lab's subnet", "mgmt has address"},
	} {
		for _, shared := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/share %v", name, shared), func(t *testing.T) {
				m := newMachine(t)
				m.segment.Self.Share = shared
				test.change(m)
				want := test.want
				if shared {
					want = test.shared
				}
				before := m.Snapshot(t)
				checked := attach.Check(m.Space, m.segment.Self, test.connection)
				attached, err := attach.To(t.Context(), m.Space, m.segment, test.connection)
				if want == "" {
					require.NoError(t, checked)
					require.NoError(t, err)
					require.NoError(t, attached.Undo())
				} else {
					require.ErrorContains(t, checked, want)
					require.ErrorContains(t, err, want)
				}
				m.RequireUnchanged(t, before)
			})
		}
	}
}

func TestModesThatHarmASharedNIC(t *testing.T) {
	for _, test := range []struct {
		mode proto.Mode
		want string
	}{
		{proto.Mode{Name: "m", Kind: "veth", Uplink: "l2", At: "both"}, "takes the addresses off the NIC"},
		{proto.Mode{Name: "m", Kind: "veth", Uplink: "l2"}, "takes the addresses off the NIC"},
		{proto.Mode{Name: "m", Kind: "veth", Uplink: "l2", At: "server"}, ""},
		{proto.Mode{Name: "m", Kind: "macvlan", Mode: "passthru", At: "client"}, "gives the NIC away"},
		{proto.Mode{Name: "m", Kind: "macvlan", Mode: "bridge", At: "client"}, ""},
		{proto.Mode{Name: "m", Kind: "host", Delay: 1}, "delays all that the NIC carries"},
	} {
		m := newMachine(t)
		m.segment.Self.Share = true
		m.segment.Modes = []proto.Mode{test.mode}
		before := m.Snapshot(t)
		attached, err := attach.To(t.Context(), m.Space, m.segment, elsewhere)
		if test.want == "" {
			require.NoError(t, err)
			require.NoError(t, attached.Undo())
		} else {
			require.ErrorContains(t, err, `mode "m" `+test.want)
		}
		m.RequireUnchanged(t, before)
	}
}

func TestTheInnerSubnetIsTaken(t *testing.T) {
	m := newMachine(t)
	m.route("198.18.0.0/15", "mgmt", "203.0.113.2")
	m.attach(func() {})
	m.segment.Modes = []proto.Mode{{Name: "m", Kind: "veth", Uplink: "bridge", Masquerade: true}}
	_, err := attach.To(t.Context(), m.Space, m.segment, elsewhere)
	require.ErrorContains(t, err, "overlaps the lab's subnet 198.18.0.0/24")
}

// TestPacketsThatWouldGoAnotherWay: a rule sends them past the routes that were
// looked at.
func TestPacketsThatWouldGoAnotherWay(t *testing.T) {
	m := newMachine(t)
	m.alone()
	_, all, err := net.ParseCIDR("0.0.0.0/0")
	require.NoError(t, err)
	require.NoError(t, m.Links.RouteAdd(&netlink.Route{LinkIndex: m.named("mgmt").Attrs().Index, Dst: all, Gw: net.IPv4(203, 0, 113, 3), Table: 300}))
	rule := netlink.NewRule()
	rule.Priority, rule.Table, rule.Family = 10, 300, unix.AF_INET
	require.NoError(t, m.Links.RuleAdd(rule))
	before := m.Snapshot(t)
	_, err = attach.To(t.Context(), m.Space, m.segment, elsewhere)
	require.ErrorContains(t, err, "packets to server leave by mgmt and not directly by eth1")
	m.RequireUnchanged(t, before)
}
