package guestagent

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/testbed-lab/testbed/guestagent/capability"
	"github.com/testbed-lab/testbed/guestagent/engine"
	"github.com/testbed-lab/testbed/guestagent/leak"
	"github.com/testbed-lab/testbed/guestagent/netmode"
	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/guestagent/rr"
)

// job is one block on this machine.
type job struct {
	*runner
	block     proto.Block
	spec      netmode.Spec
	config    rr.Config
	mode      *netmode.Mode // nil where it is not built.
	listening *rr.Server    // nil but for a server's that runs.
	tool      *tool         // nil but for a block of another engine.
	result    proto.BlockResult
	measured  bool
	keeps     bool             // Every transaction.
	pass      *pass            // nil but for a block that looks for evidence.
	station   *capability.Host // nil but for the server's of a block that probes.
	// leaksSince is when the mode's set-up began, in a block that looks for leaks.
	leaksSince leak.Mark
}

func (r *runner) job(block proto.Block) *job {
	mode, _ := findMode(&r.segment, block.Mode) // check has found both.
	test, _ := findTest(&r.segment, block.Test)
	config := workload(test)
	config.Seed = test.Seed + uint64(block.Index) // Another schedule in each block.
	if block.Pass != "" {
		config = passWorkload(config, block.Pass)
	}
	protocol := config.Network()
	if block.Pass == proto.PassCapability {
		mode, protocol = probed(mode), "udp"
	}
	return &job{
		runner: r, block: block, config: config, keeps: test.Samples && block.Pass == "", pass: newPass(block.Pass), tool: toolOf(block, test),
		spec: netmode.Spec{
			Mode: mode, Role: r.segment.Role, Self: r.segment.Self, Peer: r.segment.Peer,
			Inner: r.segment.Inner, Service: r.segment.Service, Protocol: protocol, Control: engine.NeedsControl(block.Engine),
		},
		result: proto.BlockResult{Started: time.Now().UTC()},
	}
}

// build sets the mode up, and forgets what was learnt of the peer's last one. The
// client does so once more when the server is ready; the server cannot, because
// a packet that waits for the neighbour's answer would be forgotten with it. It
// need not: the last block's connection was closed before the client said that
// it had finished, and only a retransmission could have asked for its MAC since.
//
// The error is the block's, unless the context is over.
func (j *job) build(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, buildTimeout,
		fmt.Errorf("set-up is not done after %v", buildTimeout))
	defer cancel()
	if j.tool != nil {
		if err := j.tool.Prepare(j.segment.Role); err != nil {
			return err
		}
	}
	if j.seeksLeaks() {
		if j.leaksSince, err = leak.Kernel().Mark(); err != nil {
			return err
		}
	}
	var mode *netmode.Mode
	err = j.within(fmt.Sprintf("set-up of mode %q", j.block.Mode), func() (err error) {
		mode, err = j.machine.Build(ctx, j.spec)
		return err
	})
	if err != nil {
		return err
	}
	j.mode = mode
	j.config.Enter = mode.Enter
	if j.tool != nil {
		j.tool.Enter = mode.Enter
	}
	j.result.Setup = mode.Setup
	return mode.Flush()
}

// client builds, waits for the server, measures, and says how it went.
func (j *job) client(ctx context.Context) (verdict, error) {
	built := j.build(ctx)
	if hung(built) != nil {
		return verdict{}, built
	}
	mine := judge(j.agree.name, built)
	if err := j.agree.say(ctx, notice{Block: j.block.Index, Phase: ready, verdict: mine}); err != nil {
		return verdict{}, err
	}
	server, err := j.agree.hear(ctx, j.block.Index, peerTimeout, ready)
	if err != nil {
		return verdict{}, err
	}
	if merged := both(mine, server.verdict); !merged.ok() {
		return merged, nil
	}
	if err = j.mode.Flush(); err == nil {
		err = j.transact(ctx, server)
	}
	if ctx.Err() != nil {
		return verdict{}, context.Cause(ctx)
	}
	mine = judge(j.agree.name, err)
	return mine, j.agree.say(ctx, notice{Block: j.block.Index, Phase: finished, verdict: mine})
}

func (j *job) transact(ctx context.Context, server notice) error {
	if j.block.Pass == proto.PassCapability {
		return j.probe(ctx, server)
	}
	if j.alone() {
		if err := j.serve(ctx); err != nil {
			return err
		}
		server.Address, server.Control = j.served()
	}
	target, err := j.mode.Target(ctx, server.Address, server.Control)
	if err != nil {
		return err
	}
	if j.tool != nil {
		return j.tool.transact(ctx, j, target, server.Control)
	}
	if err := j.keepSamples(); err != nil {
		return err
	}
	if err := j.lookBefore(); err != nil {
		return err
	}
	result, err := rr.Run(ctx, j.config, j.mode.Local, target, j.recording)
	if target != server.Address && j.recording.Main.Count() == 0 {
		err = unserved(err, server.Address)
	}
	// What became of the requests is told of a block that fails, too.
	j.result.Lost, j.result.Late, j.result.Duplicates = result.Lost, result.Late, result.Duplicates
	j.result.Missed, j.result.MaxLag = result.Missed, result.MaxLag
	if err := j.lookAfter(j.recording.Main.Count(), err); err != nil {
		return err
	}
	if err := j.haveSamples(); err != nil {
		return err
	}
	for _, half := range result.Halves {
		j.result.Halves = append(j.result.Halves, proto.Half(half))
	}
	j.measured = true
	j.result.Started = result.Started
	j.result.Nanoseconds = result.Elapsed.Nanoseconds()
	j.result.Counters, j.result.Socket = result.Counters, result.Socket
	return nil
}

// server builds, listens, and answers until the client is finished.
func (j *job) server(ctx context.Context) (verdict, error) {
	listens := j.listen(ctx)
	if hung(listens) != nil {
		return verdict{}, listens
	}
	mine := judge(j.agree.name, listens)
	say := notice{Block: j.block.Index, Phase: ready, verdict: mine}
	switch {
	case !mine.ok() || j.alone():
	case j.station != nil:
		say.Station = &j.station.Station
	default:
		say.Address, say.Control = j.served()
	}
	if err := j.agree.say(ctx, say); err != nil {
		return verdict{}, err
	}
	client, err := j.agree.hear(ctx, j.block.Index, peerTimeout, ready)
	if err != nil {
		return verdict{}, err
	}
	if merged := both(client.verdict, mine); !merged.ok() {
		return merged, nil
	}
	if client, err = j.hearFinished(ctx); err != nil {
		return verdict{}, err
	}
	return client.verdict, nil
}

// served is where the client reaches the server, and the port of its control
// connection, if it has one.
func (j *job) served() (netip.AddrPort, uint16) {
	if j.tool != nil {
		return netip.AddrPortFrom(j.mode.Published, j.tool.server.Port), j.tool.server.Control
	}
	return netip.AddrPortFrom(j.mode.Published, j.listening.Address.Port()), 0
}

// alone says that the client's machine plays both parts.
func (j *job) alone() bool { return j.spec.Mode.Kind == netmode.KindLoopback }

// listen builds the mode and starts the server in it.
func (j *job) listen(ctx context.Context) error {
	if err := j.build(ctx); err != nil || j.alone() {
		return err
	}
	if j.block.Pass == proto.PassCapability {
		return j.openStation(ctx)
	}
	return j.serve(ctx)
}

// serve starts the server where the mode has this machine's socket.
func (j *job) serve(ctx context.Context) error {
	if j.tool != nil {
		return j.tool.listen(ctx, j)
	}
	server, err := rr.Listen(ctx, j.config, netip.AddrPortFrom(j.mode.Local, j.mode.Port))
	if err != nil {
		return err
	}
	j.listening = server
	if j.alone() {
		return nil
	}
	return j.lookBefore()
}

// length is how long the client may take.
func (j *job) length() time.Duration {
	if j.tool != nil {
		return j.tool.Length()
	}
	if j.config.Transactions > 0 {
		return countTimeout
	}
	return j.config.Warmup + j.config.Duration
}

// fail makes an error of the server's the block's result on this side, unless
// the client saw a failure too: then both report the client's.
func (j *job) fail(err error) {
	j.result.Status, j.result.Reason = proto.StatusFailed, j.agree.name+": "+err.Error()
}

// tearDown ends the server, if any, and undoes the mode.
func (j *job) tearDown() error {
	if j.listening != nil {
		served, err := j.listening.Stop()
		if !j.alone() { // There the counters are the client's, and of the same machine.
			j.countServed(served)
			err = j.lookAfter(served.Transactions, err)
		}
		if err != nil {
			j.fail(err)
		}
	}
	if j.tool != nil {
		if err := j.tool.stop(); err != nil {
			j.fail(err)
		}
	}
	if j.station != nil {
		j.station.Close()
	}
	if j.mode == nil {
		return nil
	}
	return j.mode.TearDown()
}

func (j *job) countServed(served rr.Served) {
	j.result.Counters, j.result.Socket = served.Counters, served.Socket
	if j.result.Counters != nil {
		j.result.Counters["transactions"] = served.Transactions
	}
}

// finish completes the result.
func (j *job) finish(v verdict) (*proto.BlockResult, error) {
	r := &j.result
	if !v.ok() || r.Status == "" {
		r.Status, r.Reason = v.Status, v.Reason
	}
	if !j.measured || r.Status != proto.StatusOK {
		return r, nil
	}
	main := j.recording.Main
	r.Transactions, r.Mean = main.Count(), main.Mean()
	r.Min, r.Max, r.OutOfRange = main.Min(), main.Max(), main.OutOfRange()
	var err error
	if r.Histogram, err = main.Encode(); err != nil {
		return nil, err
	}
	if r.Warmup, err = j.recording.Warm.Encode(); err != nil || !j.keeps {
		return r, err
	}
	return r, j.sendSamples()
}

// unserved adds to the failure of a mode that has a service what a person may not think
// of: nobody has the virtual address but a rule on the client's machine.
func unserved(err error, server netip.AddrPort) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: that is the service's address, which the client's machine makes %s, if the mode's packets pass it both ways (see service_request and service_reply)", err, server)
}
