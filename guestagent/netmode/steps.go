package netmode

import (
	"context"
	"errors"
	"fmt"
)

// step is one thing done to a machine. A nil undo says that the thing goes with
// something made by an earlier step, such as an address with its link.
type step struct {
	name string
	do   func() error
	undo func() error
}

// transaction remembers what was done, to undo it in reverse.
type transaction struct {
	before func(step string) error
	done   []step
}

// run does the steps in order. When one fails, or the context ends, all that
// were done are undone before run returns.
func (t *transaction) run(ctx context.Context, steps []step) error {
	for _, s := range steps {
		if err := t.do(ctx, s); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", s.name, err), t.rollBack())
		}
	}
	return nil
}

func (t *transaction) do(ctx context.Context, s step) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if t.before != nil {
		if err := t.before(s.name); err != nil {
			return err
		}
	}
	if err := s.do(); err != nil {
		return err
	}
	if s.undo != nil {
		t.done = append(t.done, s)
	}
	return nil
}

// attempts at an undo before the next is tried: those before it may depend on
// it, so what is merely busy is worth a second try first.
const attempts = 2

// rollBack undoes what was done, last first. A step that cannot be undone does
// not keep the others from it, and stays listed for another call.
func (t *transaction) rollBack() error {
	var left []step
	var errs []error
	for i := len(t.done) - 1; i >= 0; i-- {
		var err error
		for range attempts {
			if err = t.undo(t.done[i]); err == nil {
				break
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("undo %s: %w", t.done[i].name, err))
			left = append([]step{t.done[i]}, left...)
		}
	}
	t.done = left
	return errors.Join(errs...)
}

func (t *transaction) undo(s step) error {
	if t.before != nil {
		if err := t.before("undo " + s.name); err != nil {
			return err
		}
	}
	return s.undo()
}
