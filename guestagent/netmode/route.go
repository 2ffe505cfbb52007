package netmode

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// containerRouteTo is a step that gives the container a route: by a gateway, or
// (nil) straight onto its device. It goes with the container.
func (b *build) containerRouteTo(name string, to netip.Prefix, gateway net.IP) step {
	return step{name: name, do: func() error {
		link, err := b.insideLink()
		if err != nil {
			return err
		}
		route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(to), Gw: gateway}
		if gateway == nil {
			route.Scope = unix.RT_SCOPE_LINK
		} else {
			route.SetFlag(netlink.FLAG_ONLINK)
		}
		if err := b.links.RouteAdd(route); err != nil {
			return fmt.Errorf("add route to %s in the container: %w", to, err)
		}
		return nil
	}}
}

// needsRoute reports whether a container of this mode is beyond its machine, so
// that the other machine needs a route where elsewhere ARP suffices.
func (b *build) needsRoute() bool {
	mode := b.spec.Mode
	switch mode.Kind {
	case KindVeth:
		return mode.Uplink == "routed"
	case KindNetkit:
		return true
	case KindIpvlan:
		return mode.Mode == "l3" || mode.Mode == "l3s"
	}
	return false
}

// peerRoute is a step that tells this machine where the peer's container is, as
// BGP or a cloud's route table would.
func (b *build) peerRoute() step {
	route := &netlink.Route{
		LinkIndex: b.nic.Attrs().Index,
		Dst:       ipNet(single(b.spec.Peer.Container.Addr())),
		Gw:        b.spec.Peer.Address.Addr().AsSlice(),
	}
	return b.machineRoute("add route to the container of "+b.other(), route,
		fmt.Sprintf("route %s via %s", b.spec.Peer.Container.Addr(), b.spec.Peer.Address.Addr()))
}

func (b *build) machineRoute(name string, route *netlink.Route, note string) step {
	return step{
		name: name,
		do: func() error {
			if err := b.machine.links.RouteAdd(route); err != nil {
				return fmt.Errorf("add route to %s: %w", route.Dst, err)
			}
			b.note("%s", note)
			return nil
		},
		undo: func() error {
			if err := b.machine.links.RouteDel(route); err != nil {
				return fmt.Errorf("remove route to %s: %w", route.Dst, err)
			}
			return nil
		},
	}
}

// defaultRoute is a step that gives the container its default route: through a
// gateway, or (nil) straight onto the device. onlink, because the gateway of a
// routed veth is in no subnet of the container's.
func (b *build) defaultRoute(gateway net.IP) step {
	route := b.containerRouteTo("give the container a default route", netip.PrefixFrom(netip.IPv4Unspecified(), 0), gateway)
	add := route.do
	route.do = func() error {
		if gateway == nil {
			b.note("container default dev %s", inside)
		} else {
			b.note("container default via %s", gateway)
		}
		return add()
	}
	return route
}
