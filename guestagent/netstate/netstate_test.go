package netstate

import (
	"encoding/json"
	"net"
	"os"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"github.com/testbed-lab/testbed/guestagent/namespace"
)

// furnished is a namespace with a bridge, a veth pair, an address, a neighbour and a rule.
func furnished(t *testing.T) *namespace.Namespace {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("this machine lacks root: network namespaces cannot be made")
	}
	space, err := namespace.New(nil)
	require.NoError(t, err)
	t.Cleanup(func() { space.Close() })
	require.NoError(t, space.Do(func() error {
		hardware, _ := net.ParseMAC("52:54:00:00:00:01")
		pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "left", MTU: 1400, HardwareAddr: hardware}, PeerName: "right"}
		require.NoError(t, netlink.LinkAdd(pair))
		require.NoError(t, netlink.LinkSetUp(pair))
		address, err := netlink.ParseAddr("10.77.0.1/24")
		require.NoError(t, err)
		require.NoError(t, netlink.AddrAdd(pair, address))
		left, err := netlink.LinkByName("left")
		require.NoError(t, err)
		return netlink.NeighAdd(&netlink.Neigh{LinkIndex: left.Attrs().Index, State: netlink.NUD_PERMANENT, IP: net.IPv4(10, 77, 0, 2), HardwareAddr: hardware})
	}))
	conn, err := nftables.New(nftables.WithNetNSFd(space.FD()))
	require.NoError(t, err)
	table := conn.AddTable(&nftables.Table{Name: "t", Family: nftables.TableFamilyIPv4})
	chain := conn.AddChain(&nftables.Chain{Name: "c", Table: table, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter})
	conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{10, 77, 0, 2}},
		&expr.Verdict{Kind: expr.VerdictDrop},
	}})
	require.NoError(t, conn.Flush())
	return space
}

func TestOf(t *testing.T) {
	found := Of(furnished(t))
	text, err := json.MarshalIndent(found, "", " ")
	require.NoError(t, err)
	for _, part := range []string{
		`"name": "left"`, `"mtu": 1400`, `"hardware_addr": "52:54:00:00:00:01"`, `"kind": "veth"`,
		`"ip_net": "10.77.0.1/24"`, `"kind": 0`, `"ip": "10.77.0.2"`, `"dst": "10.77.0.0/24"`,
		`"name": "c"`, `"Payload": {`, `"data": "0a4d0002"`,
	} {
		require.Contains(t, string(text), part)
	}
	require.NotContains(t, string(text), "statistics")
}

func TestProgramsAreAList(t *testing.T) {
	switch all := Programs().(type) {
	case []any:
	case string:
		require.NotEmpty(t, all, "the reason")
	default:
		t.Fatalf("%T", all)
	}
}

func TestSnake(t *testing.T) {
	for name, want := range map[string]string{"MTU": "mtu", "HardwareAddr": "hardware_addr", "IPNet": "ip_net", "TxQLen": "tx_q_len", "NetNsID": "net_ns_id", "Name": "name"} {
		require.Equal(t, want, snake(name))
	}
}
