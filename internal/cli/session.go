package cli

import (
	"context"
	"strings"

	"github.com/testbed-lab/testbed/images"
	"github.com/testbed-lab/testbed/internal/payload"
	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/internal/terminal"
	"github.com/testbed-lab/testbed/provision"
)

// session is what a verb that works on machines holds open.
type session struct {
	display   *terminal.Display
	backend   provision.Backend
	conductor *run.Conductor
	lockPath  string // Empty where no image is booted.
}

func (s *session) close() {
	s.display.Close()
	_ = s.backend.Close()
}

// open connects to the lab's backend, and to its images where machines boot any.
func (a *app) open(ctx context.Context, lab *run.Lab) (*session, error) {
	agent, err := payload.Agent()
	if err != nil {
		return nil, err
	}
	display, at := a.display(), placeOf(lab)
	backend, err := a.backend(ctx, display.Sink(), at)
	if err != nil {
		display.Close()
		return nil, err
	}
	s := &session{display: display, backend: backend, conductor: &run.Conductor{
		Backend: backend, Agent: agent,
		Owner: provision.Owner(), Version: toolVersion(), Node: a.nodeOf(at), Progress: display.Sink(),
	}}
	if !backend.Boots() {
		return s, nil
	}
	s.lockPath = images.LockPath(lab.Source)
	s.conductor.Images, s.conductor.Lock, err = a.imageStore(display.Sink(), lab.Mirror, lab.Source, false)
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// withBackend is for verbs that make no machine, so notes on how machines are
// made are of no use to them. An empty place is everywhere.
func (a *app) withBackend(ctx context.Context, at place, do func(provision.Backend, *terminal.Display) error) error {
	display := a.display()
	defer display.Close()
	if at.backend == "" {
		at.backend = a.where
	}
	backend, err := a.quiet(ctx, display.Sink(), at)
	if err != nil {
		return err
	}
	defer backend.Close()
	return do(backend, display)
}

// quiet opens a backend that notes nothing but, where it is everywhere, who does not
// answer.
func (a *app) quiet(ctx context.Context, notes progress.Sink, at place) (provision.Backend, error) {
	if at.backend == "" {
		return a.everywhere(ctx, notes, at)
	}
	return a.backend(ctx, nil, at)
}

func (a *app) imageStore(sink progress.Sink, mirror, labPath string, update bool) (*images.Store, *images.Lock, error) {
	guestInit, err := payload.Init()
	if err != nil {
		return nil, nil, err
	}
	store, err := images.Open(images.Options{Mirror: mirror, Init: guestInit, Update: update, Progress: sink})
	if err != nil {
		return nil, nil, err
	}
	if labPath == "" {
		return store, nil, nil
	}
	lock, err := images.ReadLock(images.LockPath(labPath))
	return store, lock, err
}

func machineNames(l provision.Lab) string {
	names := make([]string, len(l.Machines))
	for i, m := range l.Machines {
		names[i] = l.Name + "/" + m.Name
	}
	return strings.Join(names, ", ")
}

func firstMachine(l provision.Lab) string {
	if len(l.Machines) == 0 {
		return l.Name
	}
	return l.Machines[0].Name
}
