package attach

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

// address gives the NIC the lab's address, unless it has it. The connected route
// comes and goes with it. With a NIC's last address the kernel drops all its
// IPv4 routes (fib_disable_ip), so those that were there before come back.
func (a *Attachment) address(nic netlink.Link, host proto.Host) error {
	name, links := host.Device, a.view.links
	had, err := links.AddrList(nic, unix.AF_INET)
	if err != nil {
		return fmt.Errorf("list addresses of %q: %w", name, err)
	}
	for _, one := range had {
		if one.IP.Equal(net.IP(host.Address.Addr().AsSlice())) {
			return nil
		}
	}
	routes, err := a.view.routesOf(nic)
	if err != nil {
		return err
	}
	address := &netlink.Addr{IPNet: ipNet(host.Address)}
	if err := links.AddrAdd(nic, address); err != nil {
		return fmt.Errorf("add address %s to %q: %w", host.Address, name, err)
	}
	a.later("add address "+host.Address.String(), func() error {
		err := links.AddrDel(nic, address)
		if errors.Is(err, unix.EADDRNOTAVAIL) { // Somebody else removed it.
			err = nil
		}
		return errors.Join(err, a.returnRoutes(routes))
	})
	return nil
}

func (a *Attachment) returnRoutes(routes []netlink.Route) error {
	for _, route := range routes {
		if err := a.view.links.RouteAdd(&route); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("add route to %v again: %w", route.Dst, err)
		}
	}
	return nil
}

// keepNeighbours sees to it that entries that a person made come back: they go
// when a NIC goes down, and with its last address (arp_ifdown).
func (a *Attachment) keepNeighbours(nic netlink.Link) error {
	known, err := a.view.links.NeighList(nic.Attrs().Index, unix.AF_UNSPEC)
	if err != nil {
		return fmt.Errorf("list neighbours on %q: %w", nic.Attrs().Name, err)
	}
	for _, one := range known {
		if one.State&netlink.NUD_PERMANENT == 0 {
			continue
		}
		a.later("keep neighbour "+one.IP.String(), func() error { return a.view.links.NeighSet(&one) })
	}
	return nil
}
