// Package machinetest gives tests two machines without a VM: network namespaces
// joined by a veth pair as the wire, and a way to see whether one was left as it
// was found. It is for tests only, needs root and no file beside the binary, so a
// compiled test runs in any guest.
package machinetest

import (
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/namespace"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// NIC is the measured device of both machines.
const NIC = "eth1"

// Inner is the subnet behind a masquerading bridge.
var Inner = proto.Inner{
	Gateway:   netip.MustParsePrefix("198.18.0.1/24"),
	Container: netip.MustParsePrefix("198.18.0.2/24"),
}

// Service is the virtual address of modes that have one.
var Service = netip.MustParseAddr("198.18.2.1")

// Machine is one end of the wire.
type Machine struct {
	Host  proto.Host
	Space *namespace.Namespace
	Links *netlink.Handle
}

// Pair makes two machines on 10.77.0.0/24. The test's end removes them.
func Pair(t testing.TB) (client, server *Machine) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("this machine lacks root: network namespaces cannot be made")
	}
	client = machine(t, "client", "10.77.0.1/24", "10.77.0.101/24", "198.18.1.1/24")
	server = machine(t, "server", "10.77.0.2/24", "10.77.0.102/24", "198.18.1.2/24")
	attrs := netlink.NewLinkAttrs()
	attrs.Name = NIC
	must(t, "add wire", client.Links.LinkAdd(&netlink.Veth{
		LinkAttrs: attrs, PeerName: NIC, PeerTxQLen: -1, PeerNamespace: netlink.NsFd(server.Space.FD()),
	}))
	client.start(t)
	server.start(t)
	client.settle(t)
	server.settle(t)
	return client, server
}

func machine(t testing.TB, name, address, container, overlay string) *Machine {
	space, err := namespace.New(func() error {
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0) // Absent without IPv6.
		return nil
	})
	must(t, "make machine", err)
	t.Cleanup(func() { space.Close() })
	links, err := netlink.NewHandleAt(netns.NsHandle(space.FD()), unix.NETLINK_ROUTE)
	must(t, "open netlink socket", err)
	t.Cleanup(links.Close)
	return &Machine{
		Host: proto.Host{
			Name: name, Device: NIC,
			Address: netip.MustParsePrefix(address), Container: netip.MustParsePrefix(container),
			Overlay: netip.MustParsePrefix(overlay),
		},
		Space: space, Links: links,
	}
}

// settle waits for the wire's carrier, which follows in its own time.
func (m *Machine) settle(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		nic, err := m.Links.LinkByName(NIC)
		must(t, "find "+NIC, err)
		if nic.Attrs().OperState == netlink.OperUp {
			return
		}
	}
	t.Fatalf("%s of %s is not up after 10 s", NIC, m.Host.Name)
}

func (m *Machine) start(t testing.TB) {
	t.Helper()
	for _, name := range []string{"lo", NIC} {
		link, err := m.Links.LinkByName(name)
		must(t, "find "+name, err)
		must(t, "set "+name+" up", m.Links.LinkSetUp(link))
	}
	nic, err := m.Links.LinkByName(NIC)
	must(t, "find "+NIC, err)
	must(t, "add address", m.Links.AddrAdd(nic, &netlink.Addr{IPNet: network(m.Host.Address)}))
	// Beside what a guest has: an address of its own kind, a route with a
	// gateway and one in another table, and a neighbour that a person made, so that
	// moving them is tested too.
	must(t, "add second address", m.Links.AddrAdd(nic, &netlink.Addr{
		IPNet: network(netip.MustParsePrefix("192.0.2.7/32")), Broadcast: net.IPv4zero, Scope: unix.RT_SCOPE_HOST}))
	for _, table := range []int{unix.RT_TABLE_MAIN, 100} {
		must(t, "add route", m.Links.RouteAdd(&netlink.Route{
			LinkIndex: nic.Attrs().Index, Table: table, Priority: 7,
			Dst: network(netip.MustParsePrefix("198.51.100.0/24")), Gw: net.IPv4(10, 77, 0, 250).To4(),
		}))
	}
	must(t, "add neighbour", m.Links.NeighSet(&netlink.Neigh{
		LinkIndex: nic.Attrs().Index, IP: net.IPv4(10, 77, 0, 250), State: netlink.NUD_PERMANENT,
		HardwareAddr: net.HardwareAddr{0x02, 0x42, 10, 77, 0, 250},
	}))
}

func network(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func must(t testing.TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// SwitchOnIPv6 gives the NIC its link-local address, as a guest's has one.
func (m *Machine) SwitchOnIPv6(t testing.TB) {
	t.Helper()
	for _, one := range []struct{ key, value string }{
		{"accept_dad", "0"}, {"accept_ra", "0"}, {"router_solicitations", "0"}, {"disable_ipv6", "0"},
	} {
		must(t, "switch IPv6 on", m.Sysctl("net/ipv6/conf/"+NIC+"/"+one.key, one.value))
	}
	nic, err := m.Links.LinkByName(NIC)
	must(t, "find "+NIC, err)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		addresses, err := m.Links.AddrList(nic, unix.AF_INET6)
		must(t, "list addresses", err)
		if len(addresses) == 1 && addresses[0].Flags&unix.IFA_F_TENTATIVE == 0 {
			return
		}
	}
	t.Fatal("no link-local address")
}

// Sysctl writes one in the machine's namespace.
func (m *Machine) Sysctl(key, value string) error {
	return m.Space.Do(func() error { return os.WriteFile("/proc/sys/"+key, []byte(value), 0) })
}
