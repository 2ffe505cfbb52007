package run

import (
	"encoding/base64"
	"fmt"
	"maps"
	"sync"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/testbed"
)

// recorder turns what two agents say about one test into blocks. Each block is
// whole once both ends have reported it.
type recorder struct {
	cell    map[string]string
	test    testbed.Test
	segment proto.Segment
	boot    int
	first   int // Blocks of the test that ran before the segment.
	// sealed says that nothing is heard before all is over.
	sealed  bool
	onBlock func(done int, current proto.Block)
	// take is given each block that is whole. Its error ends the test, and onEnd
	// is called to hang up. Optional.
	take  func(*testbed.Block) error
	onEnd func()
	// samples takes those of every transaction. Optional.
	samples *sampleSink

	mu      sync.Mutex
	current int // The block that began last; -1 before the first.
	clients map[int]*proto.BlockResult
	servers map[int]*proto.BlockResult
	seen    map[string]testbed.MachineEnvironment // By machine.
	kept    map[int]keptSamples
	blocks  []testbed.Block
	end     error
}

func newRecorder(cell testbed.Cell, test testbed.Test, client proto.Segment) *recorder {
	return &recorder{
		cell: cell.At(), test: test, segment: client, current: -1,
		clients: map[int]*proto.BlockResult{}, servers: map[int]*proto.BlockResult{},
		kept: map[int]keptSamples{},
		seen: map[string]testbed.MachineEnvironment{},
	}
}

func (r *recorder) client(m proto.Message) error {
	return r.record(m, r.segment.Self.Name, r.clients)
}

func (r *recorder) server(m proto.Message) error {
	return r.record(m, r.segment.Peer.Name, r.servers)
}

func (r *recorder) record(m proto.Message, from string, into map[int]*proto.BlockResult) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case m.Type == proto.TypeHello && m.Hello != nil:
		if m.Hello.Version != proto.Version {
			return fmt.Errorf("it speaks version %d of the protocol, this testbed %d", m.Hello.Version, proto.Version)
		}
		r.seen[from] = testbed.MachineEnvironment{Name: from, Cell: r.cell, Facts: m.Hello.Facts, Before: m.State}
	case m.Type == proto.TypeDone:
		if machine, said := r.seen[from]; said {
			machine.After = m.State
			r.seen[from] = machine
		}
	case m.Type == proto.TypeStarted && m.Start != nil:
		return r.started(m.Start.Index)
	case m.Type == proto.TypeBlock && m.Block != nil:
		if err := r.known(m.Block.Index); err != nil {
			return err
		}
		into[m.Block.Index] = m.Block
		if from == r.segment.Self.Name {
			if err := r.keep(m.Block); err != nil {
				return r.fail(err)
			}
		}
		return r.whole(m.Block.Index)
	case m.Type == proto.TypeSamples && m.Samples != nil && r.samples != nil && from == r.segment.Self.Name:
		return r.fail(r.samples.write(m.Samples))
	default:
		return fmt.Errorf("unknown message %q", m.Type)
	}
	return nil
}

func (r *recorder) started(index int) error {
	if err := r.known(index); err != nil {
		return err
	}
	r.current = index
	if r.onBlock != nil {
		r.onBlock(index, r.segment.Blocks[index])
	}
	return nil
}

func (r *recorder) known(index int) error {
	if index < 0 || index >= len(r.segment.Blocks) {
		return fmt.Errorf("block %d is not in the segment", index)
	}
	return nil
}

// where says which block ran last, for errors.
func (r *recorder) where() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.current < 0 && r.sealed:
		return fmt.Sprintf("test %q", r.test.Name)
	case r.current < 0:
		return fmt.Sprintf("test %q, before its first block", r.test.Name)
	}
	b := r.segment.Blocks[r.current]
	return fmt.Sprintf("test %q, mode %q, round %d", b.Test, b.Mode, b.Round+1)
}

func (r *recorder) observation() *observation {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &observation{machines: r.seen, blocks: r.blocks}
}

// whole hands a block on once both ends have reported it. What they reported is
// forgotten then: a block is held once.
func (r *recorder) whole(index int) error {
	client, server := r.clients[index], r.servers[index]
	if client == nil || server == nil {
		return nil
	}
	delete(r.clients, index)
	delete(r.servers, index)
	block := r.block(r.segment.Blocks[index], client, server)
	kept := r.kept[index]
	delete(r.kept, index)
	block.Samples = kept.samples
	if block.Status == proto.StatusOK && block.Void == "" {
		block.Void = kept.fault
	}
	var err error
	if r.take != nil {
		err = r.take(&block)
	}
	r.blocks = append(r.blocks, block)
	return r.fail(err)
}

// keep ends the samples that the client sent of a block: the next that come are
// of its next one, maybe before the server has reported this one. Other engines
// send none.
func (r *recorder) keep(client *proto.BlockResult) (err error) {
	b := r.segment.Blocks[client.Index]
	if r.samples == nil || b.Engine != "" {
		return nil
	}
	var kept keptSamples
	kept.samples, kept.fault, err = r.samples.finish(client, r.first+b.Index, b.Mode)
	r.kept[client.Index] = kept
	return err
}

// fail remembers why the test is to end, if it is, and lets both agents know.
func (r *recorder) fail(err error) error {
	if err != nil && r.end == nil {
		r.end = err
		if r.onEnd != nil {
			r.onEnd()
		}
	}
	return err
}

// ended is why the test is to end, other than by a fault of an agent.
func (r *recorder) ended() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.end
}

// block joins the two ends of a block: the client's figures, both ends'
// counters, and whichever end did not reach the end of it.
func (r *recorder) block(b proto.Block, client, server *proto.BlockResult) testbed.Block {
	status, reason := worse(client, server)
	void := client.Void
	if void == "" {
		void = server.Void
	}
	return testbed.Block{
		Test: b.Test, Cell: r.cell, Mode: b.Mode, Engine: b.Engine,
		Boot: r.boot, Round: b.Round, Index: r.first + b.Index,
		Status: status, Reason: reason, Void: void,
		Started: client.Started.UTC(), Nanoseconds: client.Nanoseconds, Transactions: client.Transactions,
		Mean: client.Mean, Min: client.Min, Max: client.Max,
		Histogram:  base64.StdEncoding.EncodeToString(client.Histogram),
		Warmup:     base64.StdEncoding.EncodeToString(client.Warmup),
		OutOfRange: client.OutOfRange, Lost: client.Lost, Late: client.Late, Duplicates: client.Duplicates,
		Functions: client.Functions, Uncounted: client.Uncounted, Missed: client.Missed, MaxLag: client.MaxLag, Halves: halves(client.Halves), Figures: figuresOf(client.Figures),
		Counters:  bothEnds(client.Counters, server.Counters),
		Sockets:   socketsOf(client.Socket, server.Socket),
		Setup:     append(labelled("client: ", client.Setup), labelled("server: ", server.Setup)...),
		KernelLog: append(labelled("client: ", client.KernelLog), labelled("server: ", server.KernelLog)...),
		Pass:      string(b.Pass), Client: evidenceOf(client.Evidence), Server: evidenceOf(server.Evidence),
		Networks:     bothEnds(client.Networks, server.Networks),
		Capabilities: capabilitiesOf(client.Capabilities),
		Leaks:        append(leaksOf(r.segment.Self.Name, client.Leaks), leaksOf(r.segment.Peer.Name, server.Leaks)...),
	}
}

// figuresOf are another engine's, as the result has them.
func figuresOf(f *proto.Figures) *testbed.Figures {
	if f == nil {
		return nil
	}
	return &testbed.Figures{Version: f.Version, Command: f.Command, Percentiles: f.Percentiles}
}

func halves(seen []proto.Half) (all []testbed.Half) {
	for _, half := range seen {
		all = append(all, testbed.Half(half))
	}
	return all
}

// worse gives the status of the end that got less far, and why.
func worse(client, server *proto.BlockResult) (status, reason string) {
	rank := map[string]int{proto.StatusOK: 0, proto.StatusUnsupported: 1, proto.StatusFailed: 2}
	switch {
	case rank[client.Status] == 0 && rank[server.Status] == 0:
		return proto.StatusOK, ""
	case client.Status == proto.StatusUnsupported || rank[server.Status] == 0:
		return client.Status, client.Reason
	case server.Status == proto.StatusUnsupported || rank[client.Status] == 0:
		return server.Status, server.Reason
	default:
		return client.Status, client.Reason
	}
}

func bothEnds[V any](client, server map[string]V) map[string]V {
	both := make(map[string]V, len(client)+len(server))
	for name, n := range client {
		both["client."+name] = n
	}
	for name, n := range server {
		both["server."+name] = n
	}
	return both
}

// socketsOf are both ends', of those that had any.
func socketsOf(client, server map[string]string) map[string]map[string]string {
	both := map[string]map[string]string{"client": client, "server": server}
	maps.DeleteFunc(both, func(_ string, one map[string]string) bool { return one == nil })
	return both
}

func labelled(label string, lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = label + line
	}
	return out
}
