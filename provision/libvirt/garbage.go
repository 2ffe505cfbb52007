package libvirt

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/testbed-lab/testbed/provision"
)

// Garbage finds what is this owner's and belongs to no running lab; see the
// package's documentation for what that is. It goes by what libvirt and the
// kernel have; the state directory only adds labs that a process works on now.
func (b *Backend) Garbage(ctx context.Context) ([]provision.Step, error) {
	there, err := b.traces(ctx)
	if err != nil {
		return nil, err
	}
	all, err := b.observe(ctx)
	if err != nil {
		return nil, err
	}
	busy, idle, err := b.locked()
	if err != nil {
		return nil, err
	}
	dead, live := all.sort(busy)
	steps := b.removeAll(dead, "it belongs to no running lab")
	steps = append(steps, there.strayBridgeSteps(b, all)...)
	files, err := b.strayFileSteps(ctx, all, live, busy)
	if err != nil {
		return nil, err
	}
	steps = append(steps, files...)
	steps = append(steps, there.strayFolderSteps(b, all, busy)...)
	return append(steps, b.strayStateSteps(idle, live)...), nil
}

// census is the labs that are alive, by UUID and by name.
type census struct{ ids, names map[string]bool }

// sort tells what is garbage from what is not. A machine is judged for itself;
// a network or pool lives while a machine of its lab does, or its maker.
func (s seen) sort(busy census) (dead seen, live census) {
	live = census{ids: map[string]bool{}, names: map[string]bool{}}
	for id := range busy.ids {
		live.ids[id] = true
	}
	for name := range busy.names {
		live.names[name] = true
	}
	for _, d := range s.domains {
		if busy.names[d.Name] || d.alive() {
			live.ids[d.Lab], live.names[d.Name] = true, true
		} else {
			dead.domains = append(dead.domains, d)
		}
	}
	for _, n := range s.networks {
		if live.ids[n.Lab] || busy.names[n.Name] || n.Builder.Alive() {
			live.ids[n.Lab], live.names[n.Name] = true, true
		} else {
			dead.networks = append(dead.networks, n)
		}
	}
	for _, p := range s.pools {
		if !live.ids[p.lab] {
			dead.pools = append(dead.pools, p)
		}
	}
	return dead, live
}

// locked tells the labs in the state directory that a process works on from
// those that none does.
func (b *Backend) locked() (busy census, idle []string, err error) {
	busy = census{ids: map[string]bool{}, names: map[string]bool{}}
	names, err := b.state.names()
	if err != nil {
		return busy, nil, err
	}
	for _, name := range names {
		l, _, err := b.state.tryLock(name)
		if err != nil {
			return busy, nil, err
		}
		if l != nil {
			l.Release()
			idle = append(idle, name)
			continue
		}
		busy.names[name] = true
		if kept, err := b.state.load(name); err == nil && kept.ID != "" {
			busy.ids[kept.ID] = true
		}
	}
	b.state.prune()
	return busy, idle, nil
}

// strayStateSteps forget labs that have no machine.
func (b *Backend) strayStateSteps(idle []string, live census) []provision.Step {
	var steps []provision.Step
	for _, name := range idle {
		if live.names[name] || !exists(b.state.lab(name)) {
			continue
		}
		steps = append(steps, provision.Step{Stage: 3, Name: "forget " + name, Action: provision.Remove,
			Why: "it has no machine", Do: func(context.Context) error { return b.state.remove(name) }})
	}
	return steps
}

// strayFileSteps find files in the pool of a running lab that none of its
// machines boots: an upload that was cut short. A lab that a process works on
// may have files that no machine boots yet.
func (b *Backend) strayFileSteps(ctx context.Context, all seen, live, busy census) ([]provision.Step, error) {
	var steps []provision.Step
	for _, p := range all.pools {
		if !live.ids[p.lab] || busy.ids[p.lab] {
			continue
		}
		used := all.files(p.lab)
		names, err := b.volumes(ctx, p)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if used(name) {
				continue
			}
			steps = append(steps, provision.Step{Stage: 2, Name: "delete file " + name, Action: provision.Remove, Why: "no machine uses it",
				Do: func(ctx context.Context) error {
					return b.deleteVolumes(ctx, p.lab, name, func(n string) bool { return n == name })
				}})
		}
	}
	return steps, nil
}

// files says which files of a lab's pool its machines use; logs by their
// beginning, as virtlogd numbers the older ones.
func (s seen) files(id string) func(name string) bool {
	exact, logs := map[string]bool{}, []string{}
	for _, d := range s.domains {
		if d.Lab == id {
			for _, path := range d.paths() {
				exact[filepath.Base(path)] = true
			}
			logs = append(logs, filepath.Base(d.Log), outputName(d.Thing), d.Thing+"."+pluginKind, d.Thing+"."+countsKind)
		}
	}
	return func(name string) bool {
		if exact[name] {
			return true
		}
		for _, log := range logs {
			if strings.HasPrefix(name, log) {
				return true
			}
		}
		return false
	}
}
