package run

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/testbed"
)

// inner is the subnet behind a masquerading bridge. 198.18.0.0/15 is reserved
// for benchmarks (RFC 2544), and package hcl keeps networks out of it.
var inner = proto.Inner{
	Gateway:   netip.MustParsePrefix("198.18.0.1/24"),
	Container: netip.MustParsePrefix("198.18.0.2/24"),
}

// overlays are the two ends of a tunnel, and service is a virtual address; of the
// same range, for the same reason.
var (
	overlays = map[proto.Role]netip.Prefix{
		proto.Client: netip.MustParsePrefix("198.18.1.1/24"),
		proto.Server: netip.MustParsePrefix("198.18.1.2/24"),
	}
	service = netip.MustParseAddr("198.18.2.1")
)

// segments is one test as its two agents get it: the same blocks, two roles.
type segments struct {
	client, server proto.Segment
}

// segmentsOf lays a test out as blocks: rounds of every mode in an order that
// the lab's seed decides, host twice in each.
func segmentsOf(seed int64, cell testbed.Cell, test testbed.Test) (segments, error) {
	client, err := hostOf(cell, test.Client, test.Network)
	if err != nil {
		return segments{}, err
	}
	server, err := hostOf(cell, test.Server, test.Network)
	if err != nil {
		return segments{}, err
	}
	base := proto.Segment{
		Version: proto.Version,
		Inner:   inner,
		Service: service,
		Modes:   modesOf(cell, test),
		Tests:   []proto.Test{testOf(orderSeed(seed, cell, test), test)},
		Blocks:  blocksOf(orderSeed(seed, cell, test), test),
	}
	client.Overlay, server.Overlay = overlays[proto.Client], overlays[proto.Server]
	s := segments{client: base, server: base}
	s.client.Role, s.client.Self, s.client.Peer = proto.Client, client, server
	s.server.Role, s.server.Self, s.server.Peer = proto.Server, server, client
	return s, nil
}

// partOf is a stretch of a test's rounds, the first of which has that number. Each
// part has an order of its own, and so has what else the seed decides.
func partOf(seed int64, cell testbed.Cell, test testbed.Test, first, rounds int) (segments, error) {
	test.Rounds = rounds
	s, err := segmentsOf(seed, cell, test)
	if err != nil || first == 0 {
		return s, err
	}
	order := orderSeed(seed, cell, test) + uint64(first)
	blocks := blocksOf(order, test)
	for i := range blocks {
		blocks[i].Round += first
	}
	s.client.Blocks, s.server.Blocks = blocks, blocks
	for i := range s.client.Tests { // The server has the same.
		s.client.Tests[i].Seed += uint64(first)
	}
	return s, nil
}

// passesOf are the blocks that look for what a test's modes do, each mode once. What
// probes for what works comes after the evidence: it waits for answers that do not come,
// and where QEMU does not load our plugin (docs/icount.md) a guest that counts may be off
// by a few instructions after it has slept.
func passesOf(seed int64, cell testbed.Cell, test testbed.Test, oneKernel bool) (segments, error) {
	s, err := segmentsOf(seed, cell, test)
	if err != nil {
		return s, err
	}
	var blocks []proto.Block
	kinds := [][]proto.Pass{{proto.PassEvents, proto.PassGraph}, {proto.PassCapability}, {proto.PassLeaks}}
	for _, kind := range kinds {
		for _, mode := range test.Modes {
			for _, pass := range passes(cell, test, mode) {
				if slices.Contains(kind, pass) {
					blocks = append(blocks, proto.Block{Index: len(blocks), Test: test.Name, Mode: mode, Pass: pass})
				}
			}
		}
	}
	s.client.Blocks, s.server.Blocks = blocks, blocks
	s.client.OneKernel, s.server.OneKernel = oneKernel, oneKernel
	return s, nil
}

// passes of a mode: what works in it does not depend on the workload, so only the
// first of the tests between two machines probes for that.
func passes(cell testbed.Cell, test testbed.Test, mode string) (all []proto.Pass) {
	if test.Evidence {
		all = append(all, proto.PassEvents, proto.PassGraph)
	}
	if test.Kmemleak {
		all = append(all, proto.PassLeaks)
	}
	for _, other := range cell.Tests {
		if !other.Capabilities || other.Client != test.Client || other.Server != test.Server || !slices.Contains(other.Modes, mode) {
			continue
		}
		if other.Name == test.Name {
			all = append(all, proto.PassCapability)
		}
		break
	}
	return all
}

func hostOf(cell testbed.Cell, machine, network string) (proto.Host, error) {
	m, ok := cell.Machine(machine)
	if !ok {
		return proto.Host{}, fmt.Errorf("machine %q is not in the lab", machine)
	}
	nic, ok := m.NIC(network)
	if !ok {
		return proto.Host{}, fmt.Errorf("machine %q has no NIC on network %q", machine, network)
	}
	return proto.Host{
		Name: m.Name, Device: nic.Device, Address: nic.Address, Container: nic.Container,
		Attach: m.SSH != "", Share: m.Share,
	}, nil
}

func modesOf(cell testbed.Cell, test testbed.Test) []proto.Mode {
	var modes []proto.Mode
	for _, name := range test.Modes {
		m, ok := cell.Mode(name)
		if !ok {
			continue
		}
		modes = append(modes, proto.Mode{
			Name: m.Name, Kind: m.Kind, At: string(m.At),
			Uplink: m.Uplink, Masquerade: m.Masquerade, Mode: m.Mode, Flag: m.Flag, Delay: m.Delay,
			Rules: m.Rules, Redirect: m.Redirect, Scrub: m.Scrub, Shim: m.Shim, Container: m.Container, Service: proxyOf(m),
			Tuning: proto.Tuning{
				MTU: m.MTU, GRO: m.GRO, TSO: m.TSO, RxChecksum: m.RxChecksum,
				ThreadedNAPI: m.ThreadedNAPI, Qdisc: m.Qdisc,
			},
		})
	}
	return modes
}

// proxyOf is what translates a mode's service; empty without one.
func proxyOf(m testbed.Mode) string {
	if m.Service && m.Proxy == "" {
		return "nft"
	}
	return m.Proxy
}

func testOf(seed uint64, t testbed.Test) proto.Test {
	test := proto.Test{
		Name: t.Name, Protocol: t.Protocol, Request: t.Request, Response: t.Response,
		Duration: t.Block, Warmup: t.Warmup, NoDelay: t.NoDelay, Connections: t.Connections,
		BusyPoll: t.BusyPoll, Priority: t.Priority, Seed: seed, Samples: t.Samples == "all",
	}
	if t.Block == 0 {
		test.Transactions = t.Transactions
	}
	if t.CPU != nil {
		test.CPU = *t.CPU
	}
	if t.Load != nil {
		test.Rate, test.Schedule = t.Load.Rate, t.Load.Schedule
	}
	return test
}

// blocksOf orders the blocks. Within a round the order is shuffled, so that a
// drift of the machine falls on every mode alike, and on another engine, which
// measures each mode too, as on our own loop.
func blocksOf(seed uint64, test testbed.Test) []proto.Block {
	shuffler := rand.New(rand.NewPCG(seed, 0))
	var blocks []proto.Block
	for round := range test.Rounds {
		order := roundOf(test)
		shuffler.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, block := range order {
			block.Index, block.Round = len(blocks), round
			blocks = append(blocks, block)
		}
	}
	return blocks
}

// ownEngine is what a lab calls the agent's own loop.
const ownEngine = "testbed"

// roundOf is a round, not yet in order: every mode once by every engine, host
// twice.
func roundOf(test testbed.Test) []proto.Block {
	engines := []string{""}
	if test.Engine != "" && test.Engine != ownEngine {
		engines = append(engines, test.Engine)
	}
	var blocks []proto.Block
	for _, engine := range engines {
		for _, mode := range append([]string{"host"}, test.Modes...) {
			blocks = append(blocks, proto.Block{Test: test.Name, Mode: mode, Engine: engine})
		}
	}
	return blocks
}

// orderSeed makes the order of one test in one cell independent of the others; the two
// sides of a run against a base, where nothing but the image may differ, have one.
func orderSeed(seed int64, cell testbed.Cell, test testbed.Test) uint64 {
	cell.Coordinates = slices.DeleteFunc(slices.Clone(cell.Coordinates), func(c testbed.Coordinate) bool { return c.Name == side })
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%s", seed, cellName(cell), test.Name))
	return binary.LittleEndian.Uint64(sum[:8])
}
