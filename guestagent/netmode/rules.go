package netmode

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// maxRules keeps a set-up within its time and the guest's memory.
const maxRules = 100000

// rulesABatch keeps what the kernel says of them within the socket's buffer
// (212,992 bytes by default): it echoes each rule and acknowledges it.
const rulesABatch = 100

// unused is TEST-NET-3 (RFC 5737): nothing in a lab has such an address.
var unused = netip.MustParseAddr("203.0.113.1")

func (b *build) checkRules() error {
	mode := b.spec.Mode
	switch {
	case mode.Rules == 0:
		return nil
	case mode.Rules < 0 || mode.Rules > maxRules:
		return fmt.Errorf("build mode %q: %d rules are not within 0 and %d", mode.Name, mode.Rules, maxRules)
	case mode.Kind != KindVeth || !mode.Masquerade:
		return fmt.Errorf("build mode %q: rules are passed in a masquerading veth, and this is %s", mode.Name, mode.Kind)
	}
	return nil
}

// moreRules is a step that fills a chain which every forwarded packet passes with
// rules that none matches, as a busy node's are: connection tracking spares a
// packet the NAT chains after the first of its connection, and not this one. They
// go with the table.
func (b *build) moreRules() step {
	return step{name: "add more rules", do: func() error {
		conn, err := b.nft()
		if err != nil {
			return err
		}
		chain := conn.AddChain(&nftables.Chain{
			Name: "forward", Table: table(natTable), Type: nftables.ChainTypeFilter,
			Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter,
		})
		for i := range b.spec.Mode.Rules {
			conn.AddRule(&nftables.Rule{Table: table(natTable), Chain: chain, Exprs: ruleOfNobody(i)})
			if i%rulesABatch == rulesABatch-1 {
				if err := b.commit(conn, natTable); err != nil {
					return err
				}
			}
		}
		if err := b.commit(conn, natTable); err != nil {
			return err
		}
		b.note("nft chain forward with %d rules that match nothing", b.spec.Mode.Rules)
		return nil
	}}
}

// ruleOfNobody is: ip saddr 203.0.113.1 tcp dport N drop. It ends at the address,
// as most rules do for most packets.
func ruleOfNobody(n int) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: ipSource, Len: ipLength},
		&expr.Cmp{Register: 1, Op: expr.CmpOpEq, Data: unused.AsSlice()},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: portOffset, Len: portLength},
		&expr.Cmp{Register: 1, Op: expr.CmpOpEq, Data: binary.BigEndian.AppendUint16(nil, uint16(n))},
		&expr.Verdict{Kind: expr.VerdictDrop},
	}
}
