package local

import (
	"context"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/provision/hold"
)

// Garbage finds labs of this owner whose process is gone, what was never
// finished in labs that were kept, and locks that nobody holds. A lab that a
// process works on now is left alone.
func (b *Backend) Garbage(context.Context) ([]provision.Step, error) {
	names, err := b.folder.labs()
	if err != nil || b.barred != nil { // Another's folder, or none.
		return nil, err
	}
	var steps []provision.Step
	for _, name := range names {
		err := b.idle(name, func(s seenLab) error {
			steps = append(steps, b.garbageOf(name, s)...)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return steps, nil
}

// idle looks at a lab while no process changes it, and does not where one does.
func (b *Backend) idle(lab string, look func(seenLab) error) error {
	lock, _, err := hold.Try(b.folder.lockPath(lab), lab)
	if err != nil || lock == nil {
		return err
	}
	defer b.folder.prune()
	defer lock.Release()
	s, err := b.folder.observe(lab)
	if err != nil || !s.there {
		return err
	}
	return look(s)
}

// garbageOf gives steps that look once more before they remove anything: the
// lab may have been brought up meanwhile.
func (b *Backend) garbageOf(lab string, s seenLab) (steps []provision.Step) {
	remove := func(what, why string, again func(seenLab) error) {
		steps = append(steps, provision.Step{Name: "remove " + what, Action: provision.Remove, Why: why,
			Do: func(context.Context) error { return b.idle(lab, again) }})
	}
	if !s.alive() {
		remove("lab "+lab, "its process is gone", func(s seenLab) error {
			if s.alive() {
				return nil
			}
			return takeAway(s.folder)
		})
		return steps
	}
	for name := range s.machines {
		if s.halfMade(name) {
			remove(lab+"/"+name, "it was never finished", func(s seenLab) error {
				if !s.halfMade(name) {
					return nil
				}
				return takeMachineAway(s.folder.machine(name))
			})
		}
	}
	return steps
}

// halfMade is what a process that changed a kept lab left when it was killed.
// One that runs a lab of its own finishes it. Half a network is no thing of its
// own: its devices are its machines'.
func (s seenLab) halfMade(machine string) bool {
	m, there := s.machines[machine]
	return s.mark.Kept && there && (!m.whole || !m.Ready)
}
