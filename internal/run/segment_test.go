package run

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/testbed"
)

func sampleCell() testbed.Cell {
	nic := func(host, container string) []testbed.NIC {
		return []testbed.NIC{{
			Network: "lan", Device: "eth1",
			Address: netip.MustParsePrefix(host), Container: netip.MustParsePrefix(container),
		}}
	}
	return testbed.Cell{
		Networks: []testbed.Network{{Name: "lan", Subnet: netip.MustParsePrefix("10.77.0.0/24")}},
		Machines: []testbed.Machine{
			{Name: "client", Image: "debian", NICs: nic("10.77.0.1/24", "10.77.0.101/24")},
			{Name: "server", Image: "debian", NICs: nic("10.77.0.2/24", "10.77.0.102/24")},
		},
		Modes: []testbed.Mode{
			{Name: "host", Kind: "host", At: testbed.AtClient},
			{Name: "docker0", Kind: "veth", At: testbed.AtClient, Uplink: "bridge", Masquerade: true},
			{Name: "l2", Kind: "ipvlan", At: testbed.AtClient, Mode: "l2"},
		},
		Tests: []testbed.Test{sampleTest()},
	}
}

func sampleTest() testbed.Test {
	return testbed.Test{
		Name: "tcp_rr", Protocol: "tcp_rr", Client: "client", Server: "server", Network: "lan",
		Modes: []string{"host", "docker0", "l2"}, Rounds: 10, Block: 250 * time.Millisecond,
		Request: 1, Response: 1, NoDelay: true,
	}
}

func TestEveryRoundHoldsEveryModeAndHostTwice(t *testing.T) {
	blocks := blocksOf(1, sampleTest())
	require.Len(t, blocks, 10*4)
	for round := range 10 {
		count := map[string]int{}
		for _, b := range blocks {
			if b.Round == round {
				count[b.Mode]++
			}
		}
		require.Equal(t, map[string]int{"host": 2, "docker0": 1, "l2": 1}, count, "round %d", round)
	}
	for i, b := range blocks {
		require.Equal(t, i, b.Index)
		require.Equal(t, i/4, b.Round, "rounds run one after the other")
	}
}

// TestAnotherEngineMeasuresBesideOurs: in the same rounds, each mode as often, and
// not always after or before our own loop.
func TestAnotherEngineMeasuresBesideOurs(t *testing.T) {
	test := sampleTest()
	test.Engine = "netperf"
	blocks := blocksOf(1, test)
	require.Len(t, blocks, 10*8)
	first := map[string]int{}
	for round := range 10 {
		count := map[[2]string]int{}
		for i, b := range blocks[round*8 : round*8+8] {
			require.Equal(t, proto.Block{Index: round*8 + i, Round: round, Test: "tcp_rr", Mode: b.Mode, Engine: b.Engine}, b)
			count[[2]string{b.Mode, b.Engine}]++
		}
		require.Equal(t, map[[2]string]int{
			{"host", ""}: 2, {"docker0", ""}: 1, {"l2", ""}: 1,
			{"host", "netperf"}: 2, {"docker0", "netperf"}: 1, {"l2", "netperf"}: 1,
		}, count, "round %d", round)
		first[blocks[round*8].Engine]++
	}
	require.Len(t, first, 2, "engines are shuffled too")

	test.Engine = "testbed"
	require.Equal(t, blocksOf(1, sampleTest()), blocksOf(1, test))
}

func TestOrderOfBlocks(t *testing.T) {
	cell, test := sampleCell(), sampleTest()
	first := blocksOf(orderSeed(17, cell, test), test)
	require.Equal(t, first, blocksOf(orderSeed(17, cell, test), test), "the same seed gives the same order")
	require.NotEqual(t, first, blocksOf(orderSeed(18, cell, test), test), "another seed gives another order")

	other := cell
	other.Coordinates = []testbed.Coordinate{{Name: "kernel", Value: "debian"}}
	require.NotEqual(t, first, blocksOf(orderSeed(17, other, test), test), "each cell has its own order")

	orders := map[string]bool{}
	for round := range 10 {
		order := ""
		for _, b := range first[round*4 : round*4+4] {
			order += b.Mode + " "
		}
		orders[order] = true
	}
	require.Greater(t, len(orders), 3, "rounds are shuffled one by one")
}

func TestBothAgentsGetTheSameBlocks(t *testing.T) {
	s, err := segmentsOf(17, sampleCell(), sampleTest())
	require.NoError(t, err)
	require.Equal(t, s.client.Blocks, s.server.Blocks)
	require.Equal(t, s.client.Modes, s.server.Modes)
	require.Equal(t, proto.Client, s.client.Role)
	require.Equal(t, proto.Server, s.server.Role)
	require.Equal(t, s.client.Self, s.server.Peer)
	require.Equal(t, s.client.Peer, s.server.Self)
	require.Equal(t, "10.77.0.102/24", s.server.Self.Container.String())
	require.False(t, sampleCell().Networks[0].Subnet.Overlaps(s.client.Inner.Gateway))
}

func TestOnlyMachinesThatExistAreAttached(t *testing.T) {
	cell := sampleCell()
	cell.Machines[1].SSH, cell.Machines[1].Share = "root@server", true
	s, err := segmentsOf(17, cell, sampleTest())
	require.NoError(t, err)
	require.False(t, s.client.Self.Attach || s.client.Self.Share)
	require.True(t, s.server.Self.Attach && s.server.Self.Share)
}

func TestSegmentOfAnUnknownMachine(t *testing.T) {
	test := sampleTest()
	test.Server = "nobody"
	_, err := segmentsOf(17, sampleCell(), test)
	require.ErrorContains(t, err, `machine "nobody"`)

	test = sampleTest()
	test.Network = "wan"
	_, err = segmentsOf(17, sampleCell(), test)
	require.ErrorContains(t, err, `no NIC on network "wan"`)
}
