package run

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// together visits cells for a boot, as many at once as may be. What each found is added
// in the lab's order, whichever was done first. It returns what failed.
func (c *Conductor) together(ctx context.Context, lab *Lab, due []*visit, keep keeper, boot int, o *Outcome) (failures []error) {
	names := make(chan string, max(c.Parallel, 1))
	for slot := range cap(names) {
		names <- slotName(lab.Name, slot)
	}
	parts, errs := make([]*Outcome, len(due)), make([]error, len(due))
	var group sync.WaitGroup
	for i, v := range due {
		own := *lab
		own.Name = <-names
		if ctx.Err() != nil {
			break
		}
		parts[i] = o.part()
		group.Go(func() {
			defer func() { names <- own.Name }()
			err := c.visit(ctx, &own, v, keep, boot, parts[i])
			if err != nil {
				parts[i].failed(v.cell, err)
			}
			errs[i] = inCell(v.cell, err)
		})
	}
	group.Wait()
	for _, i := range inLabOrder(due) {
		if parts[i] == nil { // The run was ended before.
			continue
		}
		o.merge(parts[i])
		if errs[i] != nil {
			failures = append(failures, errs[i])
		}
	}
	return failures
}

// inLabOrder are the indices of visits as the lab has their cells.
func inLabOrder(due []*visit) []int {
	order := make([]int, len(due))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return due[a].number - due[b].number })
	return order
}

// slotName is what the machines of a cell are known by that is measured beside others: no
// lab can have the name, for a lab's has no full stop.
func slotName(lab string, slot int) string {
	if slot == 0 {
		return lab
	}
	return fmt.Sprintf("%s.%d", lab, slot+1)
}

// part is an outcome to be merged into this one.
func (o *Outcome) part() *Outcome {
	return &Outcome{Consoles: map[string][]byte{}, timings: stopwatch{}, started: o.started, scratch: o.scratch}
}

func (o *Outcome) merge(part *Outcome) {
	o.Blocks = append(o.Blocks, part.Blocks...)
	for _, m := range part.machines {
		o.addMachine(m)
	}
	if part.host != nil {
		o.host = part.host
	}
	maps.Copy(o.Consoles, part.Consoles)
	for name, seconds := range part.timings {
		o.timings[name] += seconds
	}
	o.warnings = append(o.warnings, part.warnings...)
	o.crashes = append(o.crashes, part.crashes...)
	o.failures = append(o.failures, part.failures...)
	o.changed = o.changed || part.changed
}
