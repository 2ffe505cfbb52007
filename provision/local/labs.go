package local

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/testbed-lab/testbed/provision"
)

// Labs lists what there is of this owner, by what the labs' folders say.
func (b *Backend) Labs(context.Context) ([]provision.Lab, error) {
	names, err := b.folder.labs()
	if err != nil {
		return nil, err
	}
	labs := []provision.Lab{}
	for _, name := range names {
		s, err := b.folder.observe(name)
		if err != nil {
			return nil, err
		}
		if s.mark.ID != "" {
			labs = append(labs, s.lab())
		}
	}
	return labs, nil
}

func (s seenLab) lab() provision.Lab {
	l := provision.Lab{
		Name: s.mark.Name, ID: s.mark.ID, Source: s.mark.Source, Owner: s.mark.Owner, Connect: "local",
		Machines: []provision.MachineInfo{}, Networks: []string{},
	}
	for _, name := range slices.Sorted(maps.Keys(s.machines)) {
		l.Machines = append(l.Machines, provision.MachineInfo{
			Name: name, Domain: s.folder.machine(name), State: s.machines[name].state(), SSH: "-", ImageDigest: "this kernel",
		})
	}
	l.Networks = append(l.Networks, slices.Sorted(maps.Keys(s.networks))...)
	return l
}

// Down takes the lab's lock, as Plan does. Nothing to remove gives no steps.
func (b *Backend) Down(ctx context.Context, lab string) ([]provision.Step, error) {
	s, err := b.known(lab)
	if err != nil || !s.there {
		return nil, err
	}
	if err := b.hold(ctx, lab); err != nil {
		return nil, err
	}
	if s, err = b.known(lab); err != nil || !s.there {
		b.letGo(lab)
		return nil, err
	}
	return provision.Finally(s.removal(lab), func(context.Context) error {
		b.letGo(lab)
		return nil
	}), nil
}

// known looks at a lab by a name that a person may have given.
func (b *Backend) known(lab string) (seenLab, error) {
	if !labName.MatchString(lab) {
		return seenLab{}, nil
	}
	return b.folder.observe(lab)
}

// removal ends what runs on each machine, and then takes the lab away as a whole.
func (s seenLab) removal(lab string) (steps []provision.Step) {
	for _, name := range slices.Sorted(maps.Keys(s.machines)) {
		steps = append(steps, removeMachineStep(s.folder, 0, name, ""))
	}
	return append(steps, provision.Step{Stage: 1, Name: "forget " + lab, Action: provision.Remove,
		Do: func(context.Context) error { return takeAway(s.folder) }})
}

// Machine finds a machine that runs.
func (b *Backend) Machine(_ context.Context, lab, name string) (provision.Machine, error) {
	s, err := b.known(lab)
	if err != nil {
		return nil, err
	}
	m, there := s.machines[name]
	switch {
	case s.mark.ID == "":
		return nil, fmt.Errorf("connect to %q: lab %q does not run on the local backend; testbed ls shows what does", name, lab)
	case !there:
		return nil, fmt.Errorf("connect to %q: lab %q has no such machine", name, lab)
	case !m.whole:
		return nil, fmt.Errorf("connect to %q of lab %q: it is %s; testbed up makes it anew", name, lab, m.state())
	}
	return &machine{name: name, lab: s.folder, cpus: m.CPUs}, nil
}
