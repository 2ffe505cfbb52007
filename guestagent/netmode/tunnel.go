package netmode

import (
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/testbed-lab/testbed/kconfig"
)

const tunnelPrefix = "tbt-"

// tunnelID is the VNI, and the ports are those that IANA gave to each.
const (
	tunnelID   = 77
	vxlanPort  = 4789
	genevePort = 6081
)

// Bytes that encapsulation takes of the NIC's MTU. VXLAN over IPv4: 20 IP, 8
// UDP, 8 VXLAN, 14 inner Ethernet (RFC 7348, section 4.3); Geneve without options the
// same (RFC 8926, section 3.4). WireGuard: 20 IP, 8 UDP, 32 of its own, and
// wg-quick leaves 80 for both IP versions, as here.
const (
	etherOverhead     = 50
	wireguardOverhead = 80
)

// Tunnels says whether modes of a kind are overlays, which have a subnet of their own.
func Tunnels(kind string) bool {
	switch kind {
	case KindVxlan, KindGeneve, KindWireguard:
		return true
	}
	return false
}

func (b *build) tunnels() bool { return Tunnels(b.spec.Mode.Kind) }

func (b *build) tunnelMTU() int {
	if b.spec.Mode.Kind == KindWireguard {
		return b.nic.Attrs().MTU - wireguardOverhead
	}
	return b.nic.Attrs().MTU - etherOverhead
}

// tunnelToBridge is an overlay between the two machines: the tunnel's device is a
// port of a bridge, and so is the container's veth; the bridge has an address of
// the overlay, and is the container's gateway to its machine, as flannel's cni0 is.
func (b *build) tunnelToBridge() []step {
	bridge, pair, tunnel := b.name(bridgePrefix), b.outerEnd(), b.name(tunnelPrefix)
	return []step{
		b.containerSpace(),
		// Both bridges are on one segment, so each has a MAC of its own.
		b.bridge(func() []byte { return hardware(0x62, b.spec.Self.Overlay.Addr()) }),
		b.overlayGatewayAddress(),
		b.linkUp(bridge),
		b.tunnel(),
		b.enslave(tunnel, false),
		b.linkUp(tunnel),
		b.pair(),
		b.enslave(pair, false),
		b.linkUp(pair),
		b.bringUp(),
		b.address(b.spec.Self.Overlay),
		b.defaultRoute(b.overlayGateway().Addr().AsSlice()),
		b.operational(bridge, pair, tunnel),
	}
}

// tunnelEnd is the machine's own end of an overlay, where it has no container:
// the device itself has the address.
func (b *build) tunnelEnd() []step {
	if !b.tunnels() {
		return nil
	}
	name := b.name(tunnelPrefix)
	steps := []step{b.tunnel()}
	if b.spec.Mode.Kind == KindWireguard {
		steps = append(steps, b.configureWireguard(), b.keepRedirects())
	}
	return append(steps, b.tunnelAddress(name), b.linkUp(name), b.machineOperational(name))
}

func (b *build) tunnelAddress(name string) step {
	return step{name: "give the tunnel an address", do: func() error {
		return b.withLink(name, func(link netlink.Link) error {
			b.at(b.spec.Self.Overlay.Addr())
			b.note("%s %s", name, b.spec.Self.Overlay)
			return addAddress(b.machine.links, link, b.spec.Self.Overlay)
		})
	}}
}

// tunnel is a step that makes the tunnel's device, from this machine's NIC to the
// other machine.
func (b *build) tunnel() step {
	name := b.name(tunnelPrefix)
	need := map[string]kconfig.Feature{KindVxlan: kconfig.Vxlan, KindGeneve: kconfig.Geneve, KindWireguard: kconfig.Wireguard}[b.spec.Mode.Kind]
	return b.machineLink(name, func() netlink.Link {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MTU = name, b.tunnelMTU()
		b.note("%s %s → %s", b.spec.Mode.Kind, name, b.spec.Peer.Address.Addr())
		return b.tunnelLink(attrs)
	}, need)
}

func (b *build) tunnelLink(attrs netlink.LinkAttrs) netlink.Link {
	self, peer := b.spec.Self.Address.Addr().AsSlice(), b.spec.Peer.Address.Addr().AsSlice()
	switch b.spec.Mode.Kind {
	case KindVxlan:
		attrs.HardwareAddr = hardware(0x76, b.spec.Self.Overlay.Addr())
		return &netlink.Vxlan{
			LinkAttrs: attrs, VxlanId: tunnelID, VtepDevIndex: b.nic.Attrs().Index,
			SrcAddr: self, Group: peer, Port: vxlanPort, Learning: true,
		}
	case KindGeneve:
		attrs.HardwareAddr = hardware(0x76, b.spec.Self.Overlay.Addr())
		return &netlink.Geneve{LinkAttrs: attrs, ID: tunnelID, Remote: peer, Dport: genevePort}
	default:
		return &netlink.Wireguard{LinkAttrs: attrs}
	}
}

// overlayGateway is the address of the machine itself on an overlay, a hundred
// above its container's as in a lab's networks.
func (b *build) overlayGateway() netip.Prefix {
	four := b.spec.Self.Overlay.Addr().As4()
	four[3] += 100
	return netip.PrefixFrom(netip.AddrFrom4(four), b.spec.Self.Overlay.Bits())
}

func (b *build) overlayGatewayAddress() step {
	return step{name: "give the bridge an address on the overlay", do: func() error {
		return b.withLink(b.name(bridgePrefix), func(link netlink.Link) error {
			return addAddress(b.machine.links, link, b.overlayGateway())
		})
	}}
}
