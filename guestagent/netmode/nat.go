package netmode

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// natTable is ours, in which a masquerading bridge has its rules.
const natTable = "testbed"

// Offsets in the IPv4 header, and of the destination port in TCP's and UDP's.
const (
	ipSource      = 12
	ipDestination = 16
	ipLength      = 4
	portOffset    = 2
	portLength    = 2
)

func table(name string) *nftables.Table {
	return &nftables.Table{Name: name, Family: nftables.TableFamilyIPv4}
}

func postrouting(table *nftables.Table) *nftables.Chain {
	return &nftables.Chain{
		Name: "postrouting", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	}
}

func (b *build) nft() (*nftables.Conn, error) {
	conn, err := nftables.New(nftables.WithNetNSFd(b.machine.space.FD()))
	if err != nil {
		return nil, fmt.Errorf("open nftables socket: %w", err)
	}
	return conn, nil
}

// addTable is a step that makes a table of ours with what fill puts into it.
func (b *build) addTable(name string, fill func(*nftables.Conn, *nftables.Table)) step {
	return step{
		name: "add nft table " + name,
		do: func() error {
			conn, err := b.nft()
			if err != nil {
				return err
			}
			fill(conn, conn.CreateTable(table(name)))
			return b.commit(conn, name)
		},
		undo: func() error {
			conn, err := b.nft()
			if err != nil {
				return err
			}
			conn.DelTable(table(name))
			if err := conn.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
				return fmt.Errorf("remove nft table %q: %w", name, err)
			}
			return b.flushConntrack()
		},
	}
}

// masquerade is a step that makes our table, and in it the rule by which what
// leaves the inner subnet takes the machine's address.
func (b *build) masquerade() step {
	return b.addTable(natTable, func(conn *nftables.Conn, table *nftables.Table) {
		conn.AddRule(&nftables.Rule{Table: table, Chain: conn.AddChain(postrouting(table)), Exprs: b.masqueradeRule()})
		b.note("nft masquerade %s, not out of %s", b.spec.Inner.Gateway.Masked(), b.name(bridgePrefix))
	})
}

func (b *build) commit(conn *nftables.Conn, table string) error {
	err := conn.Flush()
	if errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add nft table %q: it is there already, perhaps of an agent that was killed; remove it with: nft delete table ip %[1]s", table)
	}
	if err != nil {
		return fmt.Errorf("write nft table %q: %w", table, b.explainNAT(err))
	}
	return nil
}

// masqueradeRule is: ip saddr INNER oifname != BRIDGE masquerade.
func (b *build) masqueradeRule() []expr.Any {
	inner := b.spec.Inner.Gateway.Masked()
	name := make([]byte, unix.IFNAMSIZ)
	copy(name, b.name(bridgePrefix))
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: ipSource, Len: ipLength},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: ipLength, Mask: ipNet(inner).Mask, Xor: make([]byte, ipLength)},
		&expr.Cmp{Register: 1, Op: expr.CmpOpEq, Data: inner.Addr().AsSlice()},
		&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1},
		&expr.Cmp{Register: 1, Op: expr.CmpOpNeq, Data: name},
		&expr.Masq{},
	}
}

// publishedPorts are the steps that reserve and publish the server's port, and
// the control port of a tool that has one.
func (b *build) publishedPorts() []step {
	steps := []step{
		b.reservePort("reserve a port", b.spec.Protocol, &b.mode.Port),
		b.publish("publish the port", b.spec.Protocol, &b.mode.Port),
	}
	if b.spec.Control {
		steps = append(steps,
			b.reservePort("reserve a control port", "tcp", &b.mode.Control),
			b.publish("publish the control port", "tcp", &b.mode.Control))
	}
	return steps
}

// publish is a step that sends what arrives for a reserved port on to the
// container. The rule goes with the table.
func (b *build) publish(name, protocol string, port *uint16) step {
	return step{name: name, do: func() error {
		conn, err := b.nft()
		if err != nil {
			return err
		}
		chain := conn.AddChain(&nftables.Chain{
			Name: "prerouting", Table: table(natTable), Type: nftables.ChainTypeNAT,
			Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityNATDest,
		})
		machine := netip.AddrPortFrom(b.spec.Self.Address.Addr(), *port)
		container := netip.AddrPortFrom(b.spec.Inner.Container.Addr(), *port)
		conn.AddRule(&nftables.Rule{Table: table(natTable), Chain: chain, Exprs: destinationRule(protocol, machine, container)})
		if err := b.commit(conn, natTable); err != nil {
			return err
		}
		b.mode.Published = machine.Addr()
		b.note("DNAT %s → %s", machine, container)
		return nil
	}}
}

// destinationRule is: ip daddr FROM PROTOCOL dport FROM dnat to TO.
func destinationRule(protocol string, from, to netip.AddrPort) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: ipDestination, Len: ipLength},
		&expr.Cmp{Register: 1, Op: expr.CmpOpEq, Data: from.Addr().AsSlice()},
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Register: 1, Op: expr.CmpOpEq, Data: []byte{protocolNumber(protocol)}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: portOffset, Len: portLength},
		&expr.Cmp{Register: 1, Op: expr.CmpOpEq, Data: binaryutil.BigEndian.PutUint16(from.Port())},
		&expr.Immediate{Register: 1, Data: to.Addr().AsSlice()},
		&expr.Immediate{Register: 2, Data: binaryutil.BigEndian.PutUint16(to.Port())},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1, RegProtoMin: 2},
	}
}

func protocolNumber(protocol string) byte {
	if protocol == "udp" {
		return unix.IPPROTO_UDP
	}
	return unix.IPPROTO_TCP
}

// reservePort is a step that holds a free port of the machine while it is
// published, as docker-proxy does, so that nobody else's connection takes it.
func (b *build) reservePort(name, protocol string, port *uint16) step {
	socket := -1
	return step{
		name: name,
		do: func() error {
			return b.machine.space.Do(func() (err error) {
				socket, *port, err = bindAny(protocol, b.spec.Self.Address.Addr())
				return err
			})
		},
		undo: func() error { return unix.Close(socket) },
	}
}

func bindAny(protocol string, address netip.Addr) (socket int, port uint16, err error) {
	kind := unix.SOCK_STREAM
	if protocol == "udp" {
		kind = unix.SOCK_DGRAM
	}
	socket, err = unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, 0, fmt.Errorf("open socket: %w", err)
	}
	err = unix.Bind(socket, &unix.SockaddrInet4{Addr: address.As4()})
	if err == nil {
		var name unix.Sockaddr
		if name, err = unix.Getsockname(socket); err == nil {
			return socket, uint16(name.(*unix.SockaddrInet4).Port), nil
		}
	}
	unix.Close(socket)
	return -1, 0, fmt.Errorf("bind to a free port of %s: %w", address, err)
}
