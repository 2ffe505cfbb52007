package local

import (
	"context"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/provision/hold"
)

// Garbage finds labs of this owner whose process is gone, what was never
// finished in labs that live, and locks that nobody holds. A lab that a process
// works on now is left alone.
func (b *Backend) Garbage(context.Context) ([]provision.Step, error) {
	names, err := b.folder.labs()
	if err != nil || b.barred != nil { // Another's folder, or none.
		return nil, err
	}
	var steps []provision.Step
	for _, name := range names {
		found, err := b.garbageOf(name)
		if err != nil {
			return nil, err
		}
		steps = append(steps, found...)
	}
	b.folder.prune()
	return steps, nil
}

func (b *Backend) garbageOf(lab string) ([]provision.Step, error) {
	lock, _, err := hold.Try(b.folder.lockPath(lab), lab)
	if err != nil || lock == nil {
		return nil, err
	}
	defer lock.Release()
	s, err := b.folder.observe(lab)
	if err != nil || !s.there {
		return nil, err
	}
	if !s.alive() {
		return b.removeLab(lab, s, "its process is gone"), nil
	}
	return s.unfinished(), nil
}

// unfinished is what a process that changed a kept lab left when it was killed.
// One that runs a lab of its own finishes it.
func (s seenLab) unfinished() (steps []provision.Step) {
	if !s.mark.Kept {
		return nil
	}
	for name, m := range s.machines {
		if !m.whole || !m.Ready {
			steps = append(steps, removeMachineStep(s.folder, 0, name, "it was never finished"))
		}
	}
	for name, n := range s.networks {
		if n.Digest == "" {
			steps = append(steps, removeNetworkStep(s.folder, 1, name, "it was never finished"))
		}
	}
	return steps
}
