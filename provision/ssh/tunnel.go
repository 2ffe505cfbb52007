package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/testbed-lab/testbed/provision"
)

// Tunnel is a connection by the user's ssh to a computer that nothing is measured
// on, such as a hypervisor: it runs commands there, and leads to what listens
// there. Its methods may be called from several goroutines.
type Tunnel struct {
	conn *conn
	made atomic.Int64 // Forwardings so far, which gives each a name.
}

// OpenTunnel connects to "user@host:22" with the command that stands for ssh, empty
// for "ssh" itself. what is the computer's part, such as "hypervisor", for errors.
func OpenTunnel(ctx context.Context, command, what, address string) (*Tunnel, error) {
	c, err := newClient(command)
	if err != nil {
		return nil, err
	}
	n, err := c.connect(ctx, "tunnel", what+" "+address, address)
	if err != nil {
		_ = os.RemoveAll(c.folder)
		return nil, err
	}
	return &Tunnel{conn: n}, nil
}

// Lost is why the connection is no more, in ssh's words; nil while it is, also after
// some patience.
func (t *Tunnel) Lost(patience time.Duration) error {
	if t.conn.alive() && !t.conn.waitEnded(patience) {
		return nil
	}
	if said := t.conn.words.last(); said != "" {
		return errors.New(said)
	}
	return errors.New("ssh has ended")
}

// Close ends the connection and all that goes over it.
func (t *Tunnel) Close() error {
	t.conn.close()
	return os.RemoveAll(t.conn.client.folder)
}

// Output runs a script of POSIX shell with arguments, $1 the first, and returns what
// it wrote. One that failed is a [*provision.ExitError], with what it said.
func (t *Tunnel) Output(ctx context.Context, text string, args ...string) ([]byte, error) {
	var out, complaint bytes.Buffer
	// Whatever a login script says comes before our mark.
	err := t.conn.run(ctx, script("echo "+mark+"\n"+text, args...), provision.Command{Stdout: &out, Stderr: &complaint})
	_, said, _ := bytes.Cut(out.Bytes(), []byte(mark+"\n"))
	if text := strings.TrimSpace(complaint.String()); err != nil && text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return said, err
}

// forwarding bounds the making of one; a far computer answers in a second.
const forwarding = 20 * time.Second

// Dial connects to a socket of that computer: "unix" and a path, or "tcp" and an
// address as seen from there. ssh connects before the far end does, so a connection
// to what is not there is made, and ends at once.
func (t *Tunnel) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := t.Lost(0); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, forwarding)
	defer cancel()
	socket := filepath.Join(t.conn.client.folder, strconv.FormatInt(t.made.Add(1), 10))
	defer os.Remove(socket)
	if err := t.control(ctx, "forward", socket+":"+address); err != nil {
		return nil, fmt.Errorf("reach %s %s through ssh: %w", network, address, err)
	}
	raw, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	// ssh has the connection by now; what it listens on would stay for as long as it does.
	if cancelled := t.control(ctx, "cancel", socket+":"+address); err == nil && cancelled != nil {
		_ = raw.Close()
		err = cancelled
	}
	if err != nil {
		return nil, fmt.Errorf("reach %s %s through ssh: %w", network, address, err)
	}
	return raw, nil
}

// control has the connection's ssh begin or end a forwarding. The user's
// configuration is left out: its own forwardings would be begun too.
func (t *Tunnel) control(ctx context.Context, verb, forward string) error {
	args := append([]string{"-F", "none", "-S", t.conn.socket, "-O", verb, "-L", forward}, target(t.conn.address)...)
	cmd := t.conn.client.ssh(args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start ssh: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { end(cmd, syscall.SIGKILL) })
	defer stop()
	err := cmd.Wait()
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	if lost := t.Lost(0); lost != nil {
		return lost
	}
	return fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
}
