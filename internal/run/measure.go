package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/testbed"
)

// blockGrace is how much longer than its own length a block may be silent:
// set-up, agreement and tear-down on a slow, emulated machine.
const blockGrace = 60 * time.Second

// sealedSilence is for agents that say nothing before all is over. The backend
// bounds that itself, and sooner.
const sealedSilence = 30 * time.Minute

// observation is what one test gave in one boot of a cell.
type observation struct {
	blocks   []testbed.Block
	machines map[string]testbed.MachineEnvironment // By name.
}

func (o *observation) add(part *observation) {
	o.blocks = append(o.blocks, part.blocks...)
	for name, m := range part.machines {
		if known, is := o.machines[name]; is {
			m.Before = known.Before
		}
		o.machines[name] = m
	}
}

// converse runs both agents to their end and hands each what the other says.
func converse(ctx context.Context, plan segments, client, server *station, log *recorder, silence time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(silence, func() {
		cancel(&AgentError{Machine: client.Name() + " and " + server.Name(), Err: fmt.Errorf("said nothing for %v: %s", silence, log.where())})
	})
	defer watchdog.Stop()
	heard := func(proto.Message) { watchdog.Reset(silence) }

	c := newAgent(client, plan.client, heard)
	s := newAgent(server, plan.server, heard)
	c.peer, s.peer = s, c
	c.onMessage = log.client
	s.onMessage = log.server
	// Both are to undo what they have built, so neither is killed for this.
	log.onEnd = func() { c.hangUp(); s.hangUp() }
	defer log.samples.close()

	errs := make(chan error, 2)
	for _, a := range []*agent{c, s} {
		go func() {
			err := a.run(ctx)
			if err != nil && log.ended() == nil {
				// The other one waits for a peer that will not speak again.
				cancel(err)
			}
			errs <- err
		}()
	}
	err := errors.Join(<-errs, <-errs)
	if ended := log.ended(); ended != nil {
		return ended
	}
	if cause := context.Cause(ctx); cause != nil && err != nil {
		return cause
	}
	return err
}
