package run

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
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
	a.say(proto.Message{Type: proto.TypeHello, State: map[string]any{"load": "first"}, Hello: &proto.Hello{
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

// measure runs a test in its first boot.
func measure(ctx context.Context, sink progress.Sink, seed int64, cell testbed.Cell, test testbed.Test, machines stations) (*observation, error) {
	return tried(seed, cell, test).measure(ctx, sink, 0, machines)
}

// tried is a trial without void rules.
func tried(seed int64, cell testbed.Cell, test testbed.Test) *trial {
	lab := &testbed.Lab{Seed: seed, Void: testbed.VoidRules{Steal: -1, Involuntary: -1, Retransmits: -1, ClockStep: -1}}
	return newTrial(lab, cell, test, &scratch{})
}

// histogramOf is a block of 20,000 transactions around a time in ns.
func histogramOf(ns int64) proto.BlockResult {
	h := hdr.New(1, 10_000_000_000, 3)
	const n = 20_000
	sum, low, high := int64(0), ns, ns
	for i := range int64(n) {
		v := ns + i%101*(ns/1000)
		_ = h.RecordValue(v)
		sum, high = sum+v, max(high, v)
	}
	text, _ := h.Encode(hdr.V2CompressedEncodingCookieBase)
	raw, _ := base64.StdEncoding.DecodeString(string(text))
	return proto.BlockResult{
		Transactions: n, Nanoseconds: sum, Mean: float64(sum) / n, Min: low, Max: high, Histogram: raw,
	}
}
