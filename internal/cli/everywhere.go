package cli

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"

	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/provision"
)

// everywhere is all backends as one, for verbs that look for what runs. The one
// it embeds is local, which is always there to ask: that is reading a folder.
type everywhere struct {
	provision.Backend
	libvirt provision.Backend // Nil where there is none.
	absent  error             // Why libvirt, which is installed, did not answer.
}

// everywhere opens all backends. A libvirt that was asked for by name has to
// answer; one that is not installed has no machines.
func (a *app) everywhere(ctx context.Context, notes progress.Sink, at place) (provision.Backend, error) {
	here, err := a.backend(ctx, notes, place{backend: "local"})
	if err != nil {
		return nil, err
	}
	e := &everywhere{Backend: here}
	named := a.connect != "" || at.connect != ""
	if !named && !libvirtInstalled() {
		return e, nil
	}
	at.backend = "libvirt"
	e.libvirt, err = a.backend(ctx, notes, at)
	if err != nil && named {
		_ = here.Close()
		return nil, err
	}
	if err != nil {
		e.libvirt, e.absent = nil, fmt.Errorf("ask libvirt: %w", err)
	}
	return e, nil
}

func libvirtInstalled() bool {
	for _, daemon := range []string{"libvirtd", "virtqemud"} {
		for _, dir := range []string{"", "/usr/local/sbin/", "/usr/sbin/", "/sbin/"} {
			if _, err := exec.LookPath(dir + daemon); err == nil {
				return true
			}
		}
	}
	return false
}

// Labs of both. With a libvirt that does not answer, what runs here is all that
// can be told, if anything does.
func (e *everywhere) Labs(ctx context.Context) ([]provision.Lab, error) {
	labs, err := e.Backend.Labs(ctx)
	if err != nil {
		return nil, err
	}
	if e.libvirt == nil {
		if len(labs) == 0 {
			return nil, e.absent
		}
		return labs, nil
	}
	more, err := e.libvirt.Labs(ctx)
	return append(labs, more...), err
}

func (e *everywhere) Machine(ctx context.Context, lab, machine string) (provision.Machine, error) {
	here, err := e.has(ctx, lab)
	if err != nil {
		return nil, err
	}
	switch {
	case here || e.libvirt == nil && e.absent == nil:
		return e.Backend.Machine(ctx, lab, machine)
	case e.libvirt == nil:
		return nil, e.absent
	}
	return e.libvirt.Machine(ctx, lab, machine)
}

// has says whether a lab runs here.
func (e *everywhere) has(ctx context.Context, lab string) (bool, error) {
	labs, err := e.Backend.Labs(ctx)
	return slices.ContainsFunc(labs, func(l provision.Lab) bool { return l.Name == lab }), err
}

// Down of a lab that is in one place.
func (e *everywhere) Down(ctx context.Context, lab string) ([]provision.Step, error) {
	steps, err := e.Backend.Down(ctx, lab)
	if err != nil {
		return nil, err
	}
	if e.libvirt == nil {
		if len(steps) == 0 {
			return nil, e.absent
		}
		return steps, nil
	}
	others, err := e.libvirt.Down(ctx, lab)
	if len(steps) > 0 && len(others) > 0 {
		return nil, usageError{fmt.Errorf("lab %q runs on two backends", lab), "say which: --backend local or --backend libvirt"}
	}
	return append(steps, others...), err
}

// Garbage of both. Where libvirt does not answer, the last step says so, after
// the others.
func (e *everywhere) Garbage(ctx context.Context) ([]provision.Step, error) {
	steps, err := e.Backend.Garbage(ctx)
	if err != nil {
		return nil, err
	}
	if e.libvirt != nil {
		others, err := e.libvirt.Garbage(ctx)
		return append(steps, others...), err
	}
	if e.absent != nil {
		last := 0
		for _, s := range steps {
			last = max(last, s.Stage+1)
		}
		steps = append(steps, provision.Step{Stage: last, Name: "ask libvirt", Action: provision.Check,
			Do: func(context.Context) error { return e.absent }})
	}
	return steps, nil
}

func (e *everywhere) Close() error {
	err := e.Backend.Close()
	if e.libvirt != nil {
		err = errors.Join(err, e.libvirt.Close())
	}
	return err
}
