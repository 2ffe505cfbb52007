package netmode

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// vethL2 puts the NIC itself into a bridge, beside the container's veth: the
// container is on the segment with its own MAC. A port of a bridge has no
// address, so the machine's IPv4 addresses and routes move to the bridge, which
// takes the NIC's MAC, and back. IPv6 addresses stay where they are, asleep.
func (b *build) vethL2() []step {
	bridge, pair, nic := b.name(bridgePrefix), b.outerEnd(), b.spec.Self.Device
	var m moved
	return []step{
		b.containerSpace(),
		b.bridge(func() []byte { return b.nic.Attrs().HardwareAddr }),
		b.linkUp(bridge),
		{name: "take the routes off " + nic, do: func() error { return b.takeRoutes(&m) }, undo: func() error { return b.returnRoutes(m) }},
		{name: "take the addresses off " + nic, do: func() error { return b.takeAddresses(&m) }, undo: func() error { return b.returnAddresses(m) }},
		b.enslave(nic, true),
		{name: "give the addresses to the bridge", do: func() error { return b.giveAddresses(m) }, undo: func() error { return b.stripBridge() }},
		{name: "give the routes to the bridge", do: func() error { return b.giveRoutes(m) }},
		b.pair(),
		b.enslave(pair, false),
		b.holdPort(pair),
		b.linkUp(pair),
		b.bringUp(),
		b.address(b.spec.Self.Container),
		b.operational(bridge, pair),
	}
}

// holdPort tells the bridge for good where the container is. On a segment that
// sends frames back to where they came from, as QEMU's multicast sockets do, it
// would learn the container's own broadcasts as coming from the NIC.
func (b *build) holdPort(pair string) step {
	return step{name: "hold the container's port in the bridge", do: func() error {
		return b.withLink(pair, func(link netlink.Link) error {
			return b.machine.links.NeighSet(&netlink.Neigh{
				Family: unix.AF_BRIDGE, LinkIndex: link.Attrs().Index,
				State: netlink.NUD_NOARP, Flags: netlink.NTF_MASTER | ntfSticky,
				HardwareAddr: hardware(0x42, b.spec.Self.Container.Addr()),
			})
		})
	}}
}

// ntfSticky is NTF_STICKY (linux/neighbour.h, since 5.0): the entry stays with
// its port, wherever else the address is seen.
const ntfSticky = 0x40

// moved is what the NIC had.
type moved struct {
	addresses []netlink.Addr
	routes    []netlink.Route // Those that do not come with an address.
	// neighbours that a person made: they go with the last address (arp_ifdown).
	neighbours []netlink.Neigh
}

// takeRoutes removes the NIC's routes, all tables. Should one refuse to go, those
// before it come back.
func (b *build) takeRoutes(m *moved) error {
	all, err := b.machine.links.RouteListFiltered(unix.AF_INET,
		&netlink.Route{LinkIndex: b.nic.Attrs().Index, Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_OIF|netlink.RT_FILTER_TABLE)
	if err != nil {
		return fmt.Errorf("list routes of %q: %w", b.spec.Self.Device, err)
	}
	m.routes = nil
	for _, route := range all {
		if route.Protocol == unix.RTPROT_KERNEL {
			continue
		}
		if err := b.machine.links.RouteDel(&route); err != nil {
			return errors.Join(fmt.Errorf("remove route to %v: %w", route.Dst, err), b.returnRoutes(*m))
		}
		m.routes = append(m.routes, route)
	}
	return nil
}

// returnRoutes is also right when it already did part of its work.
func (b *build) returnRoutes(m moved) error {
	for _, route := range m.routes {
		if err := b.machine.links.RouteAdd(&route); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("add route to %v again: %w", route.Dst, err)
		}
	}
	return nil
}

// takeAddresses removes the addresses last first, so that no secondary one goes
// with its primary.
func (b *build) takeAddresses(m *moved) error {
	all, err := b.machine.links.AddrList(b.nic, unix.AF_INET)
	if err != nil {
		return fmt.Errorf("list addresses of %q: %w", b.spec.Self.Device, err)
	}
	m.addresses = all
	if m.neighbours, err = b.permanentNeighbours(); err != nil {
		return err
	}
	for i := len(all) - 1; i >= 0; i-- {
		if err := b.machine.links.AddrDel(b.nic, &all[i]); err != nil {
			return errors.Join(fmt.Errorf("remove address %s: %w", all[i].IPNet, err), b.returnAddresses(*m))
		}
	}
	return nil
}

func (b *build) returnAddresses(m moved) error {
	for _, address := range m.addresses {
		if err := b.machine.links.AddrAdd(b.nic, asItWas(address)); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("add address %s again: %w", address.IPNet, err)
		}
	}
	for _, one := range m.neighbours {
		if err := b.machine.links.NeighSet(&one); err != nil {
			return fmt.Errorf("add neighbour %s again: %w", one.IP, err)
		}
	}
	return nil
}

func (b *build) permanentNeighbours() ([]netlink.Neigh, error) {
	known, err := b.machine.links.NeighList(b.nic.Attrs().Index, unix.AF_INET)
	if err != nil {
		return nil, fmt.Errorf("list neighbours on %q: %w", b.spec.Self.Device, err)
	}
	return slices.DeleteFunc(known, func(one netlink.Neigh) bool { return one.State&netlink.NUD_PERMANENT == 0 }), nil
}

// asItWas keeps the library from inventing a broadcast address, and from asking
// for flags that only the kernel gives.
func asItWas(address netlink.Addr) *netlink.Addr {
	if address.Broadcast == nil {
		address.Broadcast = net.IPv4zero
	}
	address.Flags &^= unix.IFA_F_PERMANENT | unix.IFA_F_SECONDARY
	return &address
}

func (b *build) giveAddresses(m moved) error {
	return b.withLink(b.name(bridgePrefix), func(bridge netlink.Link) error {
		for _, address := range m.addresses {
			address.LinkIndex, address.Label = bridge.Attrs().Index, ""
			if err := b.machine.links.AddrAdd(bridge, asItWas(address)); err != nil {
				return errors.Join(fmt.Errorf("add address %s: %w", address.IPNet, err), b.stripBridge())
			}
		}
		b.note("bridge %s with %s, address %s moved to it", bridge.Attrs().Name, b.spec.Self.Device, b.spec.Self.Address)
		return nil
	})
}

func (b *build) giveRoutes(m moved) error {
	return b.withLink(b.name(bridgePrefix), func(bridge netlink.Link) error {
		for _, route := range m.routes {
			route.LinkIndex = bridge.Attrs().Index
			if err := b.machine.links.RouteAdd(&route); err != nil {
				return fmt.Errorf("add route to %v: %w", route.Dst, err)
			}
		}
		return nil
	})
}

// stripBridge takes the bridge out of use before the NIC gets its addresses
// back: going down, it loses its routes.
func (b *build) stripBridge() error {
	return unlessGone(b.machine.links, b.name(bridgePrefix), func(bridge netlink.Link) error {
		if err := b.machine.links.LinkSetDown(bridge); err != nil {
			return err
		}
		all, err := b.machine.links.AddrList(bridge, unix.AF_INET)
		for _, address := range all {
			err = errors.Join(err, b.machine.links.AddrDel(bridge, &address))
		}
		return err
	})
}
