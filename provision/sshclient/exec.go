package sshclient

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/testbed-lab/testbed/provision"
)

// grace is what a command gets to end after a signal.
const grace = 3 * time.Second

// Exec runs a command and waits for it. When the context ends the command gets
// SIGTERM, then SIGKILL, then its session is closed. A command that ran and
// failed is a *provision.ExitError.
//
// A keepalive runs beside the command only. It is silent for its first 15 s and
// then a frame each 15 s on the management interface.
func (c *Client) Exec(ctx context.Context, cmd provision.Command) error {
	if err := ctx.Err(); err != nil {
		return c.errorf(cmd, err)
	}
	session, err := c.open(ctx)
	if err != nil {
		return c.errorf(cmd, err)
	}
	defer session.Close()
	session.Stdin, session.Stdout, session.Stderr = cmd.Stdin, cmd.Stdout, cmd.Stderr
	ended := make(chan struct{})
	defer close(ended)
	if err := terminal(session, cmd.TTY, ended); err != nil {
		return c.errorf(cmd, err)
	}
	if err := c.start(ctx, session, cmd.Args); err != nil {
		return c.errorf(cmd, err)
	}
	go c.watch(ended)
	return c.wait(ctx, session, cmd)
}

// open and start send requests that the machine must answer.
func (c *Client) open(ctx context.Context) (*ssh.Session, error) {
	type opened struct {
		session *ssh.Session
		err     error
	}
	answer := make(chan opened, 1)
	go func() {
		s, err := c.ssh.NewSession()
		answer <- opened{s, err}
	}()
	select {
	case a := <-answer:
		return a.session, a.err
	case <-ctx.Done():
		go func() {
			if a := <-answer; a.session != nil {
				a.session.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

func (c *Client) start(ctx context.Context, session *ssh.Session, args []string) error {
	answer := make(chan error, 1)
	go func() {
		if len(args) == 0 {
			answer <- session.Shell()
			return
		}
		answer <- session.Start(Quote(args))
	}()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Client) wait(ctx context.Context, session *ssh.Session, cmd provision.Command) error {
	ended := make(chan error, 1)
	go func() { ended <- session.Wait() }()
	select {
	case err := <-ended:
		return c.result(cmd, err)
	case <-ctx.Done():
	}
	for _, signal := range []ssh.Signal{ssh.SIGTERM, ssh.SIGKILL} {
		session.Signal(signal)
		select {
		case <-ended:
			return c.errorf(cmd, ctx.Err())
		case <-time.After(grace):
		}
	}
	return c.errorf(cmd, fmt.Errorf("%w; it answers no signal", ctx.Err()))
}

// result tells a command's failure from the connection's. A command that a
// signal ended has the status that a shell gives it.
func (c *Client) result(cmd provision.Command, err error) error {
	var exit *ssh.ExitError
	var missing *ssh.ExitMissingError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		status := exit.ExitStatus()
		if number, ok := signalNumbers[exit.Signal()]; ok && status == 0 {
			status = 128 + number
		}
		return &provision.ExitError{Status: status}
	case errors.As(err, &missing):
		return c.errorf(cmd, errors.New("the connection ended before the command did: the machine went down, or its SSH server did; see its console"))
	}
	return c.errorf(cmd, err)
}

var signalNumbers = map[string]int{
	"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "ABRT": 6, "FPE": 8, "KILL": 9, "SEGV": 11, "PIPE": 13, "ALRM": 14, "TERM": 15,
}

func (c *Client) errorf(cmd provision.Command, err error) error {
	what := "a shell"
	if len(cmd.Args) > 0 {
		what = fmt.Sprintf("%q", strings.Join(cmd.Args, " "))
	}
	return fmt.Errorf("run %s on %q: %w", what, c.name, err)
}

// terminal asks for a pseudo-terminal and forwards changes of its size.
func terminal(session *ssh.Session, tty *provision.TTY, ended <-chan struct{}) error {
	if tty == nil {
		return nil
	}
	term := tty.Term
	if term == "" {
		term = "vt100"
	}
	width, height := tty.Width, tty.Height
	if width <= 0 || height <= 0 {
		width, height = 80, 24
	}
	if err := session.RequestPty(term, height, width, ssh.TerminalModes{}); err != nil {
		return fmt.Errorf("ask for a terminal: %w", err)
	}
	if tty.Resize == nil {
		return nil
	}
	go func() {
		for {
			select {
			case size, ok := <-tty.Resize:
				if !ok {
					return
				}
				session.WindowChange(size[1], size[0])
			case <-ended:
				return
			}
		}
	}()
	return nil
}

// Quote joins arguments so that a POSIX shell takes them apart again as they
// were. SSH carries one string, which the machine's shell reads.
func Quote(args []string) string {
	words := make([]string, len(args))
	for i, arg := range args {
		words[i] = quoteWord(arg)
	}
	return strings.Join(words, " ")
}

func quoteWord(word string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:@%+,"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
