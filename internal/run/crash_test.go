package run

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// crashed is a boot that ended in a panic.
type crashed struct{ error }

func (crashed) Crashed() (string, []byte) {
	return "client", []byte("[ 1.0] Kernel panic - not syncing: x\n[ 1.0] Call Trace:\n[ 1.0]  f+0x1/0x2\n")
}

// panickyBackend has a kernel that does not boot in its n-th cell.
type panickyBackend struct {
	fakeBackend
	n int
}

func (b *panickyBackend) Plan(context.Context, provision.Request) ([]provision.Step, error) {
	b.n--
	if b.n != 0 {
		return b.step("boot"), nil
	}
	return []provision.Step{{Name: "boot", Action: provision.Create, Do: func(context.Context) error {
		return fmt.Errorf("boot: %w", crashed{errors.New("its kernel failed")})
	}}}, nil
}

// TestACellThatPanicsIsAResult: the other cell is measured, and the crash has its cell,
// its frames and its console.
func TestACellThatPanicsIsAResult(t *testing.T) {
	lab := labOf(testbed.Test{Boots: 1})
	other := lab.Cells[0]
	lab.Cells[0].Coordinates = []testbed.Coordinate{{Name: "kernel", Value: "good"}}
	other.Coordinates = []testbed.Coordinate{{Name: "kernel", Value: "bad"}}
	lab.Cells, lab.Predicates = append(lab.Cells, other), append(lab.Predicates, nil)
	var undone atomic.Int32
	backend := &panickyBackend{fakeBackend{machines: pair(steady(&undone), serve)}, 2}
	o, err := (&Conductor{Backend: backend}).Up(t.Context(), lab)
	require.ErrorContains(t, err, "its kernel failed")
	require.NotEmpty(t, o.Blocks)
	file := consoleFile(other, "client", 0)
	require.Equal(t, []testbed.Crash{{
		Machine: "client", Cell: map[string]string{"kernel": "bad"}, Boot: 1,
		Complaint: "Kernel panic - not syncing: x", Frames: []string{"f"}, Console: "consoles/" + file,
	}}, o.Result.Crashes)
	require.Contains(t, string(o.Consoles[file]), "Call Trace")
}
