// Package ssh is the backend for machines that exist: it reaches them by the
// user's own ssh, with all that this knows (keys, known hosts, jumps), brings the
// agent there, and makes nothing. It touches no link or address; the agent does,
// and puts them back.
//
// Invariant: nothing of ours is left on a machine once its connection has ended,
// however it ended.
package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/provision/sshclient"
)

// Options say how to reach machines.
type Options struct {
	// Command replaces "ssh", such as "ssh -F file": words for a shell, as
	// GIT_SSH_COMMAND has them. Optional.
	Command string
	// Agent is the agent's binary.
	Agent []byte
}

// Backend implements [provision.Backend].
type Backend struct {
	client client
	agent  []byte

	mu    sync.Mutex
	wants map[string]provision.MachineRequest // By machine: the latest plan's.
	spots map[string]*spot                    // By machine: those that were asked for.
	names map[string]string                   // Of machines, by their identity.
}

// spot is a machine's place in the backend: it is reached once.
type spot struct {
	mu   sync.Mutex
	want provision.MachineRequest
	conn *conn // Nil until it was reached.
}

// Open finds the user's ssh. Nothing is connected yet.
func Open(o Options) (*Backend, error) {
	c, err := newClient(o.Command)
	if err != nil {
		return nil, err
	}
	return &Backend{
		client: c, agent: o.Agent,
		wants: map[string]provision.MachineRequest{}, spots: map[string]*spot{},
		names: map[string]string{},
	}, nil
}

// Plan is to look whether each machine can be measured on.
func (b *Backend) Plan(_ context.Context, want provision.Request) ([]provision.Step, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var steps []provision.Step
	for _, m := range want.Machines {
		b.wants[m.Name] = m
		steps = append(steps, provision.Step{
			Name: "reach " + m.Name, Action: provision.Check, Why: "ssh " + m.SSH,
			Do: func(ctx context.Context) error { _, err := b.reach(ctx, m); return err },
		})
	}
	return steps, nil
}

// Machine reaches a machine of the lab that was planned last.
func (b *Backend) Machine(ctx context.Context, lab, name string) (provision.Machine, error) {
	b.mu.Lock()
	want, ok := b.wants[name]
	b.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("machine %q is not in lab %q", name, lab)
	}
	c, err := b.reach(ctx, want)
	if err != nil {
		return nil, err
	}
	return &machine{c}, nil
}

// reach connects to a machine and sees whether it can be measured on. What was
// reached stays connected; the cells of a matrix may mean other machines by the
// same name.
func (b *Backend) reach(ctx context.Context, want provision.MachineRequest) (*conn, error) {
	b.mu.Lock()
	s := b.spots[want.Name]
	if s == nil {
		s = &spot{}
		b.spots[want.Name] = s
	}
	b.mu.Unlock()

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil && s.conn.alive() && sameSpot(s.want, want) {
		return s.conn, nil
	}
	if s.conn != nil {
		s.conn.close()
		s.conn = nil
	}
	c, err := b.client.connect(ctx, want.Name, fmt.Sprintf("machine %q (%s)", want.Name, want.SSH), want.SSH)
	if err != nil {
		return nil, err
	}
	err = b.meet(want.Name, c.about.identity)
	if err == nil {
		err = c.suits(ctx, want, b.agent)
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("machine %q (%s): %w", want.Name, want.SSH, err)
	}
	s.conn, s.want = c, want
	return c, nil
}

// meet refuses a machine that is another one's already, by another address:
// packets between addresses of one computer never reach its NIC.
func (b *Backend) meet(name, identity string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if other, known := b.names[identity]; known && other != name {
		return fmt.Errorf("it is the same computer as machine %q", other)
	}
	for known, other := range b.names {
		if other == name {
			delete(b.names, known)
		}
	}
	b.names[identity] = name
	return nil
}

func sameSpot(a, b provision.MachineRequest) bool {
	return a.SSH == b.SSH && a.Share == b.Share && len(a.NICs) == 1 && len(b.NICs) == 1 && a.NICs[0] == b.NICs[0]
}

// Facts names the user's ssh.
func (b *Backend) Facts(ctx context.Context, _ string) (map[string]any, error) {
	text, err := b.client.version(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]any{"ssh": text}, nil
}

// State is nothing: the machines have no host, and tell of themselves.
func (b *Backend) State(context.Context) (map[string]any, error) { return nil, nil }

// Close ends all connections, and with them the agents and their files.
func (b *Backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all sync.WaitGroup
	for _, s := range b.spots {
		all.Go(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.conn != nil {
				s.conn.close()
				s.conn = nil
			}
		})
	}
	all.Wait()
	return os.RemoveAll(b.client.folder)
}

// What exists by itself is neither made, listed, kept nor removed.

func (b *Backend) Labs(context.Context) ([]provision.Lab, error)          { return nil, nil }
func (b *Backend) Down(context.Context, string) ([]provision.Step, error) { return nil, nil }
func (b *Backend) Keep(context.Context, string) error                     { return nil }
func (b *Backend) Garbage(context.Context) ([]provision.Step, error)      { return nil, nil }
func (b *Backend) Accelerator() string                                    { return "" }
func (b *Backend) Boots() bool                                            { return false }

// machine is one that was reached. Its connection is the backend's to close:
// the next test uses it too.
type machine struct{ conn *conn }

func (m *machine) Name() string { return m.conn.name }

// Exec runs a command as the user that ssh logs in, and the agent as root. When
// the context ends the command sees the end of its input, and has [grace] to
// undo what it did.
func (m *machine) Exec(ctx context.Context, cmd provision.Command) error {
	if cmd.TTY != nil {
		return fmt.Errorf("run a command on %q: there is no terminal for machines that exist; use ssh", m.conn.name)
	}
	line := sshclient.Quote(cmd.Args)
	if len(cmd.Args) > 0 && cmd.Args[0] == m.conn.agentPath() {
		line = m.conn.asRoot(cmd.Args)
	}
	if err := m.conn.run(ctx, line, cmd); err != nil {
		return describe(err, m.conn.name, cmd.Args)
	}
	return nil
}

func describe(err error, name string, args []string) error {
	var exit *provision.ExitError
	if errors.As(err, &exit) {
		return err
	}
	return fmt.Errorf("run %q on %q: %w", strings.Join(args, " "), name, err)
}

func (m *machine) PushAgent(ctx context.Context, agent []byte) (string, error) {
	path, err := m.conn.push(ctx, agent)
	if err != nil {
		return "", fmt.Errorf("push the agent to %q: %w", m.conn.name, err)
	}
	return path, nil
}

func (m *machine) Console(context.Context) (io.ReadWriteCloser, error) {
	return nil, fmt.Errorf("machine %q exists by itself, and its console is its own", m.conn.name)
}

// ConsoleLog is empty: what a machine's console has shown is its owner's.
func (m *machine) ConsoleLog(context.Context) ([]byte, error) { return nil, nil }

func (m *machine) Close() error { return nil }
