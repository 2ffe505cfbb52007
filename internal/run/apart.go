package run

import (
	"context"
	"errors"
	"fmt"

	"github.com/testbed-lab/testbed/testbed"
)

// RunCell is Run of one cell, counted from 1, on a host that goes by a name. Its machines
// are of a lab called after the cell, so that several cells may run beside each other on
// one host, or share a home. The outcome is nil where nothing was measured; where holds
// what is known of the host all the same.
func (c *Conductor) RunCell(ctx context.Context, lab *Lab, number int, node string) (o *Outcome, where testbed.CellEnvironment, err error) {
	cell := lab.Cells[number-1]
	alone := *lab
	alone.Name = fmt.Sprintf("%s-cell-%d", lab.Name, number)
	alone.Cells = []testbed.Cell{cell}
	alone.Predicates = lab.Predicates[number-1 : number]

	o, err = c.Run(ctx, &alone)
	where = testbed.CellEnvironment{Cell: cell.At(), Node: node}
	if err != nil {
		where.Failure = err.Error()
	}
	if o != nil {
		env := o.Result.Environment
		where.Host, where.Before, where.After = env.Host, env.Before, env.After
		o.Result.Lab = lab.Name
		o.Result.Environment.Node = "" // The cell has it.
		o.Result.Environment.Cells = []testbed.CellEnvironment{where}
		return o, where, err
	}
	facts, unknown := c.Backend.Facts(context.WithoutCancel(ctx), alone.Name)
	if where.Host = facts; facts == nil {
		where.Host = map[string]any{}
	}
	return nil, where, errors.Join(err, unknown)
}
