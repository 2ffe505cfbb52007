package guestagent

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/testbed-lab/testbed/guestagent/namespace"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// errSessionEnded is why everything is undone when the conductor's end closes.
var errSessionEnded = errors.New("the conductor ended the session")

// Session runs one segment that comes in as a JSON line, followed by the peer's
// messages, and writes what the agent has to say out, ended by "done" or by
// "error". When in ends before the segment does, all is undone. The machine is a
// namespace; nil is the process's own.
func Session(ctx context.Context, machine *namespace.Namespace, in io.Reader, out io.Writer) error {
	out = &patient{out: out, patience: peerTimeout}
	s := &session{machine: machine, out: json.NewEncoder(out), peer: make(chan json.RawMessage, 16)}
	if err := s.run(ctx, in); err != nil {
		// The conductor may be the one that is gone: then nobody is told.
		return errors.Join(err, s.emit(proto.Message{Type: proto.TypeError, Error: err.Error(), Hang: hung(err)}))
	}
	return s.emit(done(machine))
}

type session struct {
	machine *namespace.Namespace
	peer    chan json.RawMessage

	mu  sync.Mutex
	out *json.Encoder
}

func (s *session) run(ctx context.Context, in io.Reader) error {
	lines := json.NewDecoder(bufio.NewReader(in))
	segment, err := brief(ctx, lines)
	if err != nil {
		return fmt.Errorf("read segment: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { cancel(s.listen(ctx, lines)) }()

	greeting, err := hello(s.machine, segment.Self.Device)
	if err != nil {
		return err
	}
	if err := s.emit(greeting); err != nil {
		return err
	}
	agent := &Agent{Namespace: s.machine, Peer: s, Emit: s.emit}
	return agent.Run(ctx, segment)
}

// brief waits for the segment, which the conductor sends at once.
func brief(ctx context.Context, lines *json.Decoder) (proto.Segment, error) {
	type answer struct {
		segment proto.Segment
		err     error
	}
	read := make(chan answer, 1)
	go func() {
		var a answer
		a.err = lines.Decode(&a.segment)
		read <- a
	}()
	select {
	case a := <-read:
		return a.segment, a.err
	case <-ctx.Done():
		return proto.Segment{}, context.Cause(ctx)
	case <-time.After(peerTimeout):
		return proto.Segment{}, fmt.Errorf("there is none after %v", peerTimeout)
	}
}

// listen hands on the peer's messages until there are no more. It is left behind
// in a read when the segment ends first; the process ends then.
func (s *session) listen(ctx context.Context, lines *json.Decoder) error {
	for {
		var message proto.Message
		if err := lines.Decode(&message); err == io.EOF {
			return errSessionEnded
		} else if err != nil {
			return fmt.Errorf("read from the conductor: %w", err)
		}
		if message.Type != proto.TypePeer {
			return fmt.Errorf("read from the conductor: message of type %q; after a segment there are only the peer's", message.Type)
		}
		select {
		case s.peer <- message.Peer:
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *session) emit(message proto.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.out.Encode(message); err != nil {
		return fmt.Errorf("write to the conductor: %w", err)
	}
	return nil
}

// Send implements [Peer], by way of the conductor.
func (s *session) Send(_ context.Context, message json.RawMessage) error {
	return s.emit(proto.Message{Type: proto.TypePeer, Peer: message})
}

// Receive implements [Peer].
func (s *session) Receive(ctx context.Context) (json.RawMessage, error) {
	select {
	case message := <-s.peer:
		return message, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
