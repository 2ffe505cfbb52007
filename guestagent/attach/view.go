package attach

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/namespace"
)

// requestTimeout bounds each netlink request.
const requestTimeout = 10 * time.Second

// view is a machine's links as they were when it was looked at.
type view struct {
	links *netlink.Handle
	all   []netlink.Link
}

func look(space *namespace.Namespace) (*view, error) {
	links, err := netlink.NewHandleAt(netns.NsHandle(space.FD()), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	v := &view{links: links}
	if err = links.SetSocketTimeout(requestTimeout); err == nil {
		v.all, err = links.LinkList()
	}
	if err != nil {
		links.Close()
		return nil, fmt.Errorf("list links: %w", err)
	}
	return v, nil
}

func (v *view) close() { v.links.Close() }

// named is the link of that name, or nil.
func (v *view) named(name string) netlink.Link {
	return v.find(func(l netlink.Link) bool { return l.Attrs().Name == name })
}

func (v *view) find(is func(netlink.Link) bool) netlink.Link {
	if i := slices.IndexFunc(v.all, is); i >= 0 {
		return v.all[i]
	}
	return nil
}

// name of a link, for a sentence.
func (v *view) name(index int) string {
	link := v.find(func(l netlink.Link) bool { return l.Attrs().Index == index })
	if link == nil {
		return fmt.Sprintf("link %d", index)
	}
	return link.Attrs().Name
}

// names of all links that could be meant, for a sentence.
func (v *view) names() string {
	var names []string
	for _, link := range v.all {
		if link.Attrs().Flags&net.FlagLoopback == 0 {
			names = append(names, link.Attrs().Name)
		}
	}
	if names == nil {
		return "none but lo"
	}
	return strings.Join(names, ", ")
}

// carriers are the links that a packet on one of them passes: itself, the ports
// of a bridge or a bond, and the link that a VLAN or the like is on.
func (v *view) carriers(index int, found map[int]bool) {
	if index == 0 || found[index] {
		return
	}
	found[index] = true
	for _, link := range v.all {
		attrs := link.Attrs()
		if attrs.MasterIndex == index {
			v.carriers(attrs.Index, found)
		}
		// The "parent" of a veth is its other end.
		if attrs.Index == index && attrs.NetNsID < 0 && link.Type() != "veth" {
			v.carriers(attrs.ParentIndex, found)
		}
	}
}

// session gives the links that carry the SSH session: that of its address here,
// and that by which answers leave.
func (v *view) session(connection string) (carriers map[int]bool, client string, err error) {
	fields := strings.Fields(connection)
	if len(fields) != 4 {
		return nil, "", fmt.Errorf("read SSH_CONNECTION: %q is not two addresses with their ports", connection)
	}
	carriers = map[int]bool{}
	var ends [2]netip.Addr
	for i, text := range []string{fields[0], fields[2]} {
		if ends[i], err = netip.ParseAddr(text); err != nil {
			return nil, "", fmt.Errorf("read SSH_CONNECTION: %w", err)
		}
		if zone := v.named(ends[i].Zone()); zone != nil {
			v.carriers(zone.Attrs().Index, carriers)
		}
		ends[i] = ends[i].WithZone("").Unmap()
	}
	addresses, err := v.links.AddrList(nil, unix.AF_UNSPEC)
	if err != nil {
		return nil, "", fmt.Errorf("list addresses: %w", err)
	}
	for _, one := range addresses {
		if one.IP.Equal(net.IP(ends[1].AsSlice())) {
			v.carriers(one.LinkIndex, carriers)
		}
	}
	// No route to the client is no reason to stop: its address was found above.
	routes, _ := v.links.RouteGet(ends[0].AsSlice())
	for _, route := range routes {
		v.carriers(route.LinkIndex, carriers)
	}
	return carriers, fields[0], nil
}

// defaults are the links that carry a default route, in any table. Half of the
// Internet counts as well: VPNs route it in two.
func (v *view) defaults() (map[int]bool, error) {
	routes, err := v.routes(unix.AF_UNSPEC)
	if err != nil {
		return nil, err
	}
	carriers := map[int]bool{}
	for _, route := range routes {
		if bits(route) > 1 {
			continue
		}
		for _, index := range linksOf(route) {
			v.carriers(index, carriers)
		}
	}
	return carriers, nil
}

func (v *view) routes(family int) ([]netlink.Route, error) {
	routes, err := v.links.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	return routes, nil
}

// routesOf are a NIC's IPv4 routes that do not come with an address.
func (v *view) routesOf(nic netlink.Link) ([]netlink.Route, error) {
	routes, err := v.routes(unix.AF_INET)
	return slices.DeleteFunc(routes, func(r netlink.Route) bool {
		return r.Protocol == unix.RTPROT_KERNEL || !slices.Contains(linksOf(r), nic.Attrs().Index)
	}), err
}

func linksOf(route netlink.Route) []int {
	indexes := []int{route.LinkIndex}
	for _, hop := range route.MultiPath {
		indexes = append(indexes, hop.LinkIndex)
	}
	return indexes
}

func bits(route netlink.Route) int {
	if route.Dst == nil {
		return 0
	}
	ones, _ := route.Dst.Mask.Size()
	return ones
}

// ipNet keeps the host part of the address.
func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func prefixOf(n *net.IPNet) netip.Prefix {
	if n == nil {
		return netip.Prefix{}
	}
	address, _ := netip.AddrFromSlice(n.IP)
	ones, _ := n.Mask.Size()
	return netip.PrefixFrom(address.Unmap(), ones)
}
