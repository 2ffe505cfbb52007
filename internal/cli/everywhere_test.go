package cli

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/provision"
)

// fakeBackend has labs, each with a machine.
type fakeBackend struct {
	provision.Backend
	name string
	labs []string
}

func (f fakeBackend) Labs(context.Context) (labs []provision.Lab, err error) {
	for _, name := range f.labs {
		labs = append(labs, provision.Lab{Name: name, ID: f.name + name, Machines: []provision.MachineInfo{{Name: "client"}}})
	}
	return labs, nil
}

func (f fakeBackend) Down(_ context.Context, lab string) (steps []provision.Step, err error) {
	for _, name := range f.labs {
		if name == lab {
			steps = append(steps, provision.Step{Name: f.name + " " + lab})
		}
	}
	return steps, nil
}

func (f fakeBackend) Garbage(context.Context) ([]provision.Step, error) {
	return []provision.Step{{Stage: 3, Name: "garbage of " + f.name}}, nil
}

func (f fakeBackend) Machine(_ context.Context, lab, machine string) (provision.Machine, error) {
	return fakeMachine{name: f.name + " " + lab + "/" + machine}, nil
}

type fakeMachine struct {
	provision.Machine
	name string
}

func (m fakeMachine) Name() string { return m.name }

func machineOf(t *testing.T, e *everywhere, lab string) string {
	t.Helper()
	m, err := e.Machine(t.Context(), lab, "client")
	require.NoError(t, err)
	return m.Name()
}

func TestEverywhere(t *testing.T) {
	e := &everywhere{Backend: fakeBackend{name: "local", labs: []string{"here", "both"}}, others: []elsewhere{{Backend: fakeBackend{name: "libvirt", labs: []string{"there", "both"}}}}}
	labs, err := e.Labs(t.Context())
	require.NoError(t, err)
	require.Len(t, labs, 4)
	require.Equal(t, "local here/client", machineOf(t, e, "here"))
	require.Equal(t, "libvirt there/client", machineOf(t, e, "there"))
	_, _, err = find(t.Context(), e, "both/client")
	require.EqualError(t, err, "machine both/client runs on two backends")

	for lab, does := range map[string]string{"here": "local here", "there": "libvirt there"} {
		steps, err := e.Down(t.Context(), lab)
		require.NoError(t, err)
		require.Equal(t, []provision.Step{{Name: does}}, steps)
	}
	_, err = e.Down(t.Context(), "both")
	require.EqualError(t, err, `lab "both" runs on two backends`)
	steps, err := e.Garbage(t.Context())
	require.NoError(t, err)
	require.Len(t, steps, 2)
}

// A libvirt that does not answer keeps nobody from what runs here, and is never
// passed over in silence where something might be there.
func TestEverywhereWithoutAnAnswer(t *testing.T) {
	broken := errors.New("no answer")
	e := &everywhere{Backend: fakeBackend{name: "local", labs: []string{"here"}}, others: []elsewhere{{absent: broken}}}
	require.Equal(t, "local here/client", machineOf(t, e, "here"))
	steps, err := e.Down(t.Context(), "here")
	require.NoError(t, err)
	require.Len(t, steps, 1)
	_, err = e.Down(t.Context(), "there")
	require.ErrorIs(t, err, broken)
	_, err = e.Machine(t.Context(), "there", "client")
	require.ErrorIs(t, err, broken)
	steps, err = e.Garbage(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int{3, 4}, []int{steps[0].Stage, steps[1].Stage}, "what is here goes first")
	require.ErrorIs(t, steps[1].Do(t.Context()), broken)
	e.Backend = fakeBackend{name: "local"}
	_, err = e.Labs(t.Context())
	require.ErrorIs(t, err, broken)

	e.others = nil // Not installed: there is nothing to pass over.
	labs, err := e.Labs(t.Context())
	require.NoError(t, err)
	require.Empty(t, labs)
}

// Who opens everywhere hears of those that do not answer.
func TestEverywhereTellsWhoOpensIt(t *testing.T) {
	for _, folder := range []string{"XDG_STATE_HOME", "XDG_RUNTIME_DIR"} {
		t.Setenv(folder, t.TempDir())
	}
	var notes []string
	b, err := (&app{}).quiet(t.Context(), func(event progress.Event) { notes = append(notes, event.Detail) }, place{})
	require.NoError(t, err)
	require.NoError(t, b.Close())
	e, is := b.(*everywhere)
	require.True(t, is)
	e.others = []elsewhere{{absent: errors.New("no answer")}}
	e.Backend = fakeBackend{name: "local", labs: []string{"here"}}
	_, err = e.Labs(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"no answer"}, notes)
}

// A hypervisor far away that does not answer matters to the labs that ran there alone.
func TestEverywhereAndFarAway(t *testing.T) {
	broken := errors.New("no answer")
	var notes []string
	e := &everywhere{Backend: fakeBackend{name: "local", labs: []string{"here"}}, others: []elsewhere{
		{absent: broken, labs: []string{"far"}}, {Backend: fakeBackend{name: "second", labs: []string{"second"}}},
	}, notes: func(event progress.Event) { notes = append(notes, event.Detail) }}
	require.Equal(t, "second second/client", machineOf(t, e, "second"))
	labs, err := e.Labs(t.Context())
	require.NoError(t, err)
	require.Len(t, labs, 2)
	require.Equal(t, []string{"no answer"}, notes)
	_, err = e.Machine(t.Context(), "far", "client")
	require.ErrorIs(t, err, broken)
	_, err = e.Down(t.Context(), "far")
	require.ErrorIs(t, err, broken)
	steps, err := e.Down(t.Context(), "never")
	require.NoError(t, err)
	require.Empty(t, steps)
}
