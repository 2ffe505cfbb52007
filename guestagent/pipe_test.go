package guestagent_test

import (
	"context"
	"encoding/json"

	"github.com/testbed-lab/testbed/guestagent"
)

// pipe joins two agents of one process.
func pipe() (client, server guestagent.Peer) {
	there, back := make(chan json.RawMessage, 16), make(chan json.RawMessage, 16)
	return pipeEnd{there, back}, pipeEnd{back, there}
}

type pipeEnd struct {
	out chan<- json.RawMessage
	in  <-chan json.RawMessage
}

func (p pipeEnd) Send(ctx context.Context, message json.RawMessage) error {
	select {
	case p.out <- message:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p pipeEnd) Receive(ctx context.Context) (json.RawMessage, error) {
	select {
	case message := <-p.in:
		return message, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
