package netmode

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/kconfig"
)

// conntrackCount is there only where a kernel tracks connections, and then says
// how many this namespace knows.
const conntrackCount = "/proc/sys/net/netfilter/nf_conntrack_count"

// flushNeighbours forgets the peer's MACs.
func (b *build) flushNeighbours() error {
	var device netlink.Link = b.nic
	if bridge, ok := b.made[b.name(bridgePrefix)]; ok && b.spec.Mode.Uplink == "l2" {
		device = bridge
	}
	return forgetNeighbours(b.machine.links, device, unix.AF_INET, b.ofPeer)
}

// forgetNeighbours forgets the MACs of some addresses at a device. Entries that a
// person made permanent were not learnt, and stay.
func forgetNeighbours(links *netlink.Handle, device netlink.Link, family int, these func(net.IP) bool) error {
	known, err := links.NeighList(device.Attrs().Index, family)
	if err != nil {
		return fmt.Errorf("list neighbours on %q: %w", device.Attrs().Name, err)
	}
	for _, one := range known {
		if one.State&netlink.NUD_PERMANENT != 0 || !these(one.IP) {
			continue
		}
		if err := links.NeighDel(&one); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("forget neighbour %s: %w", one.IP, err)
		}
	}
	return nil
}

func (b *build) ofPeer(ip net.IP) bool {
	address, ok := netip.AddrFromSlice(ip)
	address = address.Unmap()
	return ok && slices.Contains([]netip.Addr{b.spec.Peer.Address.Addr(), b.spec.Peer.Container.Addr(), b.spec.Peer.Overlay.Addr()}, address)
}

// flushConntrack forgets tracked connections between the two machines, in a
// kernel that tracks any.
func (b *build) flushConntrack() error {
	return b.machine.space.Do(func() error {
		count, err := os.ReadFile(conntrackCount)
		if err != nil || string(count) == "0\n" {
			return nil
		}
		handle, err := netlink.NewHandleAt(netns.NsHandle(b.machine.space.FD()), unix.NETLINK_NETFILTER)
		if err != nil {
			return fmt.Errorf("open netfilter socket: %w", err)
		}
		defer handle.Close()
		_, err = handle.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, ours(b.spec))
		if lacking(err) {
			b.note("conntrack entries not flushed: %v", &UnsupportedError{kconfig.Conntrack})
			return nil
		}
		if err != nil {
			return fmt.Errorf("forget tracked connections: %w", err)
		}
		return nil
	})
}

// ours matches connections whose both ends are addresses of the lab.
type ours Spec

// MatchConntrackFlow implements [netlink.CustomConntrackFilter].
func (o ours) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	return o.has(flow.Forward.SrcIP) && o.has(flow.Forward.DstIP)
}

func (o ours) has(ip net.IP) bool {
	address, ok := netip.AddrFromSlice(ip)
	address = address.Unmap()
	for _, one := range []netip.Prefix{o.Self.Address, o.Self.Container, o.Peer.Address, o.Peer.Container, o.Inner.Container} {
		if ok && one.Addr() == address {
			return true
		}
	}
	return ok && (address == o.Service || address == o.Self.Overlay.Addr() || address == o.Peer.Overlay.Addr())
}
