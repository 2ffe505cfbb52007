package guestagent

import (
	"context"
	"errors"

	"github.com/testbed-lab/testbed/guestagent/evidence"
	"github.com/testbed-lab/testbed/guestagent/leak"
	"github.com/testbed-lab/testbed/guestagent/netmode"
	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/guestagent/rr"
)

// Transactions of a pass: enough that a packet or two of the connection's own
// are less than one in a hundred, and few enough for the kernel's trace buffer.
const (
	eventTransactions = 400
	graphTransactions = 16
)

// pass looks into the kernel while the block's transactions run.
type pass struct {
	kind   proto.Pass
	tracer *evidence.Tracer
	before map[string]proto.Packets
	seen   proto.Evidence
}

func newPass(kind proto.Pass) *pass {
	if kind != proto.PassEvents && kind != proto.PassGraph {
		return nil
	}
	return &pass{kind: kind}
}

// seeksLeaks says that this machine looks for leaks: one of two that share a kernel.
func (j *job) seeksLeaks() bool {
	return j.block.Pass == proto.PassLeaks && (j.spec.Role == proto.Client || !j.segment.OneKernel)
}

// findLeaks looks for memory that the mode has left, once it is gone.
func (j *job) findLeaks(ctx context.Context) {
	found, err := leak.Kernel().Look(ctx, j.leaksSince)
	if err != nil {
		j.fail(err)
	}
	j.result.Leaks = found
}

// passWorkload is the test's transaction, few times, one at a time.
func passWorkload(c rr.Config, kind proto.Pass) rr.Config {
	c.Warmup, c.Duration, c.Connections, c.Rate = 0, 0, 1, 0
	c.Transactions = eventTransactions
	if kind == proto.PassGraph {
		c.Transactions = graphTransactions
	}
	return c
}

// lookBefore begins to record. A kernel that cannot be traced fails nothing: the
// evidence says why there is none.
func (j *job) lookBefore() (err error) {
	if j.pass == nil {
		return nil
	}
	if j.pass.before, err = j.mode.Packets(); err != nil {
		return err
	}
	if j.spec.Role == proto.Server && j.segment.OneKernel {
		j.pass.seen.Shared = true
		j.pass.seen.Unavailable = "both machines are one kernel's: the client's evidence is of both ends"
		return nil
	}
	tracer, err := j.trace()
	if err != nil {
		j.pass.seen.Unavailable = err.Error()
		return nil
	}
	j.pass.tracer = tracer
	return nil
}

// trace begins to record what the pass is for.
func (j *job) trace() (*evidence.Tracer, error) {
	switch {
	case j.pass.kind != proto.PassGraph:
		return evidence.Start(evidence.Events)
	case j.segment.Wide:
		return evidence.StartWide()
	}
	return evidence.Start(evidence.Graph)
}

// lookAfter ends the recording, whether or not the transactions went well, and
// returns why they did not.
func (j *job) lookAfter(transactions int64, failed error) error {
	p := j.pass
	if p == nil || p.before == nil {
		return failed
	}
	after, err := j.mode.Packets()
	if err == nil {
		p.seen.Packets = netmode.Between(p.before, after)
	}
	p.before, p.seen.Transactions = nil, transactions
	if p.tracer != nil {
		text, stopped := p.tracer.Stop()
		if p.tracer = nil; stopped != nil {
			p.seen.Unavailable = stopped.Error()
		} else {
			j.read(text)
		}
	}
	if p.kind == proto.PassEvents {
		j.result.Networks = j.mode.Networks()
	}
	if failed == nil && err == nil {
		j.result.Evidence = &p.seen
		err = j.mode.Proof(p.seen.Packets, transactions)
	}
	return errors.Join(failed, err)
}

// read makes evidence of a trace.
func (j *job) read(text string) {
	seen := &j.pass.seen
	if j.pass.kind == proto.PassEvents {
		seen.Events = evidence.CountEvents(text)
		return
	}
	cut := evidence.Cut{Sends: []string{"tcp_sendmsg"}, After: j.spec.Role == proto.Server}
	if j.config.Network() == "udp" {
		cut.Sends = []string{"udp_sendmsg"}
	}
	if j.segment.OneKernel || j.alone() {
		cut.Every = 2
	}
	trace := evidence.Read(text, cut)
	cycles := trace.Cycles()
	if j.segment.Wide { // What is shown is the network's all the same.
		cycles = trace.Network()
		for _, frame := range trace.Callers() {
			seen.Callers = append(seen.Callers, proto.Frame(frame))
		}
	}
	seen.Cycles, seen.Calls = len(cycles), evidence.Calls(cycles)
	typical, _ := evidence.Typical(cycles)
	for _, call := range typical {
		seen.Path = append(seen.Path, proto.Call(call))
	}
}
