package netmode

import (
	"fmt"

	"github.com/vishvananda/netlink"

	"github.com/testbed-lab/testbed/kconfig"
)

// Prefixes of the devices on the machine's side.
const (
	bridgePrefix = "tbb-"
	vethPrefix   = "tbv-"
)

// veth connects the container by a pair of devices, one end on the machine's
// side, and from there to the NIC in one of three ways.
func (b *build) veth() (func() []step, error) {
	mode := b.spec.Mode
	switch {
	case mode.Uplink == "bridge" && mode.Masquerade:
		return b.vethMasquerade, nil
	case mode.Uplink == "bridge":
		return nil, fmt.Errorf("build mode %q: uplink bridge needs masquerade = true; use uplink l2 or routed without", mode.Name)
	case mode.Masquerade:
		return nil, fmt.Errorf("build mode %q: masquerade needs uplink bridge, not %s", mode.Name, mode.Uplink)
	case mode.Uplink == "l2":
		return b.vethL2, nil
	case mode.Uplink == "routed":
		return b.vethRouted, nil
	}
	return nil, fmt.Errorf("build mode %q: veth uplink %q is unknown; there are bridge, l2 and routed", mode.Name, mode.Uplink)
}

// pair is a step that makes the veth pair, the container's end where it belongs.
func (b *build) pair() step {
	name := b.outerEnd()
	return b.machineLink(name, func() netlink.Link {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MTU = name, b.nic.Attrs().MTU
		if b.tunnels() {
			attrs.MTU = b.tunnelMTU()
		}
		b.note("veth %s ↔ %s", inside, name)
		return &netlink.Veth{
			LinkAttrs: attrs, PeerName: inside, PeerTxQLen: -1,
			PeerHardwareAddr: hardware(0x42, b.containerAddress().Addr()),
			PeerNamespace:    netlink.NsFd(b.space.FD()),
		}
	}, kconfig.Veth)
}

// bridge is a step that makes the bridge. STP is off, as it is by default, so
// ports forward at once.
func (b *build) bridge(mac func() []byte) step {
	name := b.name(bridgePrefix)
	return b.machineLink(name, func() netlink.Link {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MTU, attrs.HardwareAddr = name, b.nic.Attrs().MTU, mac()
		return &netlink.Bridge{LinkAttrs: attrs}
	}, kconfig.Bridge)
}

// enslave is a step that makes a link a port of the bridge.
func (b *build) enslave(name string, undo bool) step {
	s := step{name: "put " + name + " into the bridge", do: func() error {
		return b.withLink(name, func(link netlink.Link) error {
			return b.machine.links.LinkSetMaster(link, b.made[b.name(bridgePrefix)])
		})
	}}
	if undo {
		s.undo = func() error { return b.withLink(name, b.machine.links.LinkSetNoMaster) }
	}
	return s
}
