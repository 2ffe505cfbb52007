package netmode

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// This file is what a probe of capabilities may do with a mode that is built.

// filterTable is where a probe has the machine drop packets.
const filterTable = "testbed-filter"

// Inside runs f where the mode's socket belongs.
func (m *Mode) Inside(f func() error) error { return m.build.home().Do(f) }

// Outside runs f in the machine's own namespace.
func (m *Mode) Outside(f func() error) error { return m.build.machine.space.Do(f) }

// Hardware is the MAC of the container's interface, nil where it has none, and
// that of the NIC.
func (m *Mode) Hardware() (container, nic net.HardwareAddr, err error) {
	link, err := m.build.insideLink()
	if err != nil {
		return nil, nil, err
	}
	if pair, is := link.(*netlink.Netkit); !is || pair.Mode == netlink.NETKIT_MODE_L2 {
		container = link.Attrs().HardwareAddr
	}
	return container, m.build.nic.Attrs().HardwareAddr, nil
}

// Device is the name of the container's interface.
func (m *Mode) Device() string { return m.build.innerDevice() }

// Neighbour is the MAC that the container has resolved for an address; nil where
// it has none.
func (m *Mode) Neighbour(address netip.Addr) (net.HardwareAddr, error) {
	link, err := m.build.insideLink()
	if err != nil {
		return nil, err
	}
	known, err := m.build.links.NeighList(link.Attrs().Index, unix.AF_INET)
	if err != nil {
		return nil, fmt.Errorf("list the container's neighbours: %w", err)
	}
	for _, one := range known {
		if one.IP.Equal(address.AsSlice()) && one.State&(netlink.NUD_REACHABLE|netlink.NUD_STALE|netlink.NUD_DELAY|netlink.NUD_PROBE) != 0 {
			return one.HardwareAddr, nil
		}
	}
	return nil, nil
}

// Tracks says whether the machine tracks a UDP connection from a port of anybody's
// to an address.
func (m *Mode) Tracks(port uint16, to netip.AddrPort) (bool, error) {
	handle, err := netlink.NewHandleAt(netns.NsHandle(m.build.machine.space.FD()), unix.NETLINK_NETFILTER)
	if err != nil {
		return false, fmt.Errorf("open netfilter socket: %w", err)
	}
	defer handle.Close()
	flows, err := handle.ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
	if err != nil {
		return false, fmt.Errorf("list tracked connections: %w", err)
	}
	return slices.ContainsFunc(flows, func(flow *netlink.ConntrackFlow) bool {
		f := flow.Forward
		return f.Protocol == unix.IPPROTO_UDP && f.SrcPort == port && f.DstPort == to.Port() && f.DstIP.Equal(to.Addr().AsSlice())
	}), nil
}

// Drop has the machine drop what it sees go to a UDP port, on its way in, through
// and out. dropped says how many packets that were; undo ends it.
func (m *Mode) Drop(port uint16) (dropped func() (uint64, error), undo func() error, err error) {
	b := m.build
	add := b.addTable(filterTable, func(conn *nftables.Conn, table *nftables.Table) {
		for _, chain := range []*nftables.Chain{
			{Name: "input", Hooknum: nftables.ChainHookInput},
			{Name: "forward", Hooknum: nftables.ChainHookForward},
			{Name: "output", Hooknum: nftables.ChainHookOutput},
		} {
			chain.Table, chain.Type, chain.Priority = table, nftables.ChainTypeFilter, nftables.ChainPriorityFilter
			conn.AddRule(&nftables.Rule{Table: table, Chain: conn.AddChain(chain), Exprs: dropRule(port)})
		}
	})
	if err := add.do(); err != nil {
		return nil, nil, err
	}
	return b.dropped, add.undo, nil
}

// dropRule is: udp dport PORT counter drop.
func dropRule(port uint16) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Register: 1, Op: expr.CmpOpEq, Data: []byte{unix.IPPROTO_UDP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: portOffset, Len: portLength},
		&expr.Cmp{Register: 1, Op: expr.CmpOpEq, Data: bigEndian(port)},
		&expr.Counter{},
		&expr.Verdict{Kind: expr.VerdictDrop},
	}
}

func (b *build) dropped() (packets uint64, err error) {
	conn, err := b.nft()
	if err != nil {
		return 0, err
	}
	for _, name := range []string{"input", "forward", "output"} {
		rules, err := conn.GetRules(table(filterTable), &nftables.Chain{Name: name})
		if err != nil {
			return 0, fmt.Errorf("read rules of %q: %w", filterTable, err)
		}
		for _, rule := range rules {
			for _, one := range rule.Exprs {
				if counter, is := one.(*expr.Counter); is {
					packets += counter.Packets
				}
			}
		}
	}
	return packets, nil
}

// Bounce takes the NIC down, does something meanwhile, and takes it up again. restore
// gives it back what it lost by that: routes that no address brings, and neighbours
// that a person made.
func (m *Mode) Bounce(meanwhile func()) (restore func() error, err error) {
	b := m.build
	nic := b.nic
	before, err := b.machine.links.RouteListFiltered(unix.AF_INET,
		&netlink.Route{LinkIndex: nic.Attrs().Index, Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_OIF|netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, fmt.Errorf("list routes of %q: %w", b.spec.Self.Device, err)
	}
	neighbours, err := b.permanentNeighbours()
	if err != nil {
		return nil, err
	}
	restore = func() error {
		for _, one := range neighbours {
			if err := b.machine.links.NeighSet(&one); err != nil {
				return fmt.Errorf("add neighbour %s again: %w", one.IP, err)
			}
		}
		for _, route := range before {
			if err := b.machine.links.RouteAdd(&route); err != nil && !errors.Is(err, unix.EEXIST) {
				return fmt.Errorf("add route to %v again: %w", route.Dst, err)
			}
		}
		return nil
	}
	if err := b.machine.links.LinkSetDown(nic); err != nil {
		return restore, fmt.Errorf("set %q down: %w", b.spec.Self.Device, err)
	}
	meanwhile()
	if err := b.machine.links.LinkSetUp(nic); err != nil {
		return restore, fmt.Errorf("set %q up: %w", b.spec.Self.Device, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), operationalTimeout)
	defer cancel()
	return restore, waitOperational(ctx, b.machine.links, b.spec.Self.Device)
}
