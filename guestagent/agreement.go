package guestagent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/testbed-lab/testbed/guestagent/capability"
)

// Peer is the way to the other machine's agent: over the conductor, or within
// one process. It keeps messages in order and loses none.
type Peer interface {
	Send(ctx context.Context, message json.RawMessage) error
	// Receive waits for the next message. Its error says that none will come.
	Receive(ctx context.Context) (json.RawMessage, error)
}

// Phases of a block. Both agents say ready when they have built, and the client
// says finished when it has measured; the wait between a finished and the ready
// that follows is when both tear down and build, at the same time.
//
// While the client probes for capabilities it asks, and the server tells.
const (
	ready    = "ready"
	finished = "finished"
	asks     = "asking"
	tells    = "telling"
)

// notice is a message from agent to agent.
type notice struct {
	Block int    `json:"block"`
	Phase string `json:"phase"`
	verdict
	Address netip.AddrPort `json:"address,omitzero"`  // The server's, when it is ready.
	Control uint16         `json:"control,omitempty"` // Of another engine's server, its second port.

	Station *capability.Station `json:"station,omitempty"` // The server's, when it is ready.
	Order   *capability.Order   `json:"order,omitempty"`
	Seen    *capability.Seen    `json:"seen,omitempty"`
}

// errNoPeer says that the other agent did not answer, or nonsense.
var errNoPeer = errors.New("the other machine's agent is gone")

type agreement struct {
	peer Peer
	name string // Of this machine.
}

func (a *agreement) say(ctx context.Context, n notice) error {
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if err := a.peer.Send(ctx, text); err != nil {
		return fmt.Errorf("tell the other agent %s: %w", n.Phase, err)
	}
	return nil
}

// hear waits for the peer to reach a phase of a block, one of those given.
func (a *agreement) hear(ctx context.Context, block int, patience time.Duration, phases ...string) (notice, error) {
	phase := strings.Join(phases, " or ")
	waiting, cancel := context.WithTimeoutCause(ctx, patience,
		fmt.Errorf("wait until the other agent is %s with block %d: %w after %v", phase, block, errNoPeer, patience))
	defer cancel()
	text, err := a.peer.Receive(waiting)
	if cause := context.Cause(waiting); err != nil && cause != nil {
		return notice{}, cause
	}
	if err != nil {
		return notice{}, fmt.Errorf("wait until the other agent is %s with block %d: %w", phase, block, err)
	}
	var n notice
	if err := json.Unmarshal(text, &n); err != nil {
		return notice{}, fmt.Errorf("read the other agent's message: %w", err)
	}
	if n.Block != block || !slices.Contains(phases, n.Phase) {
		return notice{}, fmt.Errorf("wait until the other agent is %s with block %d: it is %s with block %d", phase, block, n.Phase, n.Block)
	}
	return n, nil
}
