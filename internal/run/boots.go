package run

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// cell brings a cell's machines up and measures on them, once a boot. The last
// boot's machines stay.
func (c *Conductor) cell(ctx context.Context, lab *Lab, cell testbed.Cell, keep keeper, o *Outcome) error {
	trials := trialsOf(lab, cell, o)
	var failures []error
	for boot := 0; boot == 0 || wanted(trials, boot); boot++ {
		err := c.boot(ctx, lab, cell, keep, boot, o)
		if err == nil {
			err = c.measureCell(ctx, lab, cell, trials, boot, o)
		}
		failures = append(failures, err)
		if ctx.Err() != nil || (err != nil && !onlyEnded(err)) {
			break
		}
	}
	return errors.Join(failures...)
}

func trialsOf(lab *Lab, cell testbed.Cell, o *Outcome) []*trial {
	trials := make([]*trial, len(cell.Tests))
	for i, test := range cell.Tests {
		trials[i] = newTrial(&lab.Lab, cell, test, o.scratch)
	}
	return trials
}

func wanted(trials []*trial, boot int) bool {
	return slices.ContainsFunc(trials, func(t *trial) bool { return t.wants(boot) })
}

// boot brings the machines up. After the first time they are removed before: a
// machine that runs would be kept, and nothing of a boot may reach the next.
// Where machines do not boot, they are made anew all the same.
func (c *Conductor) boot(ctx context.Context, lab *Lab, cell testbed.Cell, keep keeper, boot int, o *Outcome) error {
	if boot > 0 {
		err := o.timings.time("down", func() error { return Down(ctx, c.Backend, c.Progress, lab.Name) })
		if err != nil {
			return fmt.Errorf("boot %d: %w", boot+1, err)
		}
	}
	steps, err := c.prepareTimed(ctx, lab, cell, boot, o)
	if err != nil {
		return err
	}
	o.changed = true
	if err := perform(ctx, c.Progress, o.timings, steps); err != nil {
		return err
	}
	if keep == nil {
		return nil
	}
	if err := keep(ctx, lab.Name); err != nil {
		return fmt.Errorf("keep the machines: %w", err)
	}
	return nil
}

func (c *Conductor) prepareTimed(ctx context.Context, lab *Lab, cell testbed.Cell, boot int, o *Outcome) (steps []provision.Step, err error) {
	err = o.timings.time("images", func() (err error) {
		steps, err = c.prepare(ctx, lab, cell, boot)
		return err
	})
	return steps, err
}

func (c *Conductor) measureCell(ctx context.Context, lab *Lab, cell testbed.Cell, trials []*trial, boot int, o *Outcome) error {
	machines, err := c.connect(ctx, lab.Name, cell)
	if err != nil {
		return err
	}
	defer machines.disconnect()
	err = c.measureOn(ctx, cell, trials, boot, machines, o)
	complaints := o.keepConsoles(ctx, cell, boot, machines)
	if err != nil && ctx.Err() == nil && complaints != "" {
		err = fmt.Errorf("%w%s", err, complaints)
	}
	return err
}

// measureOn runs the tests that want this boot. One that ends because a mode
// failed too often does not end the others; any other failure does, since it is
// of the machines.
func (c *Conductor) measureOn(ctx context.Context, cell testbed.Cell, trials []*trial, boot int, machines stations, o *Outcome) error {
	err := o.timings.time("push", func() error {
		return perform(ctx, c.Progress, nil, machines.pushSteps(c.Agent))
	})
	if err != nil {
		return err
	}
	return o.timings.time("measure", func() error {
		var failures []error
		for _, t := range trials {
			if boot > 0 && !t.wants(boot) {
				continue
			}
			seen, err := t.measure(ctx, c.Progress, boot, machines)
			o.add(cell, seen)
			if err != nil {
				failures = append(failures, fmt.Errorf("test %q: %w", t.test.Name, err))
			}
			if t.ended = onlyEnded(err); err != nil && !t.ended {
				break
			}
		}
		return errors.Join(failures...)
	})
}
