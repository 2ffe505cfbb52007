package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/testbed"
)

// replying is a client that answers each block with what f gives; it goes on
// until its input ends, and then undoes what it has built.
func replying(undone *atomic.Int32, f func(proto.Block) proto.BlockResult) func(context.Context, *fakeAgent) error {
	return func(_ context.Context, a *fakeAgent) error {
		a.hello()
		for _, b := range a.segment.Blocks {
			a.say(proto.Message{Type: proto.TypeStarted, Start: &proto.Start{Index: b.Index}})
			if _, err := a.peer(); err != nil {
				undone.Add(1)
				a.say(proto.Message{Type: proto.TypeError, Error: "the conductor ended the session"})
				return err
			}
			a.tell("finished")
			a.result(b, f(b))
		}
		a.say(proto.Message{Type: proto.TypeDone})
		return nil
	}
}

// leaving is a server that undoes what it has built at the end of its input.
func leaving(undone *atomic.Int32) func(context.Context, *fakeAgent) error {
	return func(ctx context.Context, a *fakeAgent) error {
		err := serve(ctx, a)
		if errors.Is(err, io.EOF) {
			undone.Add(1)
			a.say(proto.Message{Type: proto.TypeError, Error: "the conductor ended the session"})
		}
		return err
	}
}

// TestThreeInARowEndTheTest: failed or voided, whichever, with none between that
// counts. Both agents are hung up and undo; what was measured is kept.
func TestThreeInARowEndTheTest(t *testing.T) {
	var undone atomic.Int32
	failures := 0
	client := replying(&undone, func(b proto.Block) proto.BlockResult {
		good := proto.BlockResult{Transactions: 1000, Mean: 250e3}
		if b.Mode != "docker0" {
			return good
		}
		switch failures++; failures {
		case 3: // Two before it are forgiven.
			return good
		case 5:
			good.Counters = map[string]int64{"tcp_retrans_segs": 7}
			return good
		}
		return proto.BlockResult{Status: proto.StatusFailed, Reason: fmt.Sprintf("client: connection refused (%d)", failures), KernelLog: []string{fmt.Sprintf("[ 9.0] fault %d", failures)}}
	})
	tr := tried(17, sampleCell(), sampleTest())
	tr.rules.Retransmits = 2
	seen, err := tr.measure(t.Context(), nil, 0, pair(client, leaving(&undone)))
	require.EqualError(t, err, `mode "docker0": 3 blocks in a row failed or were voided, so the test ends:
  round 4: failed: client: connection refused (4)
  round 5: voided: client: 7 TCP segments were sent again, and retransmits allows 2
  round 6: failed: client: connection refused (6)
what the machines' kernels have said since the last of them began:
  | client: [ 9.0] fault 6`)
	require.Equal(t, `mode "docker0": 3 blocks in a row failed or were voided, so the test ends: round 4: failed: client: connection refused (4); `+
		`round 5: voided: client: 7 TCP segments were sent again, and retransmits allows 2; round 6: failed: client: connection refused (6)`, reasonOf(err.Error()), "in a line")
	require.True(t, onlyEnded(fmt.Errorf("test %q: %w", "x", err)))
	require.EqualValues(t, 2, undone.Load(), "both agents come to undo what they built")
	require.Equal(t, 5, seen.blocks[len(seen.blocks)-1].Round)
	require.Len(t, tr.blocks, len(seen.blocks))
	for _, b := range seen.blocks {
		require.Equal(t, b.Mode == "docker0" && b.Status == "failed", len(b.KernelLog) > 0, "%+v", b)
	}
}

func TestAnEngineHasAStreakOfItsOwn(t *testing.T) {
	s := streaks{}
	bad := testbed.Block{Mode: "host", Status: testbed.StatusFailed, Reason: "x"}
	of := func(engine string) testbed.Block { b := bad; b.Engine = engine; return b }
	for range patience - 1 {
		require.NoError(t, s.add(of("")))
		require.NoError(t, s.add(of("netperf")))
	}
	require.NoError(t, s.add(testbed.Block{Mode: "host", Status: testbed.StatusOK}))
	require.NoError(t, s.add(of("")), "a block that counts ends the streak")
	err := s.add(of("netperf"))
	require.ErrorContains(t, err, `mode "host with netperf": 3 blocks`)
	require.ErrorContains(t, err, "neither machine's kernel has said anything")
	for range 5 {
		require.NoError(t, s.add(testbed.Block{Mode: "l2", Status: testbed.StatusUnsupported}))
	}
}

func TestOnlyEnded(t *testing.T) {
	ended := fmt.Errorf("test: %w", &endedError{mode: "m"})
	require.False(t, onlyEnded(nil))
	require.True(t, onlyEnded(errors.Join(ended, ended)))
	require.False(t, onlyEnded(errors.Join(ended, io.EOF)), "the machines may be at fault")
	require.False(t, onlyEnded(io.EOF))
}

func TestRulesVoidABlock(t *testing.T) {
	tr := tried(17, sampleCell(), sampleTest())
	tr.rules.Steal = 0.05
	b := testbed.Block{
		Mode: "host", Status: testbed.StatusOK, Nanoseconds: 250e6, Transactions: 9,
		Counters: map[string]int64{"server.steal_ticks": 12}, KernelLog: []string{"server: hung task"},
	}
	require.NoError(t, tr.take(&b))
	require.Contains(t, b.Void, "server: the hypervisor took its CPU")
	require.NotEmpty(t, b.KernelLog)
	b = testbed.Block{Mode: "host", Status: testbed.StatusOK, Void: "the agent says so", Counters: b.Counters}
	require.NoError(t, tr.take(&b))
	require.Equal(t, "the agent says so", b.Void)
	b = testbed.Block{Mode: "host", Status: testbed.StatusOK, KernelLog: []string{"client: eth0 is up"}}
	require.NoError(t, tr.take(&b))
	require.Empty(t, b.Void+strings.Join(b.KernelLog, ""), "of a block that counts nobody asks what the kernel said")
}

// noisy makes rounds whose ratios differ: no interval of them is narrow.
func noisy(undone *atomic.Int32) func(context.Context, *fakeAgent) error {
	n := 0
	return replying(undone, func(proto.Block) proto.BlockResult {
		n++
		return histogramOf(int64(100_000 + 37_000*(n*n%11)))
	})
}

func steady(undone *atomic.Int32) func(context.Context, *fakeAgent) error {
	return replying(undone, func(b proto.Block) proto.BlockResult { return histogramOf(200_000) })
}

// TestRoundsGoOnUntilPrecise, or to the maximum: in segments of half as many
// rounds again, counted on, each in an order of its own.
func TestRoundsGoOnUntilPrecise(t *testing.T) {
	var undone atomic.Int32
	test := sampleTest()
	test.Modes, test.Precision, test.MaxRounds = []string{"host", "docker0"}, 0.01, 37
	tr := tried(17, sampleCell(), test)
	seen, err := tr.measure(t.Context(), nil, 0, pair(noisy(&undone), serve))
	require.NoError(t, err)
	require.Equal(t, 37, tr.rounds)
	require.Len(t, seen.blocks, 37*3)
	for i, b := range seen.blocks {
		require.Equal(t, i, b.Index)
		require.Equal(t, i/3, b.Round)
	}
	require.Greater(t, tr.width, 0.01)
	require.Equal(t, "docker0", tr.mode)

	tr = tried(17, sampleCell(), test)
	_, err = tr.measure(t.Context(), nil, 0, pair(steady(&undone), serve))
	require.NoError(t, err)
	require.Equal(t, 10, tr.rounds, "an interval that is narrow at once")
}

func TestEachPartHasAnOrderOfItsOwn(t *testing.T) {
	cell, test := sampleCell(), sampleTest()
	whole, err := segmentsOf(17, cell, test)
	require.NoError(t, err)
	first, err := partOf(17, cell, test, 0, 10)
	require.NoError(t, err)
	require.Equal(t, whole, first)
	next, err := partOf(17, cell, test, 10, 10)
	require.NoError(t, err)
	require.Equal(t, next.client.Blocks, next.server.Blocks)
	require.Equal(t, next.client.Tests, next.server.Tests)
	require.NotEqual(t, first.client.Tests[0].Seed, next.client.Tests[0].Seed)
	same := 0
	for i, b := range next.client.Blocks {
		require.Equal(t, i, b.Index)
		require.Equal(t, 10+i/4, b.Round)
		if b.Mode == first.client.Blocks[i].Mode {
			same++
		}
	}
	require.Less(t, same, len(next.client.Blocks))
}
