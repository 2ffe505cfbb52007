package run

import (
	"bufio"
	"context"
	"encoding/json"
	"io"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/provision"
)

// fakeMachine runs a script where a real one would run the agent.
type fakeMachine struct {
	name    string
	script  func(context.Context, *fakeAgent) error
	console string
}

func (m *fakeMachine) Name() string { return m.name }
func (m *fakeMachine) Close() error { return nil }

func (m *fakeMachine) PushAgent(context.Context, []byte) (string, error) { return "/agent", nil }

func (m *fakeMachine) Console(context.Context) (io.ReadWriteCloser, error) { return nil, io.EOF }

func (m *fakeMachine) ConsoleLog(context.Context) ([]byte, error) {
	return []byte(m.console), nil
}

func (m *fakeMachine) Exec(ctx context.Context, cmd provision.Command) error {
	agent := &fakeAgent{input: bufio.NewReader(cmd.Stdin), output: json.NewEncoder(cmd.Stdout)}
	line, err := agent.input.ReadBytes('\n')
	if err != nil {
		return err
	}
	if err := json.Unmarshal(line, &agent.segment); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- m.script(ctx, agent) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// fakeAgent is the guest's end of the conversation.
type fakeAgent struct {
	segment proto.Segment
	input   *bufio.Reader
	output  *json.Encoder
}

func (a *fakeAgent) say(m proto.Message) { _ = a.output.Encode(m) }

// peer waits for one message of the other agent.
func (a *fakeAgent) peer() (string, error) {
	line, err := a.input.ReadBytes('\n')
	if err != nil {
		return "", err
	}
	var m proto.Message
	if err := json.Unmarshal(line, &m); err != nil {
		return "", err
	}
	var text string
	return text, json.Unmarshal(m.Peer, &text)
}

func (a *fakeAgent) tell(text string) {
	raw, _ := json.Marshal(text)
	a.say(proto.Message{Type: proto.TypePeer, Peer: raw})
}

func (a *fakeAgent) hello() {
	a.say(proto.Message{Type: proto.TypeHello, Hello: &proto.Hello{
		Version: proto.Version, Facts: map[string]any{"kernel": "6.12"},
	}})
}

func (a *fakeAgent) result(b proto.Block, r proto.BlockResult) {
	r.Index = b.Index
	if r.Status == "" {
		r.Status = proto.StatusOK
	}
	a.say(proto.Message{Type: proto.TypeBlock, Block: &r})
}
