package guestagent_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent"
	"github.com/testbed-lab/testbed/guestagent/machinetest"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// ensemble is a plan of so many machines on one wire, the first two of which test.
func ensemble(machines int, transactions int, modes ...proto.Mode) proto.Ensemble {
	plan := proto.Ensemble{Version: proto.Version, Wires: []proto.Wire{{Name: "lan", MTU: 1500}}}
	names, hosts := []string{"client", "server", "third"}, []proto.Host{}
	for i := range machines {
		n := byte(i + 1)
		address := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, 0, n}), 24)
		plan.Machines = append(plan.Machines, proto.Member{
			Name: names[i], Sysctl: map[string]string{"net.ipv4.tcp_tw_reuse": "1"},
			NICs: []proto.MemberNIC{{Device: "eth1", MAC: "52:54:00:00:00:0" + string('0'+n), Address: address, Wire: "lan"}},
		})
		hosts = append(hosts, proto.Host{Name: names[i], Device: "eth1", Address: address,
			Container: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, 0, 100 + n}), 24)})
	}
	segment := proto.Segment{Version: proto.Version, Inner: machinetest.Inner, Modes: modes,
		Tests: []proto.Test{{Name: "rr", Protocol: "tcp_rr", Request: 1, Response: 1, Transactions: transactions, NoDelay: true}}}
	for _, mode := range append([]proto.Mode{{Name: "host"}}, modes...) {
		segment.Blocks = append(segment.Blocks, proto.Block{Index: len(segment.Blocks), Test: "rr", Mode: mode.Name})
	}
	plan.Client, plan.Server = segment, segment
	plan.Client.Role, plan.Client.Self, plan.Client.Peer = proto.Client, hosts[0], hosts[1]
	plan.Server.Role, plan.Server.Self, plan.Server.Peer = proto.Server, hosts[1], hosts[0]
	return plan
}

// play runs a plan and returns what each role said, and the symbols.
func play(t *testing.T, plan proto.Ensemble) (said map[proto.Role][]proto.Message, names proto.Said) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("this machine lacks root: network namespaces cannot be made")
	}
	input, err := json.Marshal(plan)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, guestagent.Ensemble(t.Context(), bytes.NewReader(input), &out))
	plain, err := gzip.NewReader(&out)
	require.NoError(t, err)
	said = map[proto.Role][]proto.Message{}
	for lines := json.NewDecoder(plain); ; {
		var one proto.Said
		if err := lines.Decode(&one); errors.Is(err, io.EOF) {
			return said, names
		} else {
			require.NoError(t, err)
		}
		if one.Role == "" {
			names = one
			continue
		}
		said[one.Role] = append(said[one.Role], one.Message)
	}
}

func TestEnsemble(t *testing.T) {
	docker0 := proto.Mode{Name: "docker0", Kind: "veth", At: "client", Uplink: "bridge", Masquerade: true}
	for name, machines := range map[string]int{"two by a wire": 2, "three by a switch": 3} {
		t.Run(name, func(t *testing.T) {
			said, names := play(t, ensemble(machines, 50, docker0))
			require.Empty(t, names.Symbols)
			for _, role := range []proto.Role{proto.Client, proto.Server} {
				require.Equal(t, proto.TypeHello, said[role][0].Type)
				require.Equal(t, proto.TypeDone, said[role][len(said[role])-1].Type)
			}
			var blocks int
			for _, m := range said[proto.Client] {
				if m.Type == proto.TypeBlock {
					blocks++
					require.Equal(t, proto.StatusOK, m.Block.Status, m.Block.Reason)
					require.EqualValues(t, 50, m.Block.Transactions, "as many as asked for, whatever the time")
				}
			}
			require.Equal(t, 2, blocks)
		})
	}
}

func TestEnsembleSendsSymbols(t *testing.T) {
	plan := ensemble(2, 5)
	plan.Symbols = proto.SymbolsKernel
	_, names := play(t, plan)
	require.Regexp(t, `(?m)^[0-9a-f]+ [tT] tcp_sendmsg$`, names.Symbols)
	plan.Symbols = proto.SymbolsModules
	_, names = play(t, plan)
	require.Empty(t, names.Symbols)
}

// A plan that cannot be played is answered by both roles.
func TestEnsembleFails(t *testing.T) {
	for want, spoil := range map[string]func(*proto.Ensemble){
		`set up machine "client": set sysctl`:     func(p *proto.Ensemble) { p.Machines[0].Sysctl = map[string]string{"net.core.nosuch": "1"} },
		`interface "eth1" of "server": address x`: func(p *proto.Ensemble) { p.Machines[1].NICs[0].MAC = "x" },
		`machine "nobody" is not in the ensemble`: func(p *proto.Ensemble) { p.Client.Self.Name = "nobody" },
	} {
		plan := ensemble(2, 5)
		spoil(&plan)
		said, _ := play(t, plan)
		last := said[proto.Client][len(said[proto.Client])-1]
		require.Equal(t, proto.TypeError, last.Type)
		require.Contains(t, last.Error, want)
		require.Equal(t, proto.TypeError, said[proto.Server][len(said[proto.Server])-1].Type)
	}
	require.ErrorContains(t, guestagent.Ensemble(t.Context(), bytes.NewReader([]byte(`{"version":9}`)), io.Discard), "protocol is version 9")
	require.ErrorContains(t, guestagent.Ensemble(t.Context(), bytes.NewReader([]byte("{")), io.Discard), "read ensemble")
}
