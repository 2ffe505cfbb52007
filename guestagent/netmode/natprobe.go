package netmode

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/namespace"
	"github.com/testbed-lab/testbed/kconfig"
)

// explainNAT finds what nf_tables lacks by trying, in an empty namespace, its
// parts one after the other; a batch's refusal does not say which it was.
func (b *build) explainNAT(refused error) error {
	if !lacking(refused) {
		return refused
	}
	space, err := namespace.New(nil)
	if err != nil {
		return refused
	}
	defer space.Close()
	table := &nftables.Table{Name: "probe", Family: nftables.TableFamilyIPv4}
	chain := &nftables.Chain{
		Name: "probe", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	}
	parts := []struct {
		need kconfig.Feature
		add  func(*nftables.Conn)
	}{
		{kconfig.Tables, func(c *nftables.Conn) { c.AddTable(table) }},
		{kconfig.NAT, func(c *nftables.Conn) { c.AddChain(chain) }},
		{kconfig.Masquerade, func(c *nftables.Conn) {
			c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{&expr.Masq{}}})
		}},
		{kconfig.NAT, func(c *nftables.Conn) {
			c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
				&expr.Immediate{Register: 1, Data: make([]byte, 4)},
				&expr.NAT{Type: expr.NATTypeSourceNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1},
			}})
		}},
	}
	for _, part := range parts {
		if err := tryNFT(space, part.add); err != nil {
			return fmt.Errorf("%w (%v)", &UnsupportedError{part.need}, err)
		}
	}
	return refused
}

func tryNFT(space *namespace.Namespace, add func(*nftables.Conn)) error {
	conn, err := nftables.New(nftables.WithNetNSFd(space.FD()))
	if err != nil {
		return err
	}
	add(conn)
	return conn.Flush()
}
