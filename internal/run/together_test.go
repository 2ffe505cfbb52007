package run

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// crowded is a backend whose cells are only measured while another is: each waits for
// company before its machines are up.
type crowded struct {
	fakeBackend
	mu      sync.Mutex
	arrived map[string]int // Boots by the name of the machines.
	company chan struct{}  // Closed when the second one comes.
	fails   string         // The image that does not boot.
}

func (b *crowded) Plan(_ context.Context, r provision.Request) ([]provision.Step, error) {
	return []provision.Step{{Name: "boot", Action: provision.Create, Do: func(context.Context) error {
		b.mu.Lock()
		if b.arrived[r.Lab]++; len(b.arrived) == 2 {
			close(b.company)
		}
		b.mu.Unlock()
		select {
		case <-b.company:
		case <-time.After(30 * time.Second):
			return errors.New("waited in vain for another cell")
		}
		if r.Machines[0].Image == b.fails {
			return errors.New("the kernel panicked")
		}
		return nil
	}}}, nil
}

func (b *crowded) Down(context.Context, string) ([]provision.Step, error) { return nil, nil }

func (b *crowded) Machine(_ context.Context, _, name string) (provision.Machine, error) {
	return pair(ask, serve)[name].Machine, nil
}

// twoCells is a lab of a cell a kernel.
func twoCells() *Lab {
	lab := labOf(testbed.Test{})
	one := lab.Cells[0]
	lab.Cells, lab.Predicates = nil, [][]testbed.Predicate{nil, nil}
	for _, kernel := range []string{"old", "new"} {
		cell := one
		cell.Coordinates = []testbed.Coordinate{{Name: "kernel", Value: kernel}}
		cell.Machines = []testbed.Machine{one.Machines[0], one.Machines[1]}
		for i := range cell.Machines {
			cell.Machines[i].Image = kernel
		}
		lab.Cells = append(lab.Cells, cell)
	}
	return lab
}

func crowd(fails string) *crowded {
	b := &crowded{arrived: map[string]int{}, company: make(chan struct{}), fails: fails}
	return b
}

// TestCellsTogether: two cells at once have machines of different names, and the result
// has them in their order.
func TestCellsTogether(t *testing.T) {
	b := crowd("")
	o, err := (&Conductor{Backend: b, Parallel: 2}).Run(t.Context(), twoCells())
	require.NoError(t, err)
	require.Equal(t, map[string]int{"l": 1, "l.2": 1}, b.arrived)
	require.Len(t, o.Blocks, 2*2*3)
	for i, block := range o.Blocks {
		require.Equal(t, map[string]string{"kernel": []string{"old", "new"}[i/6]}, block.Cell)
	}
	require.Len(t, o.machines, 4)
	require.Contains(t, o.Consoles, "kernel=new.client.log")
	require.Len(t, o.Result.Tests, 2)
}

// TestOneOfCellsTogetherFails: the other one is whole, and the failure says whose it is.
func TestOneOfCellsTogetherFails(t *testing.T) {
	o, err := (&Conductor{Backend: crowd("old"), Parallel: 2}).Run(t.Context(), twoCells())
	require.ErrorContains(t, err, "cell kernel=old: boot: the kernel panicked")
	require.Len(t, o.Blocks, 6)
	require.Equal(t, map[string]string{"kernel": "new"}, o.Blocks[0].Cell)
	require.Equal(t, []testbed.CellFailure{{Cell: map[string]string{"kernel": "old"}, Reason: "boot: the kernel panicked"}}, o.Result.Failures)
}
