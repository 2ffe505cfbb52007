package netmode

import (
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// routedGateway is the next hop of the container, which no device has: the
// machine answers ARP for it by proxy. The address is Calico's.
var routedGateway = net.IPv4(169, 254, 1, 1).To4()

// vethRouted is what Calico does: no bridge, a /32 address in the container, and
// a /32 route to it on the machine.
func (b *build) vethRouted() []step {
	pair := b.outerEnd()
	container := single(b.spec.Self.Container.Addr())
	steps := []step{
		b.containerSpace(),
		b.pair(),
		b.proxy(pair),
		b.gatewayRoute(),
		b.linkUp(pair),
		b.bringUp(),
		b.address(container),
		b.defaultRoute(routedGateway),
		b.containerRoute(pair, container.Addr()),
		b.forward(b.spec.Self.Device),
	}
	if b.spec.Mode.Redirect != "" {
		steps = append(steps, b.redirectDepartures(pair), b.redirectArrivals(pair))
	}
	return append(steps, b.operational(pair))
}

// proxy makes the machine answer for the gateway, at once: the kernel delays an
// answer by proxy for a random time of up to 0.8 s unless told otherwise
// (neighbour sysctl proxy_delay; Calico sets it to 0 as well).
func (b *build) proxy(pair string) step {
	return b.deviceSysctls(pair,
		[2]string{"net/ipv4/conf/%s/proxy_arp", "1"},
		[2]string{"net/ipv4/neigh/%s/proxy_delay", "0"},
		[2]string{"net/ipv4/conf/%s/forwarding", "1"},
	)
}

// gatewayRoute gives the machine a route towards the gateway's address if it has
// none: the kernel answers by proxy only for what it could route (arp_process).
// A machine with a default route, as Calico requires, is left alone.
func (b *build) gatewayRoute() step {
	route := &netlink.Route{
		LinkIndex: b.nic.Attrs().Index,
		Dst:       &net.IPNet{IP: routedGateway, Mask: net.CIDRMask(32, 32)},
		Scope:     unix.RT_SCOPE_LINK,
	}
	add := b.machineRoute("add route to the gateway", route, "route 169.254.1.1 dev "+b.spec.Self.Device)
	added := false
	return step{
		name: add.name,
		do: func() error {
			if _, err := b.machine.links.RouteGet(routedGateway); err == nil {
				return nil
			}
			if err := add.do(); err != nil {
				return err
			}
			added = true
			return nil
		},
		undo: func() error {
			if !added {
				return nil
			}
			return add.undo()
		},
	}
}

// containerRoute leads from the machine to its container; it goes with the link.
func (b *build) containerRoute(pair string, container netip.Addr) step {
	return step{name: "add route to the container", do: func() error {
		return b.withLink(pair, func(link netlink.Link) error {
			b.note("route %s dev %s", container, pair)
			return b.machine.links.RouteAdd(&netlink.Route{
				LinkIndex: link.Attrs().Index,
				Dst:       ipNet(single(container)),
				Scope:     unix.RT_SCOPE_LINK,
			})
		})
	}}
}
