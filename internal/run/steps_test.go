package run

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/provision"
)

func TestStagesRunInOrderAndTogether(t *testing.T) {
	var mu sync.Mutex
	var done []string
	var together sync.WaitGroup
	together.Add(2)
	step := func(stage int, name string, do func()) provision.Step {
		return provision.Step{Stage: stage, Name: name, Action: provision.Create, Do: func(context.Context) error {
			do()
			mu.Lock()
			defer mu.Unlock()
			done = append(done, name)
			return nil
		}}
	}
	// Each of the two waits for the other: they only end if they run at once.
	meet := func() { together.Done(); together.Wait() }
	watch := stopwatch{}
	err := perform(t.Context(), nil, watch, []provision.Step{
		step(0, "network lan", func() {}),
		{Stage: 0, Name: "keep this", Action: provision.Keep},
		step(1, "boot client", meet),
		step(2, "check lan", func() {}),
		step(1, "boot server", meet),
	})
	require.NoError(t, err)
	require.Equal(t, "network lan", done[0])
	require.Equal(t, "check lan", done[3])
	require.Contains(t, watch, "boot")
}

func TestAFailedStageEndsThePlanAndNamesTheStep(t *testing.T) {
	broken := errors.New("no memory")
	var events []progress.Event
	later := false
	err := perform(t.Context(), func(e progress.Event) { events = append(events, e) }, nil, []provision.Step{
		{Stage: 0, Name: "boot client", Do: func(context.Context) error { return broken }},
		{Stage: 1, Name: "check lan", Do: func(context.Context) error { later = true; return nil }},
	})
	require.ErrorIs(t, err, broken)
	require.EqualError(t, err, "boot client: no memory")
	require.False(t, later)
	require.Equal(t, progress.Failed, events[len(events)-1].State)
}

func TestAnInterruptStartsNoFurtherStep(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	ran := false
	err := perform(ctx, nil, nil, []provision.Step{
		{Stage: 0, Name: "first", Do: func(context.Context) error { cancel(interrupted); return nil }},
		{Stage: 1, Name: "second", Do: func(context.Context) error { ran = true; return nil }},
	})
	require.ErrorIs(t, err, interrupted)
	require.False(t, ran)
}
