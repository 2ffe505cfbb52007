package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/provision/sshclient"
)

// suits says why a machine cannot be measured on. All of it is looked at before
// any of its links is touched.
func (n *conn) suits(ctx context.Context, want provision.MachineRequest, agent []byte) error {
	if len(want.NICs) != 1 {
		return fmt.Errorf("it has %d NICs in the lab, and a machine that exists has one", len(want.NICs))
	}
	if n.about.system != "Linux" || n.about.hardware != "x86_64" {
		return fmt.Errorf("it is %s on %s; the agent runs on Linux on x86_64", n.about.system, n.about.hardware)
	}
	if err := n.root(ctx); err != nil {
		return err
	}
	path, err := n.push(ctx, agent)
	if err != nil {
		return fmt.Errorf("push the agent: %w", err)
	}
	nic := want.NICs[0]
	args := []string{path, "check", nic.Device, nic.Address.String()}
	if want.Share {
		args = append(args, "share")
	}
	said, err := n.output(ctx, n.asRoot(args))
	if failed(err) {
		return errors.New(strings.TrimPrefix(said, "testbed-agent: "))
	}
	return err
}

// root sees whether the user is, or may be.
func (n *conn) root(ctx context.Context) error {
	if n.about.user == "0" {
		return nil
	}
	said, err := n.output(ctx, script("exec sudo -n -- env true"))
	if failed(err) {
		return fmt.Errorf("it needs root or passwordless sudo: %s; log in as root, or let visudo add: USER ALL=(root) NOPASSWD: ALL", said)
	}
	return err
}

// asRoot is a command line that runs as root. sudo drops the variable by which
// the agent knows the NIC that carries the session.
func (n *conn) asRoot(args []string) string {
	if n.about.user == "0" {
		return "exec " + sshclient.Quote(args)
	}
	return script(`exec sudo -n -- env "SSH_CONNECTION=$SSH_CONNECTION" "$@"`, args...)
}

// output runs a line and returns the last that it said on standard error.
func (n *conn) output(ctx context.Context, line string) (string, error) {
	var complaint bytes.Buffer
	err := n.run(ctx, line, provision.Command{Stderr: &complaint})
	lines := strings.Split(strings.TrimSpace(complaint.String()), "\n")
	return lines[len(lines)-1], err
}

// failed reports whether a command ran, and failed.
func failed(err error) bool {
	var exit *provision.ExitError
	return errors.As(err, &exit)
}
