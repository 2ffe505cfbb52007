package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/testbed-lab/testbed/provision"
)

// machine is a namespace that commands can be run in.
type machine struct {
	name string
	lab  labFolder
	cpus []int
}

var _ provision.Machine = (*machine)(nil)

func (m *machine) Name() string { return m.name }
func (m *machine) Close() error { return nil }

// PushAgent puts the agent into the lab's own tmpfs, once for all machines: /run
// itself may forbid to run programs, and often does.
func (m *machine) PushAgent(_ context.Context, agent []byte) (string, error) {
	path := m.lab.in("agent")
	sum := sha256.Sum256(agent)
	if have, err := os.ReadFile(path); err == nil && sha256.Sum256(have) == sum {
		return path, nil
	}
	if err := renameio.WriteFile(path, agent, 0o755); err != nil {
		return "", fmt.Errorf("push the agent to %q: %w", m.name, err)
	}
	have, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("push the agent to %q: %w", m.name, err)
	}
	if !bytes.Equal(have, agent) {
		return "", fmt.Errorf("push the agent to %q: %s does not hold what was written", m.name, filepath.Base(path))
	}
	return path, nil
}

// errNoConsole: the kernel's log is this machine's, and no shell waits anywhere.
var errNoConsole = errors.New("not on this backend: a namespace has no console; testbed ssh opens a shell, and dmesg shows this kernel's log")

// Console is not on this backend.
func (m *machine) Console(context.Context) (io.ReadWriteCloser, error) {
	return nil, fmt.Errorf("console of %q: %w", m.name, errNoConsole)
}

// ConsoleLog is nothing: there is no console.
func (m *machine) ConsoleLog(context.Context) ([]byte, error) { return nil, nil }
