package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/provision"
)

// perform does the steps of a plan: stages in order, the steps of a stage at
// once. It stops after the first stage in which a step fails. The time of a
// stage counts for the verb that its steps begin with, such as "boot".
func perform(ctx context.Context, sink progress.Sink, watch stopwatch, steps []provision.Step) error {
	// A plan may list a machine's steps together; its stages say what waits.
	steps = slices.Clone(steps)
	slices.SortStableFunc(steps, func(a, b provision.Step) int { return a.Stage - b.Stage })
	for len(steps) > 0 {
		n := 1
		for n < len(steps) && steps[n].Stage == steps[0].Stage {
			n++
		}
		verb, _, _ := strings.Cut(steps[0].Name, " ")
		err := watch.time(verb, func() error { return performStage(ctx, sink, steps[:n]) })
		if err != nil {
			return err
		}
		steps = steps[n:]
	}
	return nil
}

// performStage lets every step of the stage end before it returns, so that
// nothing is half-made; it returns all that failed.
func performStage(ctx context.Context, sink progress.Sink, steps []provision.Step) error {
	var group sync.WaitGroup
	failures := make([]error, len(steps))
	for i, step := range steps {
		if step.Do == nil {
			continue
		}
		group.Go(func() {
			if ctx.Err() != nil {
				failures[i] = context.Cause(ctx)
				return
			}
			if err := sink.Do(step.Name, func() error { return step.Do(ctx) }); err != nil {
				failures[i] = fmt.Errorf("%s: %w", step.Name, err)
			}
		})
	}
	group.Wait()
	return errors.Join(failures...)
}

// stopwatch collects the seconds of named parts of a run. A nil one times nothing.
type stopwatch map[string]float64

func (w stopwatch) time(part string, do func() error) error {
	if w == nil {
		return do()
	}
	start := time.Now()
	err := do()
	w[part] += time.Since(start).Seconds()
	return err
}
