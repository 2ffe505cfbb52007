package netmode

import (
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/kconfig"
)

const shimPrefix = "tbs-"

// shim is a second child of the NIC, on the machine's side: children reach each
// other, where the NIC itself and a child of it do not. It has an address of its
// own, for an ipvlan hands a packet on by its address and that of the NIC is not
// a child's; the address is the inner gateway's, which no mode with a shim has
// another use for. Routes lead through it both ways.
func (b *build) shim(link func(netlink.LinkAttrs) netlink.Link, needs ...kconfig.Feature) []step {
	if !b.spec.Mode.Shim {
		return nil
	}
	name := b.name(shimPrefix)
	return []step{
		b.machineLink(name, func() netlink.Link {
			attrs := netlink.NewLinkAttrs()
			attrs.Name, attrs.ParentIndex = name, b.nic.Attrs().Index
			return link(attrs)
		}, needs...),
		b.shimAddress(name),
		b.linkUp(name),
		b.shimRoute(name),
		b.routeToShim(),
		b.machineOperational(name),
	}
}

func (b *build) checkShim() error {
	if mode := b.spec.Mode; mode.Shim && mode.Kind != KindMacvlan && mode.Kind != KindIpvlan {
		return fmt.Errorf("build mode %q: a shim is for macvlan and ipvlan, and this is %s", mode.Name, mode.Kind)
	}
	return nil
}

func (b *build) shimAddress(name string) step {
	return step{name: "give the shim its address", do: func() error {
		return b.withLink(name, func(link netlink.Link) error {
			return addAddress(b.machine.links, link, single(b.spec.Inner.Gateway.Addr()))
		})
	}}
}

// shimRoute leads from the machine to its container; it goes with the link.
func (b *build) shimRoute(name string) step {
	return step{name: "add route to the container by the shim", do: func() error {
		return b.withLink(name, func(link netlink.Link) error {
			b.note("shim %s %s, route %s", name, b.spec.Inner.Gateway.Addr(), b.spec.Self.Container.Addr())
			return b.machine.links.RouteAdd(&netlink.Route{
				LinkIndex: link.Attrs().Index, Scope: unix.RT_SCOPE_LINK,
				Dst: ipNet(single(b.spec.Self.Container.Addr())), Src: b.spec.Inner.Gateway.Addr().AsSlice(),
			})
		})
	}}
}

// routeToShim leads from the container to the machine's side.
func (b *build) routeToShim() step {
	return b.containerRouteTo("add route to the shim", single(b.spec.Inner.Gateway.Addr()), nil)
}
