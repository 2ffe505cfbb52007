package guestagent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// conversation is a session with a conductor's end of it.
type conversation struct {
	*end
	in   *io.PipeWriter
	out  *json.Decoder
	done chan error
}

func converse(ctx context.Context, e *end) *conversation {
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	c := &conversation{end: e, in: inW, out: json.NewDecoder(outR), done: make(chan error, 1)}
	go func() {
		err := guestagent.Session(ctx, e.Space, inR, outW)
		outW.Close()
		c.done <- err
	}()
	return c
}

func (c *conversation) send(t *testing.T, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	_, err = c.in.Write(append(text, '\n'))
	require.NoError(t, err)
}

// conduct does the conductor's part for both: it hands peer messages across.
func conduct(t *testing.T, a, b *conversation, see func(*conversation, proto.Message)) {
	var all sync.WaitGroup
	for _, pair := range [][2]*conversation{{a, b}, {b, a}} {
		from, to := pair[0], pair[1]
		all.Go(func() {
			for {
				var m proto.Message
				if from.out.Decode(&m) != nil {
					return
				}
				if m.Type == proto.TypePeer {
					text, _ := json.Marshal(m)
					_, _ = to.in.Write(append(text, '\n')) // The other may be gone.
				}
				see(from, m)
			}
		})
	}
	all.Wait()
}

func TestSession(t *testing.T) {
	client, server := pair(t, everyMode()[:2], []proto.Test{short("tcp", "tcp_rr")}, 2)
	c, s := converse(t.Context(), client), converse(t.Context(), server)
	c.send(t, c.segment)
	s.send(t, s.segment)
	conduct(t, c, s, func(from *conversation, m proto.Message) { _ = from.emit(m) })
	for _, one := range []*conversation{c, s} {
		require.NoError(t, <-one.done)
		var types []string
		for _, m := range one.messages {
			if m.Type != proto.TypePeer {
				types = append(types, m.Type)
			}
		}
		require.Equal(t, "hello started block started block started block started block done", strings.Join(types, " "))
		require.Equal(t, proto.Version, one.messages[0].Hello.Version)
		require.Contains(t, one.messages[0].Hello.Facts["nics"], "eth1")
		for _, result := range one.results() {
			require.Equal(t, proto.StatusOK, result.Status, result.Reason)
		}
	}
}

// TestCutSession: the conductor goes away in the middle of a block, and both
// machines are as they were.
func TestCutSession(t *testing.T) {
	test := short("tcp", "tcp_rr")
	test.Duration = time.Minute
	// Two blocks, because one agent may see the other's end before its own.
	client, server := pair(t, everyMode()[2:3], []proto.Test{test}, 2)
	before := [2][]string{client.Snapshot(t), server.Snapshot(t)}
	c, s := converse(t.Context(), client), converse(t.Context(), server)
	c.send(t, c.segment)
	s.send(t, s.segment)
	time.AfterFunc(500*time.Millisecond, func() { c.in.Close(); s.in.Close() })
	conduct(t, c, s, func(from *conversation, m proto.Message) { _ = from.emit(m) })
	for _, one := range []*conversation{c, s} {
		require.ErrorContains(t, <-one.done, "the conductor ended the session")
		last := one.messages[len(one.messages)-1]
		require.Equal(t, proto.TypeError, last.Type)
		require.Regexp(t, `run block \d \(tcp, veth_l2_client\): the conductor ended the session`, last.Error)
	}
	client.RequireUnchanged(t, before[0])
	server.RequireUnchanged(t, before[1])
}

func TestSessionsThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"nothing":  {"", "read segment: EOF"},
		"no_json":  {"run!\n", "read segment: invalid character"},
		"version":  {`{"version":99}` + "\n", "protocol version 99"},
		"no_role":  {`{"version":1}` + "\n", "neither client nor server"},
		"truncate": {`{"version":1,"role":"cl`, "read segment: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := guestagent.Session(t.Context(), nil, strings.NewReader(test.in), &out)
			require.ErrorContains(t, err, test.want)
			require.Contains(t, out.String(), `"type":"error"`)
			require.NotContains(t, out.String(), `"type":"done"`)
		})
	}
}

// TestStrangeMessages: after a segment the conductor only hands on the peer's.
func TestStrangeMessages(t *testing.T) {
	for name, test := range map[string]struct {
		message any
		want    string
	}{
		"type":  {proto.Message{Type: proto.TypeDone}, `message of type "done"`},
		"block": {proto.Message{Type: proto.TypePeer, Peer: json.RawMessage(`{"block":7,"phase":"ready"}`)}, "wait until the other agent is ready with block 0: it is ready with block 7"},
		"peer":  {proto.Message{Type: proto.TypePeer, Peer: json.RawMessage(`[]`)}, "read the other agent's message"},
	} {
		t.Run(name, func(t *testing.T) {
			client, _ := pair(t, everyMode()[:1], []proto.Test{short("tcp", "tcp_rr")}, 1)
			c := converse(t.Context(), client)
			c.send(t, c.segment)
			c.send(t, test.message)
			defer c.in.Close()
			for c.out.Decode(new(proto.Message)) == nil {
			}
			require.ErrorContains(t, <-c.done, test.want)
		})
	}
}

// brokenPipe is a conductor that reads nothing any more.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestNobodyListens(t *testing.T) {
	client, _ := pair(t, everyMode()[:1], []proto.Test{short("tcp", "tcp_rr")}, 1)
	text, err := json.Marshal(client.segment)
	require.NoError(t, err)
	err = guestagent.Session(t.Context(), client.Space, io.MultiReader(bytes.NewReader(text), neverEnds{}), brokenPipe{})
	require.ErrorContains(t, err, "write to the conductor: broken pipe")
}

type neverEnds struct{}

func (neverEnds) Read([]byte) (int, error) { select {} }

func TestCommand(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, guestagent.Command([]string{"version"}, nil, &out))
	require.Contains(t, out.String(), "protocol 1")
	out.Reset()
	require.NoError(t, guestagent.Command([]string{"hostinfo", "lo"}, nil, &out))
	var facts map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &facts))
	require.Contains(t, facts, "kernel_release")
	for _, args := range [][]string{nil, {"dance"}} {
		require.ErrorContains(t, guestagent.Command(args, nil, &out), "the agent knows run, ensemble, check")
	}
}
