package libvirt

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"sort"
	"strings"
	"sync"

	golibvirt "github.com/digitalocean/go-libvirt"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/provision/sshclient"
)

// machine is a running domain. SSH is opened when it is first needed, as a
// machine whose SSH is out of order still has a console.
type machine struct {
	b    *Backend
	seen seenDomain

	mu     sync.Mutex
	client *sshclient.Client
}

var _ provision.Machine = (*machine)(nil)

// Machine finds a running machine by what its domain carries.
func (b *Backend) Machine(ctx context.Context, lab, name string) (provision.Machine, error) {
	m, err := b.machine(ctx, lab, name)
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (b *Backend) machine(ctx context.Context, lab, name string) (*machine, error) {
	domains, err := b.domains(ctx)
	if err != nil {
		return nil, err
	}
	var others []string
	for _, d := range domains {
		if d.Name != lab {
			continue
		}
		if d.Thing == name {
			if d.Sealed {
				return nil, fmt.Errorf("connect to %q of lab %q: %w", name, lab, provision.ErrSealed)
			}
			if !d.running() {
				return nil, fmt.Errorf("connect to %q of lab %q: it is %s; testbed up makes it anew", name, lab, stateName(d.state))
			}
			return &machine{b: b, seen: d}, nil
		}
		others = append(others, d.Thing)
	}
	if len(others) == 0 {
		return nil, fmt.Errorf("connect to %q: lab %q does not run on %s; testbed ls shows what does", name, lab, b.Connect())
	}
	sort.Strings(others)
	return nil, fmt.Errorf("connect to %q: lab %q has no such machine; it has %s", name, lab, strings.Join(others, ", "))
}

func (m *machine) Name() string { return m.seen.Thing }

// open keeps one connection for all commands.
func (m *machine) open(ctx context.Context) (*sshclient.Client, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.client != nil {
		return m.client, nil
	}
	kept, err := m.b.state.load(m.seen.Name)
	if err != nil {
		return nil, err
	}
	m.client, err = m.b.dial(ctx, m.seen, kept)
	return m.client, err
}

func (m *machine) Exec(ctx context.Context, cmd provision.Command) error {
	client, err := m.open(ctx)
	if err != nil {
		return err
	}
	return m.b.cut(client.Exec(ctx, cmd))
}

// agentPath is on a tmpfs, so that nothing of it outlives the machine's power.
const agentPath = "/run/testbed/agent"

func (m *machine) PushAgent(ctx context.Context, agent []byte) (string, error) {
	return agentPath, m.push(ctx, agentPath, agent, 0o755)
}

func (m *machine) push(ctx context.Context, path string, data []byte, mode fs.FileMode) error {
	client, err := m.open(ctx)
	if err != nil {
		return err
	}
	return m.b.cut(client.Push(ctx, path, data, mode))
}

func (m *machine) ConsoleLog(ctx context.Context) ([]byte, error) { return m.b.readLog(ctx, m.seen) }

func (m *machine) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.client == nil {
		return nil
	}
	err := m.client.Close()
	m.client = nil
	return err
}

// Console connects to the serial port. Whoever had it before loses it: one
// connection at a time is all that a serial port has.
func (m *machine) Console(ctx context.Context) (io.ReadWriteCloser, error) {
	opening, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	c, err := m.b.dialer.dial(opening)
	if err != nil {
		return nil, fmt.Errorf("open the console of %q: %w", m.Name(), err)
	}
	fromGuest, guestOut := io.Pipe()
	guestIn, toGuest := io.Pipe()
	go func() {
		err := c.DomainOpenConsoleBidirectional(m.seen.domain, nil, guestIn, guestOut,
			uint32(golibvirt.DomainConsoleForce))
		if err == nil {
			err = io.EOF
		}
		guestOut.CloseWithError(fmt.Errorf("console of %q: %w", m.Name(), err))
		guestIn.CloseWithError(err)
	}()
	return &console{PipeReader: fromGuest, in: toGuest, connection: c}, nil
}

// console owns its connection to libvirt: a reader that stops would hold up
// every other call on a shared one.
type console struct {
	*io.PipeReader
	in         *io.PipeWriter
	connection *connection
}

func (c *console) Write(data []byte) (int, error) { return c.in.Write(data) }

func (c *console) Close() error {
	c.connection.raw.Close()
	c.in.Close()
	return c.PipeReader.Close()
}
