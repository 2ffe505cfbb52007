package icount

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/provision"
)

// machine is one of a lab's, to its agent.
type machine struct {
	lab  *lab
	name string
}

var _ provision.Machine = (*machine)(nil)

func (m *machine) Name() string { return m.name }
func (m *machine) Close() error { return nil }

// agentPath is what Exec knows the agent by; in the guest it is PID 1 that starts it.
const agentPath = "agent"

// PushAgent keeps the agent for the guest's initramfs.
func (m *machine) PushAgent(_ context.Context, agent []byte) (string, error) {
	m.lab.mu.Lock()
	defer m.lab.mu.Unlock()
	m.lab.agent = agent
	return agentPath, nil
}

// Exec plays an agent: it waits for the segment of the other machine's, has both
// run in a guest, and hands on what this one said there. Nothing else runs here.
func (m *machine) Exec(ctx context.Context, cmd provision.Command) error {
	if len(cmd.Args) != 2 || cmd.Args[0] != agentPath || cmd.Args[1] != "run" {
		return fmt.Errorf("run a command on %q: %w", m.name, errNotHere)
	}
	var segment proto.Segment
	if err := json.NewDecoder(cmd.Stdin).Decode(&segment); err != nil {
		return fmt.Errorf("read the segment of %q: %w", m.name, err)
	}
	said, err := m.lab.perform(ctx, segment)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(cmd.Stdout)
	for _, one := range said {
		if err := encoder.Encode(one); err != nil {
			return err
		}
		if one.Type == proto.TypeError {
			return &provision.ExitError{Status: 1}
		}
	}
	return nil
}

// Console is not on this backend.
func (m *machine) Console(context.Context) (io.ReadWriteCloser, error) {
	return nil, fmt.Errorf("console of %q: %w", m.name, errNotHere)
}

// ConsoleLog is that of the last guest, which all machines shared.
func (m *machine) ConsoleLog(context.Context) ([]byte, error) {
	m.lab.mu.Lock()
	defer m.lab.mu.Unlock()
	return m.lab.console, nil
}

var errPeer = errors.New("the other machine's agent did not start")
