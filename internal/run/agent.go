package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/provision"
)

// agent is one agent at work on a machine, seen from the conductor.
type agent struct {
	machine   *station
	segment   proto.Segment
	peer      *agent
	heard     func(proto.Message)
	onMessage func(proto.Message) error

	stdin *io.PipeWriter
	input *io.PipeReader
	once  sync.Once
	// briefed is closed once the segment is written: the first line has to be
	// the segment, and a quicker peer may speak before it.
	briefed chan struct{}
}

func newAgent(m *station, s proto.Segment, heard func(proto.Message)) *agent {
	a := &agent{machine: m, segment: s, heard: heard, briefed: make(chan struct{})}
	a.input, a.stdin = io.Pipe()
	return a
}

// undoGrace is how long an agent may take to undo everything and exit once its
// input has ended; then the command is ended for it.
const undoGrace = 15 * time.Second

// run starts the agent, sends its segment and reads what it says until its
// "done". The end of its input tells the agent that the session is over, which
// makes it undo everything.
func (a *agent) run(ctx context.Context) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	output, stdout := io.Pipe()
	var stderr bytes.Buffer
	exited := make(chan error, 1)
	go func() {
		err := a.machine.Exec(ctx, provision.Command{
			Args: []string{a.machine.agent, "run"}, Stdin: a.input, Stdout: stdout, Stderr: &stderr,
		})
		_ = stdout.Close()
		_ = a.input.CloseWithError(io.ErrClosedPipe)
		exited <- err
	}()
	go func() {
		// Where this fails the agent's own end is the error.
		_ = a.say(a.segment)
		close(a.briefed)
	}()

	listened := a.listen(output)
	a.hangUp()
	defer time.AfterFunc(undoGrace, end).Stop()
	go func() { _, _ = io.Copy(io.Discard, output) }() // It may have more to say, and blocks until somebody listens.
	err := <-exited
	<-a.briefed
	if listened == nil && err == nil {
		return nil
	}
	return a.explain(listened, err, stderr.String())
}

func (a *agent) explain(listened, exited error, stderr string) error {
	err := listened
	if err == nil || (errors.Is(err, errTruncated) && exited != nil) {
		err = exited
	}
	if text := strings.TrimSpace(stderr); text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return &AgentError{Machine: a.machine.Name(), Err: err}
}

// AgentError says that an agent could not do its part on a machine that is up, or that
// the machine was lost meanwhile.
type AgentError struct {
	Machine string
	Err     error
}

func (e *AgentError) Error() string { return fmt.Sprintf("agent on %s: %v", e.Machine, e.Err) }
func (e *AgentError) Unwrap() error { return e.Err }

// say writes one JSON line to the agent.
func (a *agent) say(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = a.stdin.Write(append(line, '\n'))
	return err
}

// relay hands over what the peer said, after the segment.
func (a *agent) relay(m proto.Message) error {
	<-a.briefed
	return a.say(m)
}

func (a *agent) hangUp() { a.once.Do(func() { _ = a.stdin.Close() }) }

// errTruncated is a stream that ended without "done".
var errTruncated = errors.New("its messages ended without \"done\"")

// listen handles messages until "done" or "error".
func (a *agent) listen(output io.Reader) error {
	decoder := json.NewDecoder(output)
	for {
		var m proto.Message
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errTruncated
		} else if err != nil {
			return fmt.Errorf("read a message: %w", err)
		}
		a.heard(m)
		switch m.Type {
		case proto.TypeDone:
			return a.onMessage(m)
		case proto.TypeError:
			return saidOf(m)
		case proto.TypePeer:
			// A peer that is gone cannot be told; its own end is the error.
			_ = a.peer.relay(m)
		default:
			if err := a.onMessage(m); err != nil {
				return err
			}
		}
	}
}
