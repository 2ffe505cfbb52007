package fleet

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// fake is a hypervisor that keeps what it was asked for.
type fake struct {
	provision.Backend
	labs        []provision.Lab
	asked       []provision.Request
	facts       map[string]any
	accelerator string
	broken      error
	closed      bool
}

func (f *fake) Plan(_ context.Context, want provision.Request) ([]provision.Step, error) {
	f.asked = append(f.asked, want)
	var steps []provision.Step
	for _, m := range want.Machines {
		steps = append(steps, provision.Step{Stage: 4, Name: "boot " + m.Name, Action: provision.Create})
	}
	return steps, f.broken
}

func (f *fake) Down(_ context.Context, lab string) (steps []provision.Step, err error) {
	for _, l := range f.labs {
		if l.Name == lab {
			for _, m := range l.Machines {
				steps = append(steps, provision.Step{Name: "remove " + m.Name, Action: provision.Remove, Why: "it goes"})
			}
		}
	}
	return steps, f.broken
}

func (f *fake) Labs(context.Context) ([]provision.Lab, error)         { return f.labs, f.broken }
func (f *fake) Facts(context.Context, string) (map[string]any, error) { return f.facts, f.broken }
func (f *fake) State(context.Context) (map[string]any, error)         { return f.facts, f.broken }
func (f *fake) Keep(context.Context, string) error                    { return f.broken }
func (f *fake) Garbage(context.Context) ([]provision.Step, error)     { return nil, f.broken }
func (f *fake) Accelerator() string                                   { return f.accelerator }
func (f *fake) Close() error                                          { f.closed = true; return nil }
func (f *fake) Machine(_ context.Context, _, name string) (provision.Machine, error) {
	return fakeMachine{name: name, of: f}, nil
}

type fakeMachine struct {
	provision.Machine
	name string
	of   *fake
}

func (m fakeMachine) Close() error { return nil }

func machine(name, connect string, networks ...string) provision.MachineRequest {
	m := provision.MachineRequest{Machine: testbed.Machine{Name: name, Connect: connect}}
	for _, n := range networks {
		m.NICs = append(m.NICs, testbed.NIC{Network: n})
	}
	return m
}

func lab(id string, machines ...string) provision.Lab {
	l := provision.Lab{Name: "lab", ID: id, Connect: "c-" + machines[0], Networks: []string{"lan"}}
	for _, name := range machines {
		l.Machines = append(l.Machines, provision.MachineInfo{Name: name})
	}
	return l
}

var request = provision.Request{
	Lab: "lab", Networks: []testbed.Network{{Name: "lan", Bridge: "br0"}, {Name: "own"}},
	Machines: []provision.MachineRequest{machine("client", "a", "lan", "own"), machine("third", "a", "lan"), machine("server", "b", "lan")},
}

func names(machines []provision.MachineRequest) (all []string) {
	for _, m := range machines {
		all = append(all, m.Name)
	}
	return all
}

func TestPlanGivesEachWhatItMakes(t *testing.T) {
	a, b := &fake{}, &fake{}
	var crossed []string
	all := New([]Member{{"a", a}, {"b", b}}, func(_ context.Context, m provision.Machine, n testbed.Network, from, to provision.MachineRequest) error {
		crossed = append(crossed, n.Name+" "+from.Name+" "+to.Name)
		return errors.New("no answer")
	})
	steps, err := all.Plan(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, []string{"client", "third"}, names(a.asked[0].Machines))
	require.Equal(t, []string{"server"}, names(a.asked[0].Elsewhere))
	require.Len(t, a.asked[0].Networks, 2)
	require.Equal(t, []string{"server"}, names(b.asked[0].Machines))
	require.Equal(t, []testbed.Network{{Name: "lan", Bridge: "br0"}}, b.asked[0].Networks)
	require.NotEmpty(t, a.asked[0].ID)
	require.Equal(t, a.asked[0].ID, b.asked[0].ID, "one lab has one UUID")

	require.Equal(t, "on b", steps[2].Why)
	last := steps[len(steps)-1]
	require.Len(t, steps, 4)
	require.Equal(t, "check network lan from client to server", last.Name)
	require.Equal(t, 5, last.Stage)
	require.EqualError(t, last.Do(t.Context()), "no answer; br0 of a and of b have to be joined, by a NIC of each in its bridge")
	require.Equal(t, []string{"lan client server"}, crossed)
}

// What a member had of a lab that is elsewhere now goes, and the UUID stays.
func TestPlanOfALabThatMoved(t *testing.T) {
	a, b := &fake{labs: []provision.Lab{lab("id-1", "client")}}, &fake{}
	moved := request
	moved.Machines = []provision.MachineRequest{machine("client", "b", "lan")}
	steps, err := New([]Member{{"a", a}, {"b", b}}, nil).Plan(t.Context(), moved)
	require.NoError(t, err)
	require.Empty(t, a.asked)
	require.Equal(t, "id-1", b.asked[0].ID)
	require.Equal(t, []string{"remove client", "boot client"}, []string{steps[0].Name, steps[1].Name})
	require.Equal(t, "it goes, on a", steps[0].Why)
}

// Machines that stay are told of those that come and go on other members, and of no others.
func TestPlanSaysWhatChangedElsewhere(t *testing.T) {
	a, b := &fake{labs: []provision.Lab{lab("id-1", "third", "client")}}, &fake{}
	plan := func() (onA, onB bool) {
		t.Helper()
		_, err := New([]Member{{"a", a}, {"b", b}}, nil).Plan(t.Context(), request)
		require.NoError(t, err)
		return a.asked[len(a.asked)-1].ElsewhereChanged, b.asked[len(b.asked)-1].ElsewhereChanged
	}
	onA, onB := plan()
	require.True(t, onA, "the server comes")
	require.False(t, onB)

	b.labs = []provision.Lab{lab("id-1", "server"), {Name: "another", Machines: []provision.MachineInfo{{Name: "x"}}}}
	onA, onB = plan()
	require.False(t, onA)
	require.False(t, onB)

	a.labs = []provision.Lab{lab("id-1", "third", "client", "old")}
	onA, onB = plan()
	require.False(t, onA, "its own are its own to see")
	require.True(t, onB, "one goes")
}

func TestPartsOfALab(t *testing.T) {
	a, b := &fake{labs: []provision.Lab{lab("id-1", "client")}}, &fake{labs: []provision.Lab{lab("id-1", "server"), lab("id-2", "other")}}
	all := New([]Member{{"a", a}, {"b", b}}, nil)
	labs, err := all.Labs(t.Context())
	require.NoError(t, err)
	require.Len(t, labs, 2)
	require.Equal(t, "c-client, c-server", labs[0].Connect)
	require.Len(t, labs[0].Machines, 2)
	require.Equal(t, []string{"lan"}, labs[0].Networks)
	require.Len(t, a.labs[0].Machines, 1, "the parts stay as they are")

	for name, of := range map[string]*fake{"client": a, "server": b, "nobody": a} {
		m, err := all.Machine(t.Context(), "lab", name)
		require.NoError(t, err)
		require.Same(t, of, m.(fakeMachine).of, name)
	}
	steps, err := all.Down(t.Context(), "lab")
	require.NoError(t, err)
	require.Len(t, steps, 3)
	require.NoError(t, all.Close())
	require.True(t, a.closed && b.closed)
}

// A fact that hypervisors do not share is none of the whole.
func TestFacts(t *testing.T) {
	a := &fake{facts: map[string]any{"cpu_model": "old", "qemu": "10.0.2"}, accelerator: "kvm"}
	b := &fake{facts: map[string]any{"cpu_model": "new", "qemu": "10.0.2"}, accelerator: "tcg"}
	all := New([]Member{{"a", a}, {"b", b}}, nil)
	facts, err := all.Facts(t.Context(), "lab")
	require.NoError(t, err)
	require.Equal(t, map[string]any{"qemu": "10.0.2", "hypervisors": map[string]any{"a": a.facts, "b": b.facts}}, facts)
	require.Len(t, a.facts, 2)
	state, err := all.State(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": a.facts, "b": b.facts}, state)
	require.Equal(t, "tcg", all.Accelerator())
	slices.Reverse(all.members)
	require.Equal(t, "tcg", all.Accelerator())
	require.True(t, all.Boots())
}

func TestAMemberThatFails(t *testing.T) {
	broken := errors.New("no answer")
	a, b := &fake{}, &fake{}
	all := New([]Member{{"a", a}, {"b", b}}, nil)
	b.broken = broken
	_, err := all.Labs(t.Context())
	require.ErrorIs(t, err, broken)
	_, err = all.Plan(t.Context(), request)
	require.ErrorIs(t, err, broken)
	_, err = all.Down(t.Context(), "lab")
	require.EqualError(t, err, "b: no answer")
	require.ErrorIs(t, all.Keep(t.Context(), "lab"), broken)
	_, err = all.Garbage(t.Context())
	require.ErrorIs(t, err, broken)
	_, err = all.Facts(t.Context(), "lab")
	require.ErrorIs(t, err, broken)
	_, err = all.Machine(t.Context(), "lab", "server")
	require.ErrorIs(t, err, broken)
}
