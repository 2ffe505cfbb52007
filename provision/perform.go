package provision

import (
	"context"
	"fmt"
	"slices"
)

// Perform does steps one after the other, in the order of their stages: for a
// backend that stands on another one. It stops at the first that fails.
func Perform(ctx context.Context, steps []Step) error {
	steps = slices.Clone(steps)
	slices.SortStableFunc(steps, func(a, b Step) int { return a.Stage - b.Stage })
	for _, s := range steps {
		if s.Do == nil {
			continue
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := s.Do(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return nil
}
