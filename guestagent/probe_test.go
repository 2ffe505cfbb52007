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
	client.SwitchOnIPv6(t)
	server.SwitchOnIPv6(t)
	before := [2][]string{client.Snapshot(t), server.Snapshot(t)}
	began := time.Now()
	run(t.Context(), client, server)
	require.NoError(t, client.err)
	require.NoError(t, server.err)
	took := time.Since(began)
	t.Logf("%d modes took %v", len(modes), took)
	require.Less(t, took, time.Duration(len(modes))*10*time.Second, "a mode's probes take ten seconds at most")
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
	"ipv4", "ipv6", "service_request", "service_reply", "conntrack", "filter", "host_to_container", "container_to_host", "sibling",
	"inbound", "own_mac", "port_security", "arp", "broadcast", "multicast", "link_flap",
}

// capable is what each mode must be found to do: w works, f fails, u unsupported;
// a dot depends on the machine: its bridges may pass packets to netfilter, and it may
// answer the container's IPv6 neighbours or not.
var capable = []struct {
	mode proto.Mode
	want string
}{
	{proto.Mode{Name: "docker0", Kind: "veth", Uplink: "bridge", Masquerade: true}, "wfwwwwwwwfwwfffw"},
	{proto.Mode{Name: "veth_l2", Kind: "veth", Uplink: "l2"}, "wwww..wwwwwfwwww"},
	{proto.Mode{Name: "routed", Kind: "veth", Uplink: "routed"}, "wfwwwwwwwwwwfffw"},
	{proto.Mode{Name: "redirect", Kind: "veth", Uplink: "routed", Redirect: "peer"}, "wfffffwwfwwwfffw"},
	{proto.Mode{Name: "macvlan", Kind: "macvlan", Mode: "bridge"}, "wwffffffwwwfwwww"},
	{proto.Mode{Name: "macvlan_private", Kind: "macvlan", Mode: "private"}, "wwfffffffwwfwwww"},
	{proto.Mode{Name: "macvlan_passthru", Kind: "macvlan", Mode: "passthru"}, "wwffuffffwfwwwww"},
	{proto.Mode{Name: "macvlan_shim", Kind: "macvlan", Mode: "bridge", Shim: true}, "wwwwffwwwwwfwwww"},
	{proto.Mode{Name: "ipvlan_l2", Kind: "ipvlan", Mode: "l2"}, "wwffffffwwfwwwww"},
	{proto.Mode{Name: "ipvlan_l2_shim", Kind: "ipvlan", Mode: "l2", Shim: true}, "wwwwffwwwwfwwwww"},
	{proto.Mode{Name: "ipvlan_l3", Kind: "ipvlan", Mode: "l3"}, "wfwf.wffwwfwfffw"},
	{proto.Mode{Name: "ipvlan_l3s", Kind: "ipvlan", Mode: "l3s"}, "wfwwwwffwwfwfffw"},
	{proto.Mode{Name: "netkit_redirect", Kind: "netkit", Mode: "l3", Redirect: "peer"}, "wfffffwwfwfwfffw"},
	// Its program takes IPv4 past every device of its machine: what comes out there has the NIC's MAC.
	{proto.Mode{Name: "netkit_redirect_l2", Kind: "netkit", Mode: "l2", Redirect: "peer"}, "wfffffwwfwfwfffw"},
	{proto.Mode{Name: "vxlan", Kind: "vxlan"}, "wwww..wwwwwwwwww"},
	{proto.Mode{Name: "wireguard", Kind: "wireguard"}, "wuwwuwwwwwwuff.w"},
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
				if seen[name].Answer != proto.StatusUnsupported {
					require.NotEmpty(t, seen[name].Control, "%s: an answer has a control", name)
				}
				if want != "" {
					require.Equal(t, want, seen[name].Answer, "%s: %s; %s", name, seen[name].Observation, seen[name].Control)
				}
			}
			require.Len(t, seen, len(answers))
		})
	}
	require.Empty(t, found["host"], "a machine without a container has nothing to probe")
}
