package netmode

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

// Proxies are what may translate a virtual service address.
const (
	ProxyNFT  = "nft"
	ProxyIPVS = "ipvs"
)

// serviceTable is apart from natTable, which only some modes have.
const serviceTable = "testbed-service"

func (b *build) checkService() error {
	mode := b.spec.Mode
	switch {
	case mode.Service == "":
		return nil
	case mode.Service != ProxyNFT && mode.Service != ProxyIPVS:
		return fmt.Errorf("build mode %q: service by %q is unknown; there are nft and ipvs", mode.Name, mode.Service)
	case mode.Kind == KindLoopback:
		return fmt.Errorf("build mode %q: loopback has its server at the client's own address, and no service before it", mode.Name)
	case !b.spec.Service.Is4():
		return fmt.Errorf("build mode %q: the segment has no service address", mode.Name)
	}
	return nil
}

// serves reports whether this end talks to a virtual address.
func (b *build) serves() bool { return b.spec.Mode.Service != "" && b.spec.Role == proto.Client }

// servicePath leads what the client sends to the virtual address to where the
// machine can translate it. Most containers have a default route through their
// machine; one that is on the segment gets its machine for a gateway.
func (b *build) servicePath() []step {
	var steps []step
	if b.spec.Contained(proto.Client) && b.onSegment() {
		steps = b.serviceGateway()
	}
	if b.spec.Mode.Service == ProxyIPVS {
		return append(steps, b.addServiceTable(), b.openIPVS(), b.setSysctl("net/ipv4/vs/conntrack", "1"), b.localService())
	}
	return append(steps, b.addServiceTable(), b.serviceRoute())
}

// onSegment reports whether the container has no route but to its own subnet.
func (b *build) onSegment() bool {
	switch mode := b.spec.Mode; mode.Kind {
	case KindVeth:
		return mode.Uplink == "l2"
	case KindIpvlan:
		return mode.Mode == "" || mode.Mode == "l2"
	case KindMacvlan, KindVxlan, KindGeneve:
		return true
	}
	return false
}

// serviceRoute makes the virtual address one that the machine has a route to, as
// its default route would: what has none is dropped before it is translated.
func (b *build) serviceRoute() step {
	route := &netlink.Route{Dst: ipNet(single(b.spec.Service)), Scope: unix.RT_SCOPE_LINK}
	s := b.machineRoute("add route to the service", route, "route "+b.spec.Service.String()+" towards the segment")
	add := s.do
	s.do = func() error {
		route.LinkIndex = b.nic.Attrs().Index
		if bridge := b.segmentBridge(); bridge != nil {
			route.LinkIndex = bridge.Attrs().Index
		}
		return add()
	}
	return s
}

// segmentBridge is the bridge that took the NIC's addresses, or nil.
func (b *build) segmentBridge() netlink.Link {
	if b.spec.Mode.Uplink != "l2" {
		return nil
	}
	return b.made[b.name(bridgePrefix)]
}

// localService makes the virtual address the machine's own, as IPVS asks: it
// takes packets on their way to a local socket. kube-proxy puts it on a dummy
// device; lo serves as well, and every kernel has it.
func (b *build) localService() step {
	address := &netlink.Addr{IPNet: ipNet(single(b.spec.Service))}
	return step{
		name: "give the machine the service's address",
		do: func() error {
			b.note("lo %s", b.spec.Service)
			return addAddress(b.machine.links, loopback, single(b.spec.Service))
		},
		undo: func() error {
			if err := b.machine.links.AddrDel(loopback, address); err != nil {
				return fmt.Errorf("remove address %s from lo: %w", b.spec.Service, err)
			}
			return nil
		},
	}
}

// serviceGateway makes the machine the way to the service for a container on the
// segment. The server would answer such a container directly, past the
// machine, and from an address that the client never called; hence the masquerade
// in serviceTable.
func (b *build) serviceGateway() []step {
	gateway, steps := b.spec.Self.Address.Addr(), []step(nil)
	switch mode := b.spec.Mode; {
	case b.tunnels():
		return []step{b.forwardDevice(b.name(bridgePrefix))}
	case mode.Kind == KindVeth:
		steps = append(steps, b.forwardDevice(b.name(bridgePrefix)))
	case mode.Shim:
		gateway = b.spec.Inner.Gateway.Addr()
		steps = append(steps, b.forwardDevice(b.name(shimPrefix)), b.forward(b.spec.Self.Device))
	}
	return append(steps, b.containerRouteTo("add route to the service in the container", single(b.spec.Service), gateway.AsSlice()))
}

func (b *build) addServiceTable() step {
	return b.addTable(serviceTable, func(conn *nftables.Conn, table *nftables.Table) {
		if !b.spec.Contained(proto.Client) || !b.onSegment() {
			return
		}
		chain := conn.AddChain(postrouting(table))
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: slices.Concat([]expr.Any{
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: ipSource, Len: ipLength},
			&expr.Cmp{Register: 1, Op: expr.CmpOpEq, Data: b.mode.Local.AsSlice()},
		}, b.translated(), []expr.Any{&expr.Masq{}})})
		b.note("nft masquerade %s on its way to the service", b.mode.Local)
	})
}

// translated matches connections that nft has given another destination (ct status
// dnat; IPS_DST_NAT of linux/netfilter/nf_conntrack_common.h). IPVS leaves no such
// mark, and there all of the container's packets are meant.
func (b *build) translated() []expr.Any {
	if b.spec.Mode.Service == ProxyIPVS {
		return nil
	}
	const destinationNAT = 1 << 5
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATUS, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(destinationNAT), Xor: make([]byte, 4)},
		&expr.Cmp{Register: 1, Op: expr.CmpOpNeq, Data: make([]byte, 4)},
	}
}

// Target is where the client's socket finds the server: at the server's own
// address and ports, or at the virtual one of a service, which is set up now that
// the server is known.
func (m *Mode) Target(ctx context.Context, server netip.AddrPort, control uint16) (netip.AddrPort, error) {
	b := m.build
	if !b.serves() {
		return server, nil
	}
	translate := b.translateNFT
	if b.spec.Mode.Service == ProxyIPVS {
		translate = b.translateIPVS
	}
	steps := []step{translate("translate the service", b.spec.Protocol, server)}
	if control != 0 {
		steps = append(steps, translate("translate the service's control port", "tcp", netip.AddrPortFrom(server.Addr(), control)))
	}
	if err := b.undone.run(ctx, steps); err != nil {
		return netip.AddrPort{}, fmt.Errorf("build mode %q: %w", b.spec.Mode.Name, err)
	}
	return netip.AddrPortFrom(b.spec.Service, server.Port()), nil
}

// translateNFT is what kube-proxy does: a DNAT where packets come from containers
// and one where they come from the machine itself. It goes with the table.
func (b *build) translateNFT(name, protocol string, server netip.AddrPort) step {
	return step{name: name, do: func() error {
		conn, err := b.nft()
		if err != nil {
			return err
		}
		table, service := table(serviceTable), netip.AddrPortFrom(b.spec.Service, server.Port())
		for _, chain := range []*nftables.Chain{
			{Name: "prerouting", Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityNATDest},
			{Name: "output", Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityNATDest},
		} {
			chain.Table, chain.Type = table, nftables.ChainTypeNAT
			conn.AddRule(&nftables.Rule{Table: table, Chain: conn.AddChain(chain), Exprs: destinationRule(protocol, service, server)})
		}
		b.note("service %s → %s by nft DNAT", service, server)
		return b.commit(conn, serviceTable)
	}}
}
