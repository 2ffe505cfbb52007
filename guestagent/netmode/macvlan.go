package netmode

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

// macvlan puts a child of the NIC into the container, with a MAC of its own and
// the container's address on the segment.
func (b *build) macvlan() (func() []step, error) {
	if mode := b.spec.Mode.Mode; mode != "" && mode != "bridge" {
		return nil, fmt.Errorf("build mode %q: macvlan mode %q is not built yet; only bridge is", b.spec.Mode.Name, mode)
	}
	return func() []step {
		return []step{
			b.containerSpace(),
			b.childLink(b.macvlanLink, checkMacvlan, needsMacvlan),
			b.bringUp(),
			b.address(b.spec.Self.Container),
			b.operational(),
		}
	}, nil
}

func (b *build) macvlanLink(attrs netlink.LinkAttrs) netlink.Link {
	attrs.HardwareAddr = hardware(0x42, b.spec.Self.Container.Addr())
	b.note("macvlan bridge on %s", b.spec.Self.Device)
	return &netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}
}

func checkMacvlan(made netlink.Link) error {
	if mode := made.(*netlink.Macvlan).Mode; mode != netlink.MACVLAN_MODE_BRIDGE {
		return fmt.Errorf("read macvlan %q back: mode %d in place of bridge", inside, mode)
	}
	return nil
}
