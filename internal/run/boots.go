package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// visit is a cell on its way through its boots.
type visit struct {
	number int // In the lab's order, from 0.
	cell   testbed.Cell
	trials []*trial
	broken bool // By a failure that another boot would meet again.
}

// cells brings the machines of every cell up and measures on them, once a boot. Cells
// take turns, so that what drifts on this machine meets all of them alike. One that
// fails does not stop the others. The machines of the last boot stay.
func (c *Conductor) cells(ctx context.Context, lab *Lab, keep keeper, o *Outcome) error {
	visits := make([]*visit, len(lab.Cells))
	for i, cell := range lab.Cells {
		visits[i] = &visit{number: i, cell: cell, trials: trialsOf(lab, cell, o)}
	}
	var failures []error
	for boot := 0; c.another(visits, boot, o); boot++ {
		var due []*visit
		for _, i := range turn(lab, boot) {
			if v := visits[i]; !v.broken && (boot == 0 || wanted(v.trials, boot)) {
				due = append(due, v)
			}
		}
		failures = append(failures, c.together(ctx, lab, due, keep, boot, o)...)
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failures...)
}

// another says whether a turn of boots is wanted.
func (c *Conductor) another(visits []*visit, boot int, o *Outcome) bool {
	open := slices.DeleteFunc(slices.Clone(visits), func(v *visit) bool { return v.broken })
	switch {
	case boot == 0:
		return true
	case len(open) == 0:
		return false
	case c.More == nil:
		return slices.ContainsFunc(open, func(v *visit) bool { return wanted(v.trials, boot) })
	case !c.More(o, boot):
		return false
	}
	for _, v := range open {
		for _, t := range v.trials {
			t.test.Boots = max(t.test.Boots, boot+1)
		}
	}
	return true
}

// backendIcount is the backend that counts instructions.
const backendIcount = "icount"

// turn is the order in which cells boot, lest what drifts on this machine be taken for
// what differs between them: two swap places each time (ABBA), so that a drift that is
// even favours neither, and more are shuffled. Counts do not drift, and keep their order.
func turn(lab *Lab, boot int) []int {
	order := make([]int, len(lab.Cells))
	for i := range order {
		order[i] = i
	}
	switch {
	case lab.Backend == backendIcount:
	case len(order) == 2 && boot%2 == 1:
		slices.Reverse(order)
	case len(order) > 2:
		shuffled := rand.New(rand.NewPCG(uint64(lab.Seed), uint64(boot)))
		shuffled.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	return order
}

func (c *Conductor) visit(ctx context.Context, lab *Lab, v *visit, keep keeper, boot int, o *Outcome) error {
	err := placed("boot", c.boot(ctx, lab, v.cell, keep, boot, o))
	if err == nil {
		err = c.measureCell(ctx, lab, v.cell, v.trials, boot, o)
	}
	o.blame(v.cell, boot, err)
	v.broken = err != nil && !onlyEnded(err)
	return err
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
	complaints := o.keepConsoles(ctx, cell, boot, placeOf(err), machines)
	o.host = c.hostFacts(context.WithoutCancel(ctx), lab.Name, o)
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
			t.refuse = c.Refuse
			seen, err := t.measure(ctx, c.Progress, boot, machines)
			o.add(seen)
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
