package attach

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/namespace"
	"github.com/testbed-lab/testbed/guestagent/netmode"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// Check says whether a lab may have the host's NIC, and changes nothing. Its
// error is the reason with the remedy. connection is SSH_CONNECTION.
func Check(space *namespace.Namespace, host proto.Host, connection string) error {
	v, err := look(space)
	if err != nil {
		return err
	}
	defer v.close()
	if err := v.allow(host, connection); err != nil {
		return err
	}
	return v.roomFor(proto.Segment{Self: host})
}

// allow refuses a NIC that is not there, cannot carry an address, or is the
// machine's own way out.
func (v *view) allow(host proto.Host, connection string) error {
	nic := v.named(host.Device)
	switch {
	case nic == nil:
		return fmt.Errorf("there is no interface %q; the machine has %s", host.Device, v.names())
	case nic.Attrs().Flags&net.FlagLoopback != 0:
		return fmt.Errorf("%s is the loopback interface; name one that is on the segment, of %s", host.Device, v.names())
	case nic.Attrs().MasterIndex != 0:
		master := v.name(nic.Attrs().MasterIndex)
		return fmt.Errorf("%s is a port of %s, and takes no packets of its own; name %s, or take it out", host.Device, master, master)
	case host.Share:
		return nil
	}
	return v.own(nic, connection)
}

const shareRemedy = "; name another one, or write share = true in the machine block, which allows only modes that cannot cut it off"

// own refuses a NIC that the machine needs for itself.
func (v *view) own(nic netlink.Link, connection string) error {
	name, index := nic.Attrs().Name, nic.Attrs().Index
	if connection == "" {
		return fmt.Errorf("whether %s carries the SSH session cannot be told: the SSH server does not set SSH_CONNECTION%s", name, shareRemedy)
	}
	session, client, err := v.session(connection)
	if err != nil {
		return err
	}
	if session[index] {
		return fmt.Errorf("%s carries the SSH session with %s%s", name, client, shareRemedy)
	}
	defaults, err := v.defaults()
	if err != nil {
		return err
	}
	if defaults[index] {
		return fmt.Errorf("%s carries the default route%s", name, shareRemedy)
	}
	return nil
}

// roomFor refuses a subnet that the machine uses otherwise: either the lab's
// packets would go astray, or the machine's own.
func (v *view) roomFor(segment proto.Segment) error {
	subnets := append([]netip.Prefix{segment.Self.Address.Masked()}, subnetsOf(segment)...)
	nic := v.named(segment.Self.Device).Attrs().Index
	for i, subnet := range subnets {
		if i > 0 {
			nic = 0 // The inner subnet is on no NIC.
		}
		if err := v.free(subnet, nic); err != nil {
			return err
		}
	}
	return nil
}

func (v *view) free(subnet netip.Prefix, nic int) error {
	addresses, err := v.links.AddrList(nil, unix.AF_INET)
	if err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	for _, one := range addresses {
		if address := prefixOf(one.IPNet); one.LinkIndex != nic && subnet.Contains(address.Addr()) {
			return fmt.Errorf("%s has address %s, in the lab's subnet %s; give the network another subnet", v.name(one.LinkIndex), address, subnet)
		}
	}
	routes, err := v.routes(unix.AF_INET)
	if err != nil {
		return err
	}
	for _, route := range routes {
		if v.captures(route, subnet, nic) {
			return fmt.Errorf("route %s overlaps the lab's subnet %s; give the network another subnet", v.describe(route), subnet)
		}
	}
	return nil
}

// captures reports whether a route and one to the subnet would take packets from
// each other. A route to all of it that leads directly onto the NIC is what an
// address there brings.
func (v *view) captures(route netlink.Route, subnet netip.Prefix, nic int) bool {
	to := prefixOf(route.Dst)
	switch {
	case bits(route) <= 1 || route.Table == unix.RT_TABLE_LOCAL || !to.Overlaps(subnet):
		return false
	case route.LinkIndex == nic && nic != 0 && route.Gw == nil && to.Bits() <= subnet.Bits():
		return false
	}
	return true
}

func (v *view) describe(route netlink.Route) string {
	text := prefixOf(route.Dst).String()
	if route.Gw != nil {
		text += " via " + route.Gw.String()
	}
	if route.LinkIndex != 0 {
		text += " dev " + v.name(route.LinkIndex)
	}
	return text
}

// reaches makes sure that packets to the peer leave by the NIC, whatever rules
// and tables the machine has.
func (v *view) reaches(nic netlink.Link, peer proto.Host) error {
	routes, err := v.links.RouteGet(peer.Address.Addr().AsSlice())
	if err != nil {
		return fmt.Errorf("find the route to %s at %s: %w", peer.Name, peer.Address.Addr(), err)
	}
	for _, route := range routes {
		if route.LinkIndex != nic.Attrs().Index || route.Gw != nil {
			return fmt.Errorf("packets to %s leave by %s and not directly by %s: look at ip rule and ip route",
				peer.Name, v.name(route.LinkIndex), nic.Attrs().Name)
		}
	}
	return nil
}

// subnetsOf are those that the segment's modes use beside the lab's own.
func subnetsOf(segment proto.Segment) (subnets []netip.Prefix) {
	for _, mode := range segment.Modes {
		if mode.Masquerade || mode.Shim {
			subnets = append(subnets, segment.Inner.Gateway.Masked())
		}
		if netmode.Tunnels(mode.Kind) {
			subnets = append(subnets, segment.Self.Overlay.Masked())
		}
		if mode.Service != "" || probes(segment) {
			subnets = append(subnets, netip.PrefixFrom(segment.Service, segment.Service.BitLen()))
		}
	}
	return subnets
}

// probes says whether capabilities are probed, which puts a service before each mode.
func probes(segment proto.Segment) bool {
	return slices.ContainsFunc(segment.Blocks, func(b proto.Block) bool { return b.Pass == proto.PassCapability })
}

// checkModes refuses what would cut a shared NIC off, or slow down what else it
// carries. Package hcl has said so before, at the line of the lab.
func checkModes(segment proto.Segment) error {
	if !segment.Self.Share {
		return nil
	}
	for _, mode := range segment.Modes {
		if why := harm(mode, segment.Role); why != "" {
			return fmt.Errorf("mode %q %s, which a NIC with share = true must not", mode.Name, why)
		}
	}
	return nil
}

func harm(mode proto.Mode, role proto.Role) string {
	here := mode.At == "both" || mode.At == string(role) || mode.At == "" && role == proto.Client
	switch {
	case here && mode.Kind == "veth" && mode.Uplink == "l2":
		return "takes the addresses off the NIC and puts it into a bridge"
	case here && mode.Kind == "macvlan" && mode.Mode == "passthru":
		return "gives the NIC away to the container"
	case role == proto.Client && mode.Delay > 0:
		return "delays all that the NIC carries"
	case mode.Tuning.ThreadedNAPI != nil, mode.Kind == "host" && mode.Tuning != proto.Tuning{}:
		return "changes settings of the NIC"
	}
	return ""
}
