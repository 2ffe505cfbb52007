package run

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// fakeBackend makes machines out of nothing and keeps a diary.
type fakeBackend struct {
	provision.Backend
	machines stations
	diary    []string
}

func (b *fakeBackend) Boots() bool         { return false }
func (b *fakeBackend) Accelerator() string { return "" }

func (b *fakeBackend) step(name string) []provision.Step {
	return []provision.Step{{Name: name, Action: provision.Create, Do: func(context.Context) error {
		b.diary = append(b.diary, name)
		return nil
	}}}
}

func (b *fakeBackend) Plan(context.Context, provision.Request) ([]provision.Step, error) {
	return b.step("boot"), nil
}

func (b *fakeBackend) Down(context.Context, string) ([]provision.Step, error) {
	return b.step("remove"), nil
}

func (b *fakeBackend) Keep(context.Context, string) error {
	b.diary = append(b.diary, "keep")
	return nil
}

// Facts say what was done last.
func (b *fakeBackend) State(context.Context) (map[string]any, error) {
	return map[string]any{"load": "0.1"}, nil
}
func (b *fakeBackend) Facts(_ context.Context, lab string) (map[string]any, error) {
	return map[string]any{lab: strings.Join(b.diary[max(0, len(b.diary)-1):], "")}, nil
}

func (b *fakeBackend) Machine(_ context.Context, _, name string) (provision.Machine, error) {
	return b.machines[name].Machine, nil
}

// labOf has a cell with tests of 2 rounds each that go by the names given.
func labOf(tests ...testbed.Test) *Lab {
	cell := sampleCell()
	cell.Tests = nil
	for i, test := range tests {
		base := sampleTest()
		base.Name, base.Rounds = fmt.Sprintf("test%d", i), 2
		base.Modes = []string{"host", "docker0"}
		base.Boots, base.Precision, base.MaxRounds = test.Boots, test.Precision, test.MaxRounds
		cell.Tests = append(cell.Tests, base)
	}
	off := testbed.VoidRules{Steal: -1, Involuntary: -1, Retransmits: -1, ClockStep: -1}
	return &Lab{Lab: testbed.Lab{Name: "l", Seed: 17, Void: off, Cells: []testbed.Cell{cell}}, Predicates: [][]testbed.Predicate{nil}}
}

// TestBootsAreALevel: machines are removed and made anew for each boot, a test
// takes part in as many as it asks for, rounds are counted through, and the last
// boot's machines stay.
func TestBootsAreALevel(t *testing.T) {
	var undone atomic.Int32
	backend := &fakeBackend{machines: pair(steady(&undone), serve)}
	c := &Conductor{Backend: backend}
	o, err := c.Up(t.Context(), labOf(testbed.Test{Boots: 3}, testbed.Test{Boots: 1}))
	require.NoError(t, err)
	require.Equal(t, []string{"boot", "keep", "remove", "boot", "keep", "remove", "boot", "keep"}, backend.diary)
	index := map[string]int{}
	order := map[int]string{}
	for _, b := range o.Blocks {
		require.Equal(t, index[b.Test], b.Index)
		require.Equal(t, b.Index/3, b.Round)
		require.Equal(t, b.Round/2, b.Boot)
		index[b.Test]++
		if b.Test == "test0" {
			order[b.Boot] += b.Mode + " "
		}
	}
	require.Equal(t, map[string]int{"test0": 3 * 2 * 3, "test1": 2 * 3}, index)
	require.False(t, order[0] == order[1] && order[1] == order[2], "each boot has an order of its own")
	require.Contains(t, o.Consoles, "client.log")
	require.Contains(t, o.Consoles, "client.boot-3.log")
}

// TestPrecisionAsksForFurtherBoots, whole ones, within the maximum of rounds.
func TestPrecisionAsksForFurtherBoots(t *testing.T) {
	var undone atomic.Int32
	backend := &fakeBackend{machines: pair(noisy(&undone), serve)}
	c := &Conductor{Backend: backend}
	o, err := c.Run(t.Context(), labOf(testbed.Test{Boots: 2, Precision: 1e-6, MaxRounds: 9}))
	require.NoError(t, err)
	last := o.Blocks[len(o.Blocks)-1]
	require.Equal(t, 3, last.Boot, "four boots of two rounds; a fifth would be ten rounds")
	require.Equal(t, 7, last.Round)
	require.Equal(t, "remove", backend.diary[len(backend.diary)-1])
}

// TestATestThatEndsLeavesTheOthers their boots.
func TestATestThatEndsLeavesTheOthers(t *testing.T) {
	var undone atomic.Int32
	client := replying(&undone, func(b proto.Block) proto.BlockResult {
		if b.Test == "test0" {
			return proto.BlockResult{Status: proto.StatusFailed, Reason: "client: connection refused"}
		}
		return histogramOf(200_000)
	})
	c := &Conductor{Backend: &fakeBackend{machines: pair(client, leaving(&undone))}}
	o, err := c.Run(t.Context(), labOf(testbed.Test{Boots: 2}, testbed.Test{Boots: 2}))
	require.ErrorContains(t, err, `test "test0": mode "host": 3 blocks in a row failed`)
	counts := map[string]int{}
	for _, b := range o.Blocks {
		counts[b.Test]++
	}
	require.Equal(t, 12, counts["test1"], "both boots")
	require.LessOrEqual(t, counts["test0"], 6)
	require.Len(t, o.Result.Tests, 2)
}

// TestTheHostIsDescribedWhileMachinesRun: how they were started is not known after.
func TestTheHostIsDescribedWhileMachinesRun(t *testing.T) {
	var undone atomic.Int32
	c := &Conductor{Backend: &fakeBackend{machines: pair(steady(&undone), serve)}, Node: "oslo"}
	o, err := c.Run(t.Context(), labOf(testbed.Test{}))
	require.NoError(t, err)
	env := o.Result.Environment
	require.Equal(t, "oslo", env.Node)
	require.Equal(t, map[string]any{"l": "boot"}, env.Host)
	require.NotEmpty(t, env.Before["load"])
	require.NotEmpty(t, env.After["load"])
	require.Len(t, o.Result.Tool.SHA256, 64)
}

// TestARefusedBlockEndsTheRun: no further test is measured, and the machines go.
func TestARefusedBlockEndsTheRun(t *testing.T) {
	var undone atomic.Int32
	backend := &fakeBackend{machines: pair(steady(&undone), leaving(&undone))}
	c := &Conductor{Backend: backend, Refuse: func(b testbed.Block) error {
		if b.Round == 1 {
			return fmt.Errorf("mode %q will not do", b.Mode)
		}
		return nil
	}}
	o, err := c.Run(t.Context(), labOf(testbed.Test{}, testbed.Test{}))
	require.ErrorContains(t, err, `test "test0": mode`)
	require.ErrorContains(t, err, "will not do")
	require.Len(t, o.Blocks, 3+1, "a round, and the block that was refused")
	require.Equal(t, []string{"boot", "remove"}, backend.diary)
	require.EqualValues(t, 2, undone.Load(), "both agents come to undo what they built")
}
