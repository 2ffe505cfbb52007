package ssh

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/provision/sshclient"
)

const (
	// helloTimeout bounds a connection: jumps, keys and a login shell included.
	helloTimeout = 60 * time.Second
	// grace is what a command gets to undo what it did once its input has ended.
	grace = 15 * time.Second
	// closing bounds the end of a connection.
	closing = 5 * time.Second
)

// conn is one connection to one machine, which its commands share.
type conn struct {
	client  client
	name    string // The machine's.
	title   string // Of the machine and where it is, for errors.
	address string
	about   facts

	socket string
	stdin  io.Closer // Its end is the connection's.
	ended  chan struct{}
	words  *tail // What ssh said.

	mu    sync.Mutex
	lease *lease // Nil until the agent was pushed.
}

// facts are what a machine says of itself.
type facts struct {
	system, hardware, user string
	identity               string // Of its kernel and network namespace.
}

// mark begins our own lines: login scripts may say something before.
const mark = "testbed:"

// hello holds the connection until its input ends, so that it goes with us
// whatever becomes of us.
const hello = `echo "` + mark + ` $(uname -s) $(uname -m) $(id -u) $(cat /proc/sys/kernel/random/boot_id 2>/dev/null)/$(readlink /proc/self/ns/net)"; exec cat >/dev/null`

// connect opens the connection and waits for the machine's first words. The name is
// one of a file too; the title is what errors call it.
func (c client) connect(ctx context.Context, name, title, address string) (*conn, error) {
	n := &conn{
		client: c, name: name, title: title, address: address,
		socket: filepath.Join(c.folder, name), ended: make(chan struct{}), words: &tail{},
	}
	cmd := c.ssh(n.args("-o", "ControlMaster=yes")...)
	cmd.Args = append(cmd.Args, script(hello))
	cmd.Stderr = n.words
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start ssh: %w", err)
	}
	n.stdin = stdin
	ctx, cancel := context.WithTimeoutCause(ctx, helloTimeout, fmt.Errorf("no answer after %v", helloTimeout))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { end(cmd, syscall.SIGTERM) })
	err = n.greet(stdout)
	stop()
	go n.attend(cmd, stdout)
	if err == nil {
		return n, nil
	}
	n.close()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return nil, n.explain(err)
}

// args are ssh's for this connection.
func (n *conn) args(more ...string) []string {
	args := append([]string{}, options...)
	args = append(args, "-S", n.socket)
	return append(append(args, more...), target(n.address)...)
}

// script is a line of POSIX shell, whatever shell the user has there.
func script(text string, args ...string) string {
	return "exec " + sshclient.Quote(append([]string{"sh", "-c", text, "sh"}, args...))
}

func (n *conn) greet(stdout io.Reader) error {
	fields, err := marked(bufio.NewReader(stdout))
	if err != nil {
		return err
	}
	if len(fields) != 4 {
		return fmt.Errorf("the machine says of itself only %q", strings.Join(fields, " "))
	}
	n.about = facts{fields[0], fields[1], fields[2], fields[3]}
	return nil
}

// errSilent is an output that ended without a line of ours.
var errSilent = errors.New("the connection ended before the machine said a word")

// marked gives the fields of the next line of ours.
func marked(lines *bufio.Reader) ([]string, error) {
	for {
		line, err := lines.ReadString('\n')
		if rest, ok := strings.CutPrefix(line, mark); ok && err == nil {
			return strings.Fields(rest), nil
		}
		if err != nil {
			return nil, errSilent
		}
	}
}

// attend waits for the connection's end.
func (n *conn) attend(cmd *exec.Cmd, stdout io.Reader) {
	_, _ = io.Copy(io.Discard, stdout)
	_ = cmd.Wait()
	close(n.ended)
}

func (n *conn) alive() bool {
	select {
	case <-n.ended:
		return false
	default:
		return true
	}
}

// close ends the connection: the agent's file first, which needs it.
func (n *conn) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.lease != nil {
		n.lease.end()
		n.lease = nil
	}
	_ = n.stdin.Close()
	if n.waitEnded(closing) {
		return
	}
	// A command that does not end holds the connection.
	cmd := n.client.ssh(n.args("-O", "exit")...)
	if cmd.Start() == nil {
		stop := time.AfterFunc(closing, func() { end(cmd, syscall.SIGKILL) })
		_ = cmd.Wait()
		stop.Stop()
	}
	n.waitEnded(closing)
}

func (n *conn) waitEnded(patience time.Duration) bool {
	select {
	case <-n.ended:
		return true
	case <-time.After(patience):
		return false
	}
}

// run runs a line of shell and waits for it.
func (n *conn) run(ctx context.Context, line string, with provision.Command) error {
	p, err := n.start(line, with)
	if err != nil {
		return err
	}
	select {
	case err = <-p.exited:
	case <-ctx.Done():
		p.giveUp()
		return context.Cause(ctx)
	}
	return n.result(err, p)
}

// process is a command on the machine, seen from here.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	words  *tail
	exited chan error
}

func (n *conn) start(line string, with provision.Command) (*process, error) {
	args := n.args("-o", "ControlMaster=no")
	if line != "" {
		args = append(args, line)
	}
	p := &process{cmd: n.client.ssh(args...), words: &tail{next: with.Stderr}, exited: make(chan error, 1)}
	p.cmd.Stdout, p.cmd.Stderr = with.Stdout, p.words
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	p.stdin = stdin
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start ssh: %w", err)
	}
	go func() {
		// An input that never ends must not hold up a command that has ended.
		if with.Stdin != nil {
			_, _ = io.Copy(stdin, with.Stdin)
		}
		_ = stdin.Close()
	}()
	go func() { p.exited <- p.cmd.Wait() }()
	return p, nil
}

// giveUp ends a command: by the end of its input, and if it takes no notice of
// that, by the end of its channel.
func (p *process) giveUp() {
	_ = p.stdin.Close()
	select {
	case <-p.exited:
		return
	case <-time.After(grace):
	}
	end(p.cmd, syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(closing):
		end(p.cmd, syscall.SIGKILL)
	}
}

// sshFailed is ssh's own exit status.
const sshFailed = 255

// result tells a command's failure from the connection's.
func (n *conn) result(err error, p *process) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	status := exit.ExitCode()
	// The command's own status may be 255: then the connection is still there.
	if status != sshFailed && status >= 0 || status == sshFailed && !n.waitEnded(time.Second) {
		return &provision.ExitError{Status: status}
	}
	said := n.words.last()
	if said == "" {
		said = p.words.last()
	}
	return fmt.Errorf("the connection ended before the command did: %s", said)
}
