package guestagent

import (
	"context"
	"net/netip"

	"github.com/testbed-lab/testbed/guestagent/engine"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// tool is another engine's part in a block: what the agent's own loop does
// otherwise. The mode is built, agreed on and taken down as ever.
type tool struct {
	engine.Config
	server *engine.Server // nil but for a server's that runs.
}

func toolOf(block proto.Block, test proto.Test) *tool {
	if block.Engine == "" {
		return nil
	}
	return &tool{Config: engine.Config{Engine: block.Engine, Test: test}}
}

// listen starts the server's tool where the mode has its socket.
func (t *tool) listen(ctx context.Context, j *job) (err error) {
	t.server, err = engine.Listen(ctx, t.Config, j.mode.Local, j.mode.Port, j.mode.Control)
	return err
}

// transact runs the client's tool and keeps what it printed.
func (t *tool) transact(ctx context.Context, j *job, server netip.AddrPort, control uint16) error {
	seen, err := engine.Run(ctx, t.Config, j.mode.Local, engine.Target{Address: server, Control: control})
	if err != nil {
		return err
	}
	r := &j.result
	r.Started, r.Nanoseconds, r.Transactions = seen.Started, seen.Elapsed.Nanoseconds(), seen.Transactions
	r.Mean, r.Min, r.Max = seen.Mean, seen.Min, seen.Max
	r.Lost, r.Duplicates = seen.Lost, seen.Duplicates
	r.Counters, r.Figures = seen.Counters, &seen.Figures
	return nil
}

func (t *tool) stop() error {
	if t.server == nil {
		return nil
	}
	return t.server.Stop()
}
