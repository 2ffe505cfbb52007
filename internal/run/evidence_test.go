package run

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/capability"
	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/testbed"
)

// The agent imports nothing of the host's, so both have a list.
func TestCapabilitiesHaveTheSameNamesAtBothEnds(t *testing.T) {
	var names []string
	for _, one := range testbed.CapabilityNames {
		names = append(names, one.Name)
	}
	require.Equal(t, capability.Names(), names)
}

func TestEvidencePerTransaction(t *testing.T) {
	require.Nil(t, evidenceOf(nil))
	seen := evidenceOf(&proto.Evidence{
		Transactions: 4, Events: map[string]int64{"netif_rx a": 8}, Packets: map[string]proto.Packets{"a": {Received: 4, Sent: 2}},
		Cycles: 3, Calls: map[string]float64{"f": 2}, Path: []proto.Call{{Depth: 1, Name: "f"}}, Unavailable: "why",
	})
	require.Equal(t, &testbed.EndEvidence{
		Unavailable: []string{"why"}, Events: map[string]float64{"netif_rx a": 2}, Packets: map[string]testbed.PacketRate{"a": {Received: 1, Sent: 0.5}},
		Cycles: 3, Calls: map[string]float64{"f": 2}, Path: []testbed.Call{{Depth: 1, Name: "f"}},
	}, seen)
	require.Empty(t, evidenceOf(&proto.Evidence{Events: map[string]int64{"x": 1}}).Events, "no transaction, no rate")
}

// TestPasses: each test looks for evidence in every mode, and the first that has a
// mode probes for what works in it.
func TestPasses(t *testing.T) {
	first := testbed.Test{Name: "first", Client: "a", Server: "b", Modes: []string{"host", "m"}, Evidence: true, Capabilities: true}
	second := testbed.Test{Name: "second", Client: "a", Server: "b", Modes: []string{"host", "m", "n"}, Capabilities: true}
	cell := testbed.Cell{Tests: []testbed.Test{first, second}}
	require.Equal(t, []proto.Pass{proto.PassEvents, proto.PassGraph, proto.PassCapability}, passes(cell, first, "m"))
	require.Empty(t, passes(cell, second, "m"))
	require.Equal(t, []proto.Pass{proto.PassCapability}, passes(cell, second, "n"))
	second.Client = "c"
	cell.Tests[1] = second
	require.Equal(t, []proto.Pass{proto.PassCapability}, passes(cell, second, "m"), "another machine")
}

// TestProbesComeLast: after the evidence of every mode.
func TestProbesComeLast(t *testing.T) {
	cell := sampleCell()
	cell.Tests[0].Evidence, cell.Tests[0].Capabilities, cell.Tests[0].Modes = true, true, []string{"host", "docker0"}
	plan, err := passesOf(17, cell, cell.Tests[0], false)
	require.NoError(t, err)
	var order []string
	for i, b := range plan.client.Blocks {
		require.Equal(t, i, b.Index)
		order = append(order, b.Mode+" "+string(b.Pass))
	}
	require.Equal(t, []string{"host events", "host graph", "docker0 events", "docker0 graph", "host capability", "docker0 capability"}, order)
}
