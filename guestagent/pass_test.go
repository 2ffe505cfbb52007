package guestagent_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/machinetest"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// graphed are modes whose calls are looked at too: each way to the NIC once.
var graphed = []string{
	"host", "loopback", "docker0_client", "routed_client", "redirect_client", "macvlan_client", "ipvlan_l2_client",
	"ipvlan_l3s_client", "netkit_l3_redirect_client", "vxlan_client", "wireguard_client", "docker0_service_client",
}

// looked runs a pass of every kind in each mode between two machines that are
// namespaces of one kernel.
func looked(t *testing.T, modes []proto.Mode, protocol string) (client, server *end) {
	t.Helper()
	client, server = pair(t, modes, []proto.Test{short("rr", protocol)}, 1)
	var blocks []proto.Block
	for _, block := range client.segment.Blocks {
		for _, kind := range []proto.Pass{proto.PassEvents, proto.PassGraph} {
			if kind == proto.PassGraph && !slices.Contains(graphed, block.Mode) {
				continue
			}
			block.Index, block.Pass = len(blocks), kind
			blocks = append(blocks, block)
		}
	}
	for _, e := range []*end{client, server} {
		e.segment.Blocks, e.segment.OneKernel = blocks, true
	}
	run(t.Context(), client, server)
	require.NoError(t, client.err)
	require.NoError(t, server.err)
	return client, server
}

// TestEvidenceOfEveryMode: each mode's packets take the path that it declares,
// at both ends, and the trace shows them.
func TestEvidenceOfEveryMode(t *testing.T) {
	modes := slices.DeleteFunc(everyMode(), func(m proto.Mode) bool {
		return m.At == "server" || m.At == "both" || testing.Short() && !slices.Contains(graphed, m.Name)
	})
	client, server := looked(t, modes, "tcp_rr")
	served := server.results()
	for i, result := range client.results() {
		block := client.segment.Blocks[i]
		mode := modes[slices.IndexFunc(modes, func(m proto.Mode) bool { return m.Name == block.Mode })]
		t.Run(block.Mode+"/"+string(block.Pass), func(t *testing.T) {
			if result.Status == proto.StatusUnsupported {
				machinetest.RequireUnsupported(t, mode, errors.New(result.Reason))
				return
			}
			require.Equal(t, proto.StatusOK, result.Status, result.Reason)
			require.NotNil(t, result.Evidence)
			seen := result.Evidence
			require.NotEmpty(t, seen.Packets)
			if mode.Kind != "loopback" {
				require.Contains(t, served[i].Evidence.Unavailable, "one kernel")
				require.True(t, served[i].Evidence.Shared)
				require.NotEmpty(t, served[i].Evidence.Packets)
			}
			switch {
			case block.Pass == proto.PassEvents:
				require.Empty(t, seen.Unavailable)
				checkEvents(t, mode, alone(t, mode, seen))
			case graphs(t):
				require.Empty(t, seen.Unavailable)
				checkGraph(t, mode, seen)
			default:
				require.Contains(t, seen.Unavailable, "CONFIG_FUNCTION_GRAPH_TRACER")
			}
		})
	}
}

// graphs says whether this kernel has the tracer. A guest's has.
func graphs(t *testing.T) bool {
	t.Helper()
	symbols, err := os.ReadFile("/proc/kallsyms")
	require.NoError(t, err)
	return strings.Contains(string(symbols), " register_ftrace_graph")
}

// alone is a pass beside which nobody else on this computer sent by a device of that name,
// which is all that an event tells: other tests do at times.
func alone(t *testing.T, mode proto.Mode, seen *proto.Evidence) *proto.Evidence {
	device := map[bool]string{true: "lo", false: "eth1"}[mode.Kind == "loopback"]
	for range 3 {
		if seen.Events["net_dev_start_xmit "+device] <= 2*seen.Transactions+10 {
			break
		}
		client, _ := looked(t, []proto.Mode{mode}, "tcp_rr")
		i := slices.IndexFunc(client.segment.Blocks, func(b proto.Block) bool { return b.Mode == mode.Name && b.Pass == proto.PassEvents })
		seen = client.results()[i].Evidence
	}
	return seen
}

func checkEvents(t *testing.T, mode proto.Mode, seen *proto.Evidence) {
	each := func(event string) float64 { return float64(seen.Events[event]) / float64(seen.Transactions) }
	if mode.Kind == "loopback" {
		require.InDelta(t, 2, each("net_dev_start_xmit lo"), 0.1)
		require.Zero(t, each("net_dev_start_xmit eth1"))
		return
	}
	require.InDelta(t, 2, each("net_dev_start_xmit eth1"), 0.1, "a request and a response, each by a NIC of that name")
	require.Greater(t, each("softirq_entry NET_RX"), 0.5)
	if mode.Kind == "veth" && mode.Redirect == "" {
		require.InDelta(t, 1, each("net_dev_start_xmit tbv-eth1"), 0.1, "what goes into the container")
	}
}

func checkGraph(t *testing.T, mode proto.Mode, seen *proto.Evidence) {
	require.Greater(t, seen.Cycles, 10)
	require.EqualValues(t, 2, seen.Calls["tcp_sendmsg"], "one at each end")
	require.Zero(t, seen.Path[0].Depth)
	switch {
	case mode.Masquerade:
		require.Positive(t, seen.Calls["br_handle_frame"])
		require.Positive(t, seen.Calls["nf_conntrack_in"])
	case mode.Kind == "macvlan" && mode.Service == "":
		require.Positive(t, seen.Calls["macvlan_start_xmit"])
		require.Zero(t, seen.Calls["ip_forward"])
	case mode.Kind == "host" && mode.Service == "":
		require.Zero(t, seen.Calls["ip_forward"])
	}
}

// TestPacketsOfAMode: the container's device and the NIC, and nothing else.
func TestPacketsOfAMode(t *testing.T) {
	client, server := looked(t, []proto.Mode{{Name: "macvlan", Kind: "macvlan", Mode: "bridge"}}, "udp_rr")
	result := client.results()[0]
	require.Equal(t, proto.StatusOK, result.Status, result.Reason)
	var all []string
	for device := range result.Evidence.Packets {
		all = append(all, device)
	}
	require.ElementsMatch(t, []string{"eth1", "/eth0"}, all, strings.Join(all, " "))
	require.Contains(t, server.results()[0].Evidence.Packets, "eth1")
}
