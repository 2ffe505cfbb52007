package run

import (
	"context"
	"errors"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// Borrow boots the machines of a lab's first cell, lends the first of them for
// something that is no test, and takes the lab down, whatever happened and also
// after an interrupt. Like those of Run, the machines go with this process.
func (c *Conductor) Borrow(ctx context.Context, lab *Lab, use func(context.Context, provision.Machine) error) error {
	if len(lab.Cells) == 0 || len(lab.Cells[0].Machines) == 0 {
		return errors.New("borrow a machine: the lab has none")
	}
	o := c.newOutcome(ctx)
	failure := c.lend(ctx, lab, lab.Cells[0], o, use)
	if o.changed {
		failure = errors.Join(failure, Down(context.WithoutCancel(ctx), c.Backend, c.Progress, lab.Name))
	}
	return failure
}

func (c *Conductor) lend(ctx context.Context, lab *Lab, cell testbed.Cell, o *Outcome, use func(context.Context, provision.Machine) error) error {
	if err := c.boot(ctx, lab, cell, nil, 0, o); err != nil {
		return err
	}
	m, err := c.Backend.Machine(ctx, lab.Name, cell.Machines[0].Name)
	if err != nil {
		return err
	}
	defer m.Close()
	return use(ctx, m)
}
