package guestagent_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/machinetest"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// probing runs the probes of each mode between two machines.
func probing(t *testing.T, modes []proto.Mode) map[string]map[string]proto.Capability {
	t.Helper()
	client, server := pair(t, modes, []proto.Test{short("rr", "tcp_rr")}, 1)
	for i := range client.segment.Blocks {
		client.segment.Blocks[i].Pass = proto.PassCapability
	}
	server.segment.Blocks = client.segment.Blocks
	before := [2][]string{client.Snapshot(t), server.Snapshot(t)}
	began := time.Now()
	run(t.Context(), client, server)
	require.NoError(t, client.err)
	require.NoError(t, server.err)
	t.Logf("%d modes took %v", len(modes), time.Since(began))
	client.RequireUnchanged(t, before[0])
	server.RequireUnchanged(t, before[1])
	found := map[string]map[string]proto.Capability{}
	for i, result := range client.results() {
		if result.Status == proto.StatusUnsupported {
			machinetest.RequireUnsupported(t, modes[i], errors.New(result.Reason))
			continue
		}
		require.Equal(t, proto.StatusOK, result.Status, "%s: %s", modes[i].Name, result.Reason)
		answers := map[string]proto.Capability{}
		for _, one := range result.Capabilities {
			answers[one.Name] = one
		}
		found[modes[i].Name] = answers
	}
	return found
}

// answers are the names of the probes whose letters stand in capable, in order.
var answers = []string{
	"ipv4", "service_request", "service_reply", "conntrack", "filter", "host_to_container", "container_to_host", "sibling",
	"inbound", "own_mac", "port_security", "arp", "broadcast", "multicast", "link_flap",
}

// capable is what each mode must be found to do: w works, f fails, u unsupported;
// a dot depends on the machine, whose bridges may pass packets to netfilter.
var capable = []struct {
	mode proto.Mode
	want string
}{
	{proto.Mode{Name: "docker0", Kind: "veth", Uplink: "bridge", Masquerade: true}, "wwwwwwwwfwwfffw"},
	{proto.Mode{Name: "veth_l2", Kind: "veth", Uplink: "l2"}, "www..wwwwwfwwww"},
	{proto.Mode{Name: "routed", Kind: "veth", Uplink: "routed"}, "wwwwwwwwwwwfffw"},
	{proto.Mode{Name: "redirect", Kind: "veth", Uplink: "routed", Redirect: "peer"}, "wffffwwfwwwfffw"},
	{proto.Mode{Name: "macvlan", Kind: "macvlan", Mode: "bridge"}, "wffffffwwwfwwww"},
	{proto.Mode{Name: "macvlan_private", Kind: "macvlan", Mode: "private"}, "wfffffffwwfwwww"},
	{proto.Mode{Name: "macvlan_passthru", Kind: "macvlan", Mode: "passthru"}, "wffuffffwfwwwww"},
	{proto.Mode{Name: "macvlan_shim", Kind: "macvlan", Mode: "bridge", Shim: true}, "wwwffwwwwwfwwww"},
	{proto.Mode{Name: "ipvlan_l2", Kind: "ipvlan", Mode: "l2"}, "wffffffwwfwwwww"},
	{proto.Mode{Name: "ipvlan_l2_shim", Kind: "ipvlan", Mode: "l2", Shim: true}, "wwwffwwwwfwwwww"},
	{proto.Mode{Name: "ipvlan_l3", Kind: "ipvlan", Mode: "l3"}, "wwf.wffwwfwfffw"},
	{proto.Mode{Name: "ipvlan_l3s", Kind: "ipvlan", Mode: "l3s"}, "wwwwwffwwfwfffw"},
	{proto.Mode{Name: "netkit_redirect", Kind: "netkit", Mode: "l3", Redirect: "peer"}, "wffffwwfwfwfffw"},
	{proto.Mode{Name: "vxlan", Kind: "vxlan"}, "www..wwwwwwwwww"},
	{proto.Mode{Name: "wireguard", Kind: "wireguard"}, "wwwuwwwwwwuff.w"},
}

// TestCapabilities: what works in each mode, and what does not, is found by
// sending; the machine is as it was after all of it.
func TestCapabilities(t *testing.T) {
	var modes []proto.Mode
	for _, one := range capable {
		modes = append(modes, one.mode)
	}
	found := probing(t, append(modes, proto.Mode{Name: "host", Kind: "host"}))
	for _, one := range capable {
		t.Run(one.mode.Name, func(t *testing.T) {
			seen, supported := found[one.mode.Name]
			if !supported {
				t.Skip("this kernel lacks " + one.mode.Kind)
			}
			for i, name := range answers {
				want := map[byte]string{'w': "works", 'f': "fails", 'u': proto.StatusUnsupported}[one.want[i]]
				require.NotEmpty(t, seen[name].Observation, name)
				if want != "" {
					require.Equal(t, want, seen[name].Answer, "%s: %s; %s", name, seen[name].Observation, seen[name].Control)
				}
			}
			require.Len(t, seen, len(answers))
		})
	}
	require.Empty(t, found["host"], "a machine without a container has nothing to probe")
}
