package libvirt

import (
	"context"
	"fmt"
	"slices"
	"sort"

	"github.com/testbed-lab/testbed/provision"
)

// Labs lists what this owner has, running or not, by what the domains and
// networks carry.
func (b *Backend) Labs(ctx context.Context) ([]provision.Lab, error) {
	all, err := b.observe(ctx)
	if err != nil {
		return nil, err
	}
	byName := map[string]*provision.Lab{}
	lab := func(m mark) *provision.Lab {
		if byName[m.Name] == nil {
			byName[m.Name] = &provision.Lab{
				Name: m.Name, ID: m.Lab, Source: m.Source, Owner: m.Owner, Connect: b.Connect(),
				Machines: []provision.MachineInfo{}, Networks: []string{},
			}
		}
		return byName[m.Name]
	}
	for _, d := range all.domains {
		l := lab(d.mark)
		info := provision.MachineInfo{Name: d.Thing, Domain: d.domain.Name, State: stateName(d.state), Sealed: d.Sealed, ImageDigest: d.Image}
		if !d.Sealed {
			info.SSH = d.SSH + b.dialer.endpoint.there()
		}
		l.Machines = append(l.Machines, info)
		l.Networks = append(l.Networks, d.Networks...)
	}
	for _, n := range all.networks {
		l := lab(n.mark)
		l.Networks = append(l.Networks, n.Thing)
	}
	return sorted(byName), nil
}

func sorted(byName map[string]*provision.Lab) []provision.Lab {
	labs := make([]provision.Lab, 0, len(byName))
	for _, l := range byName {
		sort.Slice(l.Machines, func(i, k int) bool { return l.Machines[i].Name < l.Machines[k].Name })
		slices.Sort(l.Networks)
		l.Networks = slices.Compact(l.Networks)
		labs = append(labs, *l)
	}
	sort.Slice(labs, func(i, k int) bool { return labs[i].Name < labs[k].Name })
	return labs
}

// Down takes the lab's lock, as Plan does. Nothing to remove gives no steps.
func (b *Backend) Down(ctx context.Context, lab string) ([]provision.Step, error) {
	if err := b.hold(ctx, lab); err != nil {
		return nil, err
	}
	steps, err := b.down(ctx, lab)
	if err != nil || len(steps) == 0 {
		b.letGo(lab)
	}
	return steps, err
}

func (b *Backend) down(ctx context.Context, lab string) ([]provision.Step, error) {
	kept, err := b.state.load(lab)
	if err != nil {
		kept = keptState{} // A broken file must not keep machines alive.
	}
	all, err := b.observe(ctx)
	if err != nil {
		return nil, err
	}
	steps := b.removeAll(all.of(lab, kept.ID), "")
	if exists(b.state.lab(lab)) {
		steps = append(steps, provision.Step{Stage: 3, Name: "forget " + lab, Action: provision.Remove,
			Do: func(context.Context) error { return b.state.remove(lab) }})
	}
	return provision.Finally(steps, func(context.Context) error {
		b.letGo(lab)
		b.state.prune()
		return nil
	}), nil
}

// removeAll removes in the order in which things lean on each other.
func (b *Backend) removeAll(part seen, why string) []provision.Step {
	var steps []provision.Step
	for _, d := range part.domains {
		steps = append(steps, b.removeMachineStep(0, d, why))
	}
	for _, n := range part.networks {
		steps = append(steps, b.removeNetworkStep(1, n, why))
	}
	for _, p := range part.pools {
		steps = append(steps, provision.Step{Stage: 2, Name: "remove storage " + shortID(p.lab), Action: provision.Remove, Why: why,
			Do: func(ctx context.Context) error { return b.removePool(ctx, p) }})
	}
	return steps
}

func shortID(id string) string { return fmt.Sprintf("%.8s", id) }
