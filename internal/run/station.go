package run

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// station is a machine that runs, and where its agent lies.
type station struct {
	provision.Machine
	agent string // Path; known once it was pushed.
}

type stations map[string]*station // By the machine's name.

func (c *Conductor) connect(ctx context.Context, lab string, cell testbed.Cell) (stations, error) {
	all := stations{}
	for _, m := range cell.Machines {
		machine, err := c.Backend.Machine(ctx, lab, m.Name)
		if err != nil {
			all.disconnect()
			return nil, err
		}
		all[m.Name] = &station{Machine: machine}
	}
	return all, nil
}

func (s stations) disconnect() {
	for _, one := range s {
		_ = one.Close()
	}
}

// pushSteps bring the agent to every machine; one that has it is left alone.
func (s stations) pushSteps(agent []byte) []provision.Step {
	var steps []provision.Step
	for _, name := range slices.Sorted(maps.Keys(s)) {
		steps = append(steps, provision.Step{
			Name: "push agent to " + name, Action: provision.Create,
			Do: func(ctx context.Context) (err error) {
				s[name].agent, err = s[name].PushAgent(ctx, agent)
				return err
			},
		})
	}
	return steps
}

// pair is the two stations of a test.
func (s stations) pair(test testbed.Test) (client, server *station, err error) {
	client, server = s[test.Client], s[test.Server]
	if client == nil || server == nil {
		return nil, nil, fmt.Errorf("test %q: machine %q or %q does not run", test.Name, test.Client, test.Server)
	}
	return client, server, nil
}
