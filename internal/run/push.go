package run

import (
	"context"
	"maps"
	"slices"

	"github.com/testbed-lab/testbed/provision"
)

// pushSteps bring the agent to every machine; one that has it is left alone.
func pushSteps(machines map[string]provision.Machine, agent []byte) []provision.Step {
	var steps []provision.Step
	for _, name := range slices.Sorted(maps.Keys(machines)) {
		machine := machines[name]
		steps = append(steps, provision.Step{
			Name: "push agent to " + name, Action: provision.Create,
			Do: func(ctx context.Context) error { return machine.Push(ctx, agentPath, agent, 0o755) },
		})
	}
	return steps
}
