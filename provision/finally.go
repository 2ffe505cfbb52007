package provision

import (
	"context"
	"sync/atomic"
)

// Finally runs last once every step that does something has done it: where a
// backend gives back what it holds for a plan.
func Finally(steps []Step, last func(context.Context) error) []Step {
	var left atomic.Int64
	for _, s := range steps {
		if s.Do != nil {
			left.Add(1)
		}
	}
	for i, s := range steps {
		if s.Do == nil {
			continue
		}
		steps[i].Do = once(s.Do, func(ctx context.Context) error {
			if left.Add(-1) == 0 {
				return last(ctx)
			}
			return nil
		})
	}
	return steps
}

// once runs then after the first success of do, however often do is called.
func once(do, then func(context.Context) error) func(context.Context) error {
	var done atomic.Bool
	return func(ctx context.Context) error {
		if err := do(ctx); err != nil {
			return err
		}
		if done.Swap(true) {
			return nil
		}
		return then(ctx)
	}
}

// Acts says whether any step does something.
func Acts(steps []Step) bool {
	for _, s := range steps {
		if s.Do != nil {
			return true
		}
	}
	return false
}
