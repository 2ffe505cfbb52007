// Package guestagent runs a segment of blocks on one machine: for each it builds
// the mode, agrees with the other machine's agent, runs the workload, takes the
// mode down again and says what it saw. It decides nothing about order, number
// or meaning of blocks; those come with the segment, and statistics are the
// host's.
//
// Invariant: however a segment ends, the machine is left as it was found.
package guestagent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/testbed-lab/testbed/guestagent/attach"
	"github.com/testbed-lab/testbed/guestagent/evidence"
	"github.com/testbed-lab/testbed/guestagent/namespace"
	"github.com/testbed-lab/testbed/guestagent/netmode"
	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/guestagent/rr"
)

// Agent is one machine's part in a test.
type Agent struct {
	// Namespace is the machine's. Optional; the process's own unless said.
	Namespace *namespace.Namespace
	// Peer leads to the agent of the other machine.
	Peer Peer
	// Emit takes what the agent has to say, in order.
	Emit func(proto.Message) error
	// BeforeStep is [netmode.Machine]'s. Optional.
	BeforeStep func(step string) error
	// Patience is how long the kernel may take over the set-up or the tear-down of a
	// mode before it is taken to hang. Optional; [hangTimeout] unless said.
	Patience time.Duration
}

// Deadlines. None is reached where all is well.
const (
	// buildTimeout bounds a set-up.
	buildTimeout = 15 * time.Second
	// peerTimeout bounds the wait for the other agent, beyond what it does
	// meanwhile: it tears one block down and builds the next.
	peerTimeout = 45 * time.Second
	// countTimeout bounds a block that a number of transactions ends.
	countTimeout = 10 * time.Minute
)

// runner is an agent at work on a segment.
type runner struct {
	*Agent
	segment   proto.Segment
	machine   *netmode.Machine
	agree     agreement
	skip      skipList
	step      *atomic.Value // The machine's last, a string.
	kernel    *kernelLog
	recording *rr.Recording
	spool     *rr.Spool // Where a test of the segment keeps all samples.
}

// Run does a segment from the first block to the last. It returns nil only if
// all blocks were tried and the machine is as it was; blocks that failed or were
// unsupported are results, not errors.
func (a *Agent) Run(ctx context.Context, segment proto.Segment) (err error) {
	if err := check(&segment); err != nil {
		return err
	}
	if err := evidence.Sweep(); err != nil { // It would be measured.
		return err
	}
	space, closeSpace, err := a.space()
	if err != nil {
		return err
	}
	defer closeSpace()
	attached, err := attach.To(ctx, space, segment, os.Getenv("SSH_CONNECTION"))
	if err != nil {
		return err
	}
	machine, err := netmode.NewMachine(space)
	if err != nil {
		return errors.Join(err, attached.Undo())
	}
	// A kernel that hangs keeps what would be closed and undone.
	defer func() {
		if hung(err) == nil {
			machine.Close()
			err = errors.Join(err, attached.Undo())
		}
	}()
	r := &runner{
		Agent: a, segment: segment, machine: machine,
		agree:     agreement{peer: a.Peer, name: segment.Self.Name},
		skip:      skipList{},
		step:      followSteps(machine, a.BeforeStep),
		kernel:    openKernelLog(kernelLogPath),
		recording: rr.NewRecording(),
	}
	defer r.kernel.close()
	if err := r.openSpool(); err != nil {
		return err
	}
	defer r.closeSpool()
	for _, block := range segment.Blocks {
		if err := r.block(ctx, block); err != nil {
			return fmt.Errorf("run block %d (%s, %s): %w", block.Index, block.Test, block.Mode, err)
		}
	}
	return nil
}

func (a *Agent) space() (*namespace.Namespace, func() error, error) {
	if a.Namespace != nil {
		return a.Namespace, func() error { return nil }, nil
	}
	space, err := namespace.Own()
	if err != nil {
		return nil, nil, err
	}
	return space, space.Close, nil
}

// block runs one and reports it. Its error ends the segment: the peer is gone,
// the session is, or the machine could not be put back.
func (r *runner) block(ctx context.Context, block proto.Block) error {
	if err := r.Emit(proto.Message{Type: proto.TypeStarted, Start: &proto.Start{Index: block.Index}}); err != nil {
		return err
	}
	r.kernel.mark()
	result, err := r.measure(ctx, block)
	if err != nil {
		return err
	}
	result.Index, result.KernelLog = block.Index, r.kernel.since()
	return r.Emit(proto.Message{Type: proto.TypeBlock, Block: result})
}

func (r *runner) measure(ctx context.Context, block proto.Block) (*proto.BlockResult, error) {
	if verdict, known := r.skip.verdict(block); known {
		return &proto.BlockResult{Started: time.Now().UTC(), Status: verdict.Status, Reason: verdict.Reason}, nil
	}
	j := r.job(block)
	var verdict verdict
	var err error
	if r.segment.Role == proto.Client {
		verdict, err = j.client(ctx)
	} else {
		verdict, err = j.server(ctx)
	}
	if hung(err) == nil {
		err = errors.Join(err, r.within(fmt.Sprintf("tear-down of mode %q", block.Mode), j.tearDown))
	}
	if err != nil {
		return nil, err
	}
	if verdict.ok() && j.seeksLeaks() {
		j.findLeaks(ctx)
	}
	r.skip.add(block, verdict)
	return j.finish(verdict)
}
