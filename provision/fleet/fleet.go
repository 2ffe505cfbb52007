// Package fleet is several hypervisors as one backend: each makes the machines of a lab
// that name it, on networks that a bridge on each of them joins. It knows which machine
// is where, and nothing of how one is made.
//
// Invariant: all parts of a lab carry its one UUID, on whichever hypervisor they are.
package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/google/uuid"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// Member is one hypervisor.
type Member struct {
	Connect string // As machines name it.
	provision.Backend
}

// Backend is all of them.
type Backend struct {
	members []Member
	cross   func(ctx context.Context, from provision.Machine, n testbed.Network, a, b provision.MachineRequest) error
}

var _ provision.Backend = (*Backend)(nil)

// New joins hypervisors. cross sends between two machines of a network, or says why
// nothing comes back. Closing the whole closes them.
func New(members []Member, cross func(ctx context.Context, from provision.Machine, n testbed.Network, a, b provision.MachineRequest) error) *Backend {
	return &Backend{members: members, cross: cross}
}

// Plan is the members' plans side by side, and a look whether their machines reach each
// other. A member that has none of a lab's machines may have had some.
func (b *Backend) Plan(ctx context.Context, want provision.Request) ([]provision.Step, error) {
	id, changed, err := b.there(ctx, want)
	if err != nil {
		return nil, err
	}
	want.ID = id
	var steps []provision.Step
	for i, m := range b.members {
		var more []provision.Step
		if part := of(want, m.Connect); len(part.Machines) > 0 {
			part.ElsewhereChanged = slices.Contains(slices.Delete(slices.Clone(changed), i, i+1), true)
			more, err = m.Plan(ctx, part)
		} else {
			more, err = m.Down(ctx, want.Lab)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Connect, err)
		}
		for _, s := range more {
			s.Why = told(m, s.Why)
			steps = append(steps, s)
		}
	}
	return append(steps, b.checks(want, steps)...), nil
}

// there looks at what there is of a lab: the UUID that any part has, or a new one, and of
// each member whether its machines are others than those that are wanted of it.
func (b *Backend) there(ctx context.Context, want provision.Request) (id string, changed []bool, err error) {
	for _, m := range b.members {
		labs, err := m.Labs(ctx)
		if err != nil {
			return "", nil, err
		}
		var has, wanted []string
		for _, l := range labs {
			if l.Name != want.Lab {
				continue
			}
			id = cmp.Or(id, l.ID)
			for _, one := range l.Machines {
				has = append(has, one.Name)
			}
		}
		for _, one := range of(want, m.Connect).Machines {
			wanted = append(wanted, one.Name)
		}
		slices.Sort(has)
		slices.Sort(wanted)
		changed = append(changed, !slices.Equal(has, wanted))
	}
	return cmp.Or(id, uuid.NewString()), changed, nil
}

// of is the part of a request that one member makes.
func of(want provision.Request, connect string) provision.Request {
	all, networks := want.Machines, want.Networks
	want.Machines, want.Networks = nil, nil
	for _, m := range all {
		if m.Connect == connect {
			want.Machines = append(want.Machines, m)
		} else {
			want.Elsewhere = append(want.Elsewhere, m)
		}
	}
	for _, n := range networks {
		if slices.ContainsFunc(want.Machines, func(m provision.MachineRequest) bool { _, on := m.NIC(n.Name); return on }) {
			want.Networks = append(want.Networks, n)
		}
	}
	return want
}

// checks are of machines of one network that different members have.
func (b *Backend) checks(want provision.Request, steps []provision.Step) (checks []provision.Step) {
	stage := 0
	for _, s := range steps {
		stage = max(stage, s.Stage+1)
	}
	for _, n := range want.Networks {
		var first *provision.MachineRequest
		for i := range want.Machines {
			m := want.Machines[i]
			if _, on := m.NIC(n.Name); !on {
				continue
			}
			if first == nil {
				first = &m
				continue
			}
			if m.Connect == first.Connect {
				continue
			}
			checks = append(checks, provision.Step{Stage: stage, Name: fmt.Sprintf("check network %s from %s to %s", n.Name, first.Name, m.Name),
				Action: provision.Check, Do: func(ctx context.Context) error { return b.check(ctx, want.Lab, n, *first, m) }})
		}
	}
	return checks
}

func (b *Backend) check(ctx context.Context, lab string, n testbed.Network, from, to provision.MachineRequest) error {
	m, err := b.Machine(ctx, lab, from.Name)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := b.cross(ctx, m, n, from, to); err != nil {
		return fmt.Errorf("%w; %s of %s and of %s have to be joined, by a NIC of each in its bridge", err, n.Bridge, from.Connect, to.Connect)
	}
	return nil
}

// Labs joins the parts of a lab.
func (b *Backend) Labs(ctx context.Context) (labs []provision.Lab, err error) {
	for _, m := range b.members {
		part, err := m.Labs(ctx)
		if err != nil {
			return nil, err
		}
		labs = append(labs, part...)
	}
	return Join(labs), nil
}

// Join makes one of the parts of a lab that have its UUID.
func Join(parts []provision.Lab) (labs []provision.Lab) {
	for _, p := range parts {
		i := slices.IndexFunc(labs, func(l provision.Lab) bool { return l.ID == p.ID })
		if i < 0 {
			labs = append(labs, p)
			continue
		}
		l := &labs[i]
		l.Connect += ", " + p.Connect
		l.Machines = append(slices.Clone(l.Machines), p.Machines...)
		l.Networks = slices.Compact(slices.Sorted(slices.Values(slices.Concat(l.Networks, p.Networks))))
	}
	return labs
}

// Machine asks the member that has it; where none has, the first says so.
func (b *Backend) Machine(ctx context.Context, lab, machine string) (provision.Machine, error) {
	for _, m := range b.members {
		labs, err := m.Labs(ctx)
		if err != nil {
			return nil, err
		}
		if Has(labs, lab, machine) {
			return m.Machine(ctx, lab, machine)
		}
	}
	return b.members[0].Machine(ctx, lab, machine)
}

// Has says whether a machine of a lab is among those that run.
func Has(labs []provision.Lab, lab, machine string) bool {
	return slices.ContainsFunc(labs, func(l provision.Lab) bool {
		return l.Name == lab && slices.ContainsFunc(l.Machines, func(m provision.MachineInfo) bool { return m.Name == machine })
	})
}

// told says which hypervisor a step is of.
func told(m Member, why string) string {
	if why == "" {
		return "on " + m.Connect
	}
	return why + ", on " + m.Connect
}

// Down is of all parts.
func (b *Backend) Down(ctx context.Context, lab string) (steps []provision.Step, err error) {
	for _, m := range b.members {
		more, err := m.Down(ctx, lab)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Connect, err)
		}
		steps = append(steps, more...)
	}
	return steps, nil
}

// Keep is of all parts, whatever becomes of one.
func (b *Backend) Keep(ctx context.Context, lab string) error {
	var failures []error
	for _, m := range b.members {
		failures = append(failures, m.Keep(ctx, lab))
	}
	return errors.Join(failures...)
}

// Garbage is of all.
func (b *Backend) Garbage(ctx context.Context) (steps []provision.Step, err error) {
	for _, m := range b.members {
		more, err := m.Garbage(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Connect, err)
		}
		steps = append(steps, more...)
	}
	return steps, nil
}

// Facts are those that all hypervisors have alike, and each one's under its URI.
func (b *Backend) Facts(ctx context.Context, lab string) (map[string]any, error) {
	each := map[string]any{}
	var shared map[string]any
	for _, m := range b.members {
		facts, err := m.Facts(ctx, lab)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Connect, err)
		}
		each[m.Connect] = facts
		if shared == nil {
			shared = maps.Clone(facts)
			continue
		}
		maps.DeleteFunc(shared, func(name string, value any) bool { return !reflect.DeepEqual(facts[name], value) })
	}
	shared["hypervisors"] = each
	return shared, nil
}

// State is each hypervisor's, under its URI.
func (b *Backend) State(ctx context.Context) (map[string]any, error) {
	each := map[string]any{}
	for _, m := range b.members {
		state, err := m.State(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Connect, err)
		}
		each[m.Connect] = state
	}
	return each, nil
}

// Accelerator is "tcg" where that of any member is: its machines are the slowest.
func (b *Backend) Accelerator() string {
	all := ""
	for _, m := range b.members {
		if one := m.Backend.Accelerator(); all == "" || one == "tcg" {
			all = cmp.Or(one, all)
		}
	}
	return all
}

// Boots is true, as of each.
func (b *Backend) Boots() bool { return true }

// Close closes all.
func (b *Backend) Close() error {
	var failures []error
	for _, m := range b.members {
		failures = append(failures, m.Close())
	}
	return errors.Join(failures...)
}
