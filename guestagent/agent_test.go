package guestagent_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent"
	"github.com/testbed-lab/testbed/guestagent/machinetest"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// end is one agent of a pair, and what it said.
type end struct {
	*machinetest.Machine
	agent    guestagent.Agent
	segment  proto.Segment
	mu       sync.Mutex
	messages []proto.Message
	err      error
	started  func() // Called when the first block begins. Optional.
}

func (e *end) emit(m proto.Message) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.messages = append(e.messages, m)
	if e.started != nil && m.Type == proto.TypeStarted {
		e.started()
		e.started = nil
	}
	return nil
}

func (e *end) results() (results []*proto.BlockResult) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, m := range e.messages {
		if m.Type == proto.TypeBlock {
			results = append(results, m.Block)
		}
	}
	return results
}

// pair makes two machines and an agent on each, with blocks of every test in
// every mode.
func pair(t *testing.T, modes []proto.Mode, tests []proto.Test, rounds int) (client, server *end) {
	t.Helper()
	c, s := machinetest.Pair(t)
	toClient, toServer := guestagent.InMemory()
	segment := proto.Segment{Version: proto.Version, Inner: machinetest.Inner, Service: machinetest.Service, Modes: modes, Tests: tests}
	for round := range rounds {
		for _, test := range tests {
			for _, mode := range modes {
				segment.Blocks = append(segment.Blocks, proto.Block{
					Index: len(segment.Blocks), Round: round, Test: test.Name, Mode: mode.Name})
			}
		}
	}
	client = newEnd(c, s, segment, proto.Client, toClient)
	server = newEnd(s, c, segment, proto.Server, toServer)
	return client, server
}

func newEnd(self, peer *machinetest.Machine, segment proto.Segment, role proto.Role, way guestagent.Peer) *end {
	segment.Role, segment.Self, segment.Peer = role, self.Host, peer.Host
	e := &end{Machine: self, segment: segment}
	e.agent = guestagent.Agent{Namespace: self.Space, Peer: way, Emit: e.emit}
	return e
}

// run runs both to their ends.
func run(ctx context.Context, ends ...*end) {
	var all sync.WaitGroup
	for _, e := range ends {
		all.Go(func() { e.err = e.agent.Run(ctx, e.segment) })
	}
	all.Wait()
}

func short(name, protocol string) proto.Test {
	return proto.Test{Name: name, Protocol: protocol, Request: 1, Response: 1, NoDelay: true,
		Warmup: 5 * time.Millisecond, Duration: 30 * time.Millisecond}
}

func everyMode() (modes []proto.Mode) {
	modes = append(modes, proto.Mode{Name: "host", Kind: "host"})
	for _, at := range []string{"client", "server", "both"} {
		for _, mode := range []proto.Mode{
			{Name: "docker0", Kind: "veth", Uplink: "bridge", Masquerade: true},
			{Name: "veth_l2", Kind: "veth", Uplink: "l2"},
			{Name: "routed", Kind: "veth", Uplink: "routed"},
			{Name: "macvlan", Kind: "macvlan", Mode: "bridge"},
			{Name: "ipvlan_l2", Kind: "ipvlan", Mode: "l2"},
			{Name: "ipvlan_l3", Kind: "ipvlan", Mode: "l3"},
			{Name: "ipvlan_l3s", Kind: "ipvlan", Mode: "l3s"},

			{Name: "busy", Kind: "veth", Uplink: "bridge", Masquerade: true, Rules: 100},
			{Name: "redirect", Kind: "veth", Uplink: "routed", Redirect: "peer"},
			{Name: "macvlan_vepa", Kind: "macvlan", Mode: "vepa"},
			{Name: "macvlan_passthru", Kind: "macvlan", Mode: "passthru"},
			{Name: "macvlan_shim", Kind: "macvlan", Mode: "bridge", Shim: true},
			{Name: "ipvlan_l2_private", Kind: "ipvlan", Mode: "l2", Flag: "private"},
			{Name: "ipvlan_l3_vepa", Kind: "ipvlan", Mode: "l3", Flag: "vepa"},
			{Name: "ipvlan_l3s_shim", Kind: "ipvlan", Mode: "l3s", Shim: true},
			{Name: "netkit_l3", Kind: "netkit", Mode: "l3", Scrub: "none"},
			{Name: "netkit_l2", Kind: "netkit", Mode: "l2"},
			{Name: "netkit_l3_redirect", Kind: "netkit", Mode: "l3", Redirect: "peer"},
			{Name: "netkit_l2_redirect", Kind: "netkit", Mode: "l2", Redirect: "peer"},
			{Name: "vxlan", Kind: "vxlan"},
			{Name: "geneve", Kind: "geneve"},
			{Name: "wireguard", Kind: "wireguard"},
			{Name: "tuned", Kind: "veth", Uplink: "routed", Tuning: proto.Tuning{MTU: 1400, GRO: &yes, TSO: &no, RxChecksum: &no, Qdisc: "pfifo"}},
			{Name: "docker0_service", Kind: "veth", Uplink: "bridge", Masquerade: true, Service: "nft"},
			{Name: "routed_service", Kind: "veth", Uplink: "routed", Service: "nft"},
			{Name: "netkit_service", Kind: "netkit", Service: "nft"},
			{Name: "veth_l2_service", Kind: "veth", Uplink: "l2", Service: "nft"},
			{Name: "vxlan_service", Kind: "vxlan", Service: "nft"},
			{Name: "wireguard_service", Kind: "wireguard", Service: "nft"},
			{Name: "macvlan_shim_service", Kind: "macvlan", Shim: true, Service: "nft"},
			{Name: "ipvlan_l2_shim_service", Kind: "ipvlan", Shim: true, Service: "nft"},
			{Name: "ipvlan_l3s_service", Kind: "ipvlan", Mode: "l3s", Service: "nft"},
			{Name: "docker0_ipvs", Kind: "veth", Uplink: "bridge", Masquerade: true, Service: "ipvs"},
			{Name: "routed_ipvs", Kind: "veth", Uplink: "routed", Service: "ipvs"},
			{Name: "macvlan_shim_ipvs", Kind: "macvlan", Shim: true, Service: "ipvs"},
		} {
			mode.At = at
			mode.Name += "_" + at
			modes = append(modes, mode)
		}
	}
	return append(modes,
		proto.Mode{Name: "loopback", Kind: "loopback"},
		proto.Mode{Name: "host_service", Kind: "host", Service: "nft"},
		proto.Mode{Name: "host_ipvs", Kind: "host", Service: "ipvs"},
		proto.Mode{Name: "host_tuned", Kind: "host", Tuning: proto.Tuning{MTU: 1400, GRO: &no, TSO: &no, Qdisc: "pfifo"}},
	)
}

var yes, no = true, false

// TestEveryMode measures in each mode at each end, one after the other, so that
// the same address has another MAC from block to block; and finds both machines
// as they were.
func TestEveryMode(t *testing.T) {
	modes := everyMode()
	tests := []proto.Test{short("tcp", "tcp_rr"), short("udp", "udp_rr")}
	if testing.Short() { // Under emulation; the protocol changes nothing of a mode but its published port.
		tests = tests[:1]
	}
	client, server := pair(t, modes, tests, 1)
	before := [2][]string{client.Snapshot(t), server.Snapshot(t)}
	run(t.Context(), client, server)
	require.NoError(t, client.err)
	require.NoError(t, server.err)
	client.RequireUnchanged(t, before[0])
	server.RequireUnchanged(t, before[1])

	served := server.results()
	require.Len(t, served, len(client.segment.Blocks))
	for i, result := range client.results() {
		block := client.segment.Blocks[i]
		mode := modes[i%len(modes)]
		t.Run(fmt.Sprintf("%s/%s", block.Test, block.Mode), func(t *testing.T) {
			require.Equal(t, i, result.Index)
			require.Equal(t, result.Status, served[i].Status)
			require.Equal(t, result.Reason, served[i].Reason)
			if result.Status == proto.StatusUnsupported {
				machinetest.RequireUnsupported(t, mode, errors.New(result.Reason))
				return
			}
			checkMeasured(t, mode, result, served[i])
			checkSetup(t, mode, result.Setup, served[i].Setup)
		})
	}
}

func checkMeasured(t *testing.T, mode proto.Mode, result, served *proto.BlockResult) {
	t.Helper()
	require.Equal(t, proto.StatusOK, result.Status, result.Reason)
	require.Positive(t, result.Transactions)
	require.LessOrEqual(t, float64(result.Min), result.Mean)
	require.LessOrEqual(t, result.Mean, float64(result.Max))
	require.GreaterOrEqual(t, result.Nanoseconds, (30 * time.Millisecond).Nanoseconds())
	if mode.Kind != "loopback" { // There the server's machine has no part.
		require.GreaterOrEqual(t, served.Counters["transactions"], result.Transactions)
	}
	require.NotEmpty(t, result.Warmup)
	h, err := hdr.Decode([]byte(base64.StdEncoding.EncodeToString(result.Histogram)))
	require.NoError(t, err)
	require.Equal(t, result.Transactions-result.OutOfRange, h.TotalCount())
	require.InEpsilon(t, float64(result.Max), float64(h.Max()), 0.001)
	if result.Lost == 0 {
		require.InEpsilon(t, float64(result.Nanoseconds), result.Mean*float64(result.Transactions), 0.02,
			"transactions tile the block")
	}
	for _, name := range []string{"softirq_net_rx", "context_switches_voluntary", "interrupts", "steal_ticks", "tcp_retrans_segs", "tcp_in_segs", "tcp_out_segs", "udp_in_datagrams", "udp_out_datagrams"} {
		require.Contains(t, result.Counters, name)
		if mode.Kind != "loopback" {
			require.Contains(t, served.Counters, name)
		}
	}
	require.Positive(t, result.Counters["softirq_net_rx"])
}

// checkSetup: what was built is told, at the right end.
func checkSetup(t *testing.T, mode proto.Mode, client, server []string) {
	t.Helper()
	all := strings.Join(client, "\n") + "\n--\n" + strings.Join(server, "\n")
	if mode.Masquerade && mode.At != "client" {
		require.Regexp(t, `DNAT 10\.77\.0\.2:(\d+) → 198\.18\.0\.2:\d+`, strings.Join(server, "\n"))
	}
	if mode.Uplink == "routed" && mode.At != "server" {
		require.Contains(t, strings.Join(server, "\n"), "route 10.77.0.101 via 10.77.0.1")
		require.Contains(t, strings.Join(client, "\n"), "route 10.77.0.101 dev tbv-eth1")
	}
	if mode.Kind == "host" {
		require.NotContains(t, all, "container")
	}
}

func TestCancelledInTheMiddle(t *testing.T) {
	test := short("tcp", "tcp_rr")
	test.Duration = time.Minute
	client, server := pair(t, everyMode()[1:2], []proto.Test{test}, 1)
	before := [2][]string{client.Snapshot(t), server.Snapshot(t)}
	ended := errors.New("the session ended")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(300*time.Millisecond, func() { cancel(ended) })
	run(ctx, client, server)
	require.ErrorIs(t, client.err, ended)
	require.ErrorIs(t, server.err, ended)
	client.RequireUnchanged(t, before[0])
	server.RequireUnchanged(t, before[1])
}

// TestMachinesThatExist: the NIC is down and has no address; both are as they
// were after all blocks, and after a session that was cut short in one.
func TestMachinesThatExist(t *testing.T) {
	t.Setenv("SSH_CONNECTION", "127.0.0.1 40000 127.0.0.1 22")
	for name, length := range map[string]time.Duration{"to the end": 30 * time.Millisecond, "cut short": time.Minute} {
		t.Run(name, func(t *testing.T) {
			test := short("tcp", "tcp_rr")
			test.Duration = length
			client, server := pair(t, append(everyMode()[:3:3], proto.Mode{Name: "host2", Kind: "host"}), []proto.Test{test}, 1)
			for _, e := range []*end{client, server} {
				e.segment.Self.Attach = true
				e.unplug(t)
			}
			before := [2][]string{client.Snapshot(t), server.Snapshot(t)}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if length == time.Minute {
				client.started = func() { time.AfterFunc(200*time.Millisecond, cancel) }
			}
			run(ctx, client, server)
			if length != time.Minute {
				require.NoError(t, client.err)
				require.NoError(t, server.err)
				for _, result := range client.results() {
					require.Equal(t, proto.StatusOK, result.Status, result.Reason)
				}
			} else {
				require.ErrorIs(t, client.err, context.Canceled)
			}
			client.RequireUnchanged(t, before[0])
			server.RequireUnchanged(t, before[1])
		})
	}
}

// unplug takes the NIC's addresses and sets it down.
func (e *end) unplug(t *testing.T) {
	t.Helper()
	nic, err := e.Links.LinkByName(machinetest.NIC)
	require.NoError(t, err)
	all, err := e.Links.AddrList(nic, unix.AF_INET)
	require.NoError(t, err)
	for _, address := range all {
		require.NoError(t, e.Links.AddrDel(nic, &address))
	}
	require.NoError(t, e.Links.LinkSetDown(nic))
}

// TestAFailureIsTriedAgain, each time: when it is enough is not the agents' to
// say. What the kernel said meanwhile comes with each.
func TestAFailureIsTriedAgain(t *testing.T) {
	modes := []proto.Mode{{Name: "host", Kind: "host"}, {Name: "bad", Kind: "macvlan", Mode: "bridge", At: "server"}}
	client, server := pair(t, modes, []proto.Test{short("tcp", "tcp_rr")}, 5)
	tried := 0
	server.agent.BeforeStep = func(step string) error {
		if strings.HasPrefix(step, "give the container its address") {
			tried++
			return errors.New("broken for the test")
		}
		return nil
	}
	run(t.Context(), client, server)
	require.NoError(t, client.err)
	require.NoError(t, server.err)
	require.Equal(t, 5, tried)
	for i, result := range client.results() {
		if i%2 == 0 {
			require.Equal(t, proto.StatusOK, result.Status, result.Reason)
			continue
		}
		require.Equal(t, proto.StatusFailed, result.Status)
		require.Equal(t, `server: build mode "bad": give the container its address: broken for the test`, result.Reason)
		require.Equal(t, result.Reason, server.results()[i].Reason)
		require.NotEmpty(t, server.results()[i].KernelLog, "the kernel tells of a macvlan, or cannot be heard")
	}
}

// TestMachineThatCannotBePutBack ends the segment: nothing measured after it
// would mean anything.
func TestMachineThatCannotBePutBack(t *testing.T) {
	client, server := pair(t, everyMode()[1:2], []proto.Test{short("tcp", "tcp_rr")}, 2)
	client.agent.BeforeStep = func(step string) error {
		if step == "undo set net/ipv4/conf/eth1/forwarding" {
			return errors.New("broken for the test")
		}
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Second, cancel)
	run(ctx, client, server)
	require.ErrorContains(t, client.err, "undo set net/ipv4/conf/eth1/forwarding: broken for the test")
	require.ErrorIs(t, server.err, context.Canceled, "the session's end is the other agent's too")
}

func TestSegmentsThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*proto.Segment)
		want   string
	}{
		"version": {func(s *proto.Segment) { s.Version = 99 }, "protocol version 99"},
		"role":    {func(s *proto.Segment) { s.Role = "judge" }, `role "judge"`},
		"mode":    {func(s *proto.Segment) { s.Blocks[0].Mode = "x" }, `no mode is named "x"`},
		"test":    {func(s *proto.Segment) { s.Blocks[0].Test = "x" }, `no test is named "x"`},
		"address": {func(s *proto.Segment) { s.Self = proto.Host{Name: "a"} }, `machine "a" has address`},
		"container": {func(s *proto.Segment) {
			s.Peer.Container = s.Peer.Container.Masked()
			s.Peer.Container = proto.Host{}.Container
		}, "needs a container address"},
		"inner":   {func(s *proto.Segment) { s.Inner = proto.Inner{} }, "needs an inner subnet"},
		"overlay": {func(s *proto.Segment) { s.Peer.Overlay = netip.Prefix{} }, "needs an overlay address on both machines"},
	} {
		t.Run(name, func(t *testing.T) {
			client, _ := pair(t, everyMode(), []proto.Test{short("tcp", "tcp_rr")}, 1)
			test.change(&client.segment)
			require.ErrorContains(t, client.agent.Run(t.Context(), client.segment), test.want)
			require.Empty(t, client.messages)
		})
	}
}
