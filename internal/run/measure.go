package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/testbed"
)

// blockGrace is how much longer than its own length a block may be silent:
// set-up, agreement and tear-down on a slow, emulated machine.
const blockGrace = 60 * time.Second

// observation is what one test in one cell gave.
type observation struct {
	blocks []testbed.Block
	facts  map[string]map[string]any // By machine.
}

// measure runs one test between two machines that hold the agent.
func measure(ctx context.Context, sink progress.Sink, seed int64, cell testbed.Cell, test testbed.Test, machines stations) (*observation, error) {
	plan, err := segmentsOf(seed, cell, test)
	if err != nil {
		return nil, err
	}
	client, server, err := machines.pair(test)
	if err != nil {
		return nil, err
	}
	log := newRecorder(cell, test, plan.client)
	step := "measure " + test.Name
	if name := cellName(cell); name != "" {
		step += " (" + name + ")"
	}
	err = sink.Do(step, func() error {
		log.onBlock = func(done int, b proto.Block) {
			sink.Emit(progress.Event{
				Step: step, State: progress.Running, Unit: "blocks",
				Current: int64(done), Total: int64(len(plan.client.Blocks)),
				Detail: fmt.Sprintf("round %d/%d, %s", b.Round+1, test.Rounds, b.Mode),
			})
		}
		return converse(ctx, plan, client, server, log, test.Block+test.Warmup+blockGrace)
	})
	return log.observation(), err
}

// converse runs both agents to their end and hands each what the other says.
func converse(ctx context.Context, plan segments, client, server *station, log *recorder, silence time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(silence, func() {
		cancel(fmt.Errorf("the agents said nothing for %v: %s", silence, log.where()))
	})
	defer watchdog.Stop()
	heard := func(proto.Message) { watchdog.Reset(silence) }

	c := newAgent(client, plan.client, heard)
	s := newAgent(server, plan.server, heard)
	c.peer, s.peer = s, c
	c.onMessage = log.client
	s.onMessage = log.server

	errs := make(chan error, 2)
	for _, a := range []*agent{c, s} {
		go func() {
			err := a.run(ctx)
			if err != nil {
				// The other one waits for a peer that will not speak again.
				cancel(err)
			}
			errs <- err
		}()
	}
	err := errors.Join(<-errs, <-errs)
	if cause := context.Cause(ctx); cause != nil && err != nil {
		return cause
	}
	return err
}
