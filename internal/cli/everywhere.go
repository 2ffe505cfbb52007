package cli

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/provision/fleet"
	"github.com/testbed-lab/testbed/provision/libvirt"
)

// everywhere is all backends as one, for verbs that look for what runs. The one
// it embeds is local, which is always there to ask: that is reading a folder.
type everywhere struct {
	provision.Backend
	others []elsewhere
	notes  progress.Sink // For those that do not answer.
}

// elsewhere is a libvirt, here or on another computer.
type elsewhere struct {
	provision.Backend          // Nil where it does not answer.
	absent            error    // Why it does not.
	labs              []string // That are there, as far as is known. Optional: any may be.
}

// everywhere opens all backends. A libvirt that was asked for by name has to
// answer, and is then the only one; one that is not installed has no machines.
// Another computer's is asked where this one remembers a lab that is there. Notes are of
// those that do not answer.
func (a *app) everywhere(ctx context.Context, notes progress.Sink, at place) (provision.Backend, error) {
	here, err := a.backend(ctx, nil, place{backend: "local"})
	if err != nil {
		return nil, err
	}
	e := &everywhere{Backend: here, notes: notes}
	at.backend = "libvirt"
	if a.connect != "" || len(at.connects) > 0 {
		b, err := a.backend(ctx, nil, at)
		if err != nil {
			_ = here.Close()
			return nil, err
		}
		e.others = []elsewhere{{Backend: b}}
		return e, nil
	}
	if libvirtInstalled() {
		e.add(elsewhere{}, func() (provision.Backend, error) { return a.backend(ctx, nil, at) }, "ask libvirt")
	}
	far, err := libvirt.Remember("", provision.Owner())
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	for _, r := range far {
		at.connects = []string{r.Connect}
		e.add(elsewhere{labs: r.Labs}, func() (provision.Backend, error) { return a.backend(ctx, nil, at) },
			fmt.Sprintf("ask %s, where %s ran (where it is gone for good, remove %s)", r.Connect, strings.Join(r.Labs, ", "), r.Folder))
	}
	return e, nil
}

// add opens one, or keeps why it does not answer.
func (e *everywhere) add(o elsewhere, open func() (provision.Backend, error), what string) {
	b, err := open()
	if err != nil {
		o.absent = fmt.Errorf("%s: %w", what, err)
	} else {
		o.Backend = b
	}
	e.others = append(e.others, o)
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

// Labs of all. Where one does not answer, what runs elsewhere is all that can be told,
// if anything does.
func (e *everywhere) Labs(ctx context.Context) ([]provision.Lab, error) {
	labs, err := e.Backend.Labs(ctx)
	if err != nil {
		return nil, err
	}
	var absent []error
	for _, o := range e.others {
		if o.Backend == nil {
			absent = append(absent, o.absent)
			continue
		}
		more, err := o.Labs(ctx)
		if err != nil {
			return nil, err
		}
		labs = append(labs, more...)
	}
	if len(labs) == 0 {
		return nil, errors.Join(absent...)
	}
	for _, err := range absent {
		e.notes.Note(err.Error())
	}
	return fleet.Join(labs), nil
}

func (e *everywhere) Machine(ctx context.Context, lab, machine string) (provision.Machine, error) {
	at, err := e.where(ctx, lab, machine)
	if err != nil {
		return nil, err
	}
	return at.Machine(ctx, lab, machine)
}

// where finds what has a lab's machine, or else the lab; where it runs nowhere, what
// can say so best.
func (e *everywhere) where(ctx context.Context, lab, machine string) (provision.Backend, error) {
	all := append([]provision.Backend{e.Backend}, e.answering()...)
	var whole provision.Backend
	for _, b := range all {
		labs, err := b.Labs(ctx)
		if err != nil {
			return nil, err
		}
		if fleet.Has(labs, lab, machine) {
			return b, nil
		}
		if slices.ContainsFunc(labs, func(l provision.Lab) bool { return l.Name == lab }) {
			whole = b
		}
	}
	if whole != nil {
		return whole, nil
	}
	return all[min(1, len(all)-1)], e.missing(lab)
}

func (e *everywhere) answering() (all []provision.Backend) {
	for _, o := range e.others {
		if o.Backend != nil {
			all = append(all, o.Backend)
		}
	}
	return all
}

// missing is why nobody can say where a lab is that was not found.
func (e *everywhere) missing(lab string) error {
	for _, o := range e.others {
		if o.absent != nil && (o.labs == nil || slices.Contains(o.labs, lab)) {
			return o.absent
		}
	}
	return nil
}

// Down of a lab that is one, in however many places.
func (e *everywhere) Down(ctx context.Context, lab string) ([]provision.Step, error) {
	if err := e.one(ctx, lab); err != nil {
		return nil, err
	}
	steps, err := e.Backend.Down(ctx, lab)
	if err != nil {
		return nil, err
	}
	for _, b := range e.answering() {
		more, err := b.Down(ctx, lab)
		if err != nil {
			return nil, err
		}
		steps = append(steps, more...)
	}
	if len(steps) == 0 {
		return nil, e.missing(lab)
	}
	return steps, nil
}

// one says whether several labs have that name. Parts of one, on several hypervisors,
// have one UUID.
func (e *everywhere) one(ctx context.Context, name string) error {
	found := ""
	for _, b := range append([]provision.Backend{e.Backend}, e.answering()...) {
		labs, err := b.Labs(ctx)
		if err != nil {
			return err
		}
		for _, l := range labs {
			if l.Name != name {
				continue
			}
			if found != "" && found != l.ID {
				return usageError{fmt.Errorf("lab %q runs on two backends", name), "say which: --backend local, --backend libvirt or --connect URI"}
			}
			found = l.ID
		}
	}
	return nil
}

// Garbage of all. Where one does not answer, the last step says so, after the others.
func (e *everywhere) Garbage(ctx context.Context) ([]provision.Step, error) {
	steps, err := e.Backend.Garbage(ctx)
	if err != nil {
		return nil, err
	}
	for _, b := range e.answering() {
		more, err := b.Garbage(ctx)
		if err != nil {
			return nil, err
		}
		steps = append(steps, more...)
	}
	last := 0
	for _, s := range steps {
		last = max(last, s.Stage+1)
	}
	for _, o := range e.others {
		if o.absent != nil {
			steps = append(steps, provision.Step{Stage: last, Name: "ask libvirt", Action: provision.Check,
				Do: func(context.Context) error { return o.absent }})
		}
	}
	return steps, nil
}

func (e *everywhere) Close() error {
	err := e.Backend.Close()
	for _, b := range e.answering() {
		err = errors.Join(err, b.Close())
	}
	return err
}
