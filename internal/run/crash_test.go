package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/report"
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
		Machine: "client", Cell: map[string]string{"kernel": "bad"}, Boot: 1, Place: "boot",
		Complaint: "Kernel panic - not syncing: x", Frames: []string{"f"}, Console: "consoles/" + file,
		Tail: []string{"[ 1.0] Kernel panic - not syncing: x", "[ 1.0] Call Trace:", "[ 1.0]  f+0x1/0x2"},
	}}, o.Result.Crashes)
	require.Contains(t, string(o.Consoles[file]), "Call Trace")
}

// stalls is a guest that came to no end, as both agents are told.
type stalls struct{ error }

func (stalls) Crashed() (string, []byte) { return "guest", []byte("[ 1.0] Waiting for root device\n") }
func (stalls) Stalled() string           { return "it came to no end in 20m0s" }

// TestAGuestThatStallsIsAResult: with its console, though that shows no failure, and once,
// though it ends the agents of both machines.
func TestAGuestThatStallsIsAResult(t *testing.T) {
	o := &Outcome{Consoles: map[string][]byte{}}
	one := stalls{errors.New("boot: late")}
	o.blame(testbed.Cell{}, 0, placed("boot", errors.Join(fmt.Errorf("client: %w", one), fmt.Errorf("server: %w", one))))
	require.Equal(t, []testbed.Crash{{
		Machine: "guest", Cell: map[string]string{}, Boot: 1, Place: "boot", Complaint: "it came to no end in 20m0s", Frames: []string{}, Hung: true,
		Console: "consoles/guest.log", Tail: []string{"[ 1.0] Waiting for root device"},
	}}, o.crashes)
	require.Contains(t, string(o.Consoles["guest.log"]), "root device")

	o = &Outcome{Consoles: map[string][]byte{}}
	o.blame(testbed.Cell{}, 0, errors.New("no stall"))
	require.Empty(t, o.crashes)
}

// TestAKernelThatHangsIsAResult: an agent that says that its machine's kernel does not
// return ends the cell, which has the place and the functions.
func TestAKernelThatHangsIsAResult(t *testing.T) {
	hangs := func(ctx context.Context, a *fakeAgent) error {
		a.hello()
		a.say(proto.Message{Type: proto.TypeStarted, Start: &proto.Start{Index: 1}})
		a.say(proto.Message{Type: proto.TypeError, Error: "set-up hangs", Hang: &proto.Hang{
			Machine: "client", Doing: `set-up of mode "ipvlan"`, Step: "add link", Seconds: 30,
			Tasks: []proto.BlockedTask{{Name: "modprobe", Frames: []string{"init [ipvlan]", "do_one_initcall"}}, {Name: "the agent"}},
		}})
		return &provision.ExitError{Status: 1}
	}
	waits := func(ctx context.Context, a *fakeAgent) error {
		a.hello()
		<-ctx.Done()
		return ctx.Err()
	}
	lab := labOf(testbed.Test{Boots: 1})
	lab.Source = "/l.hcl"
	machines := pair(hangs, waits)
	machines["client"].Machine.(*fakeMachine).console = "calm\n"
	o, err := (&Conductor{Backend: &fakeBackend{machines: machines}}).Up(t.Context(), lab)
	require.ErrorContains(t, err, "agent on client: set-up hangs")
	require.Len(t, o.Result.Crashes, 1)
	crash := o.Result.Crashes[0]
	require.Regexp(t, `^test "test0", mode "(host|docker0)", round 1$`, crash.Place)
	require.Equal(t, testbed.Crash{
		Machine: "client", Cell: lab.Cells[0].At(), Boot: 1, Place: crash.Place, Hung: true,
		Complaint: `set-up of mode "ipvlan" hangs: the kernel has not returned from "add link" after 30 s; modprobe waits`,
		Frames:    []string{"init [ipvlan]", "do_one_initcall"}, Console: "consoles/" + consoleFile(lab.Cells[0], "client", 0),
		Tail: []string{"calm"},
	}, crash)
	require.Equal(t, "the kernel of client hung: "+crash.Complaint, o.Result.Tests[0].Modes[0].Reason)

	dir := filepath.Join(t.TempDir(), "result")
	_, err = Store{Dir: dir}.Save(lab, filepath.Join(dir, "none"), o)
	require.NoError(t, err, "a result, although nothing was measured")
	kept, blocks, err := report.Read(dir)
	require.NoError(t, err)
	require.Empty(t, blocks)
	require.Equal(t, o.Result.Crashes, kept.Crashes)
	require.FileExists(t, filepath.Join(dir, crash.Console))
}

// TestBothKernelsFail: each of the errors of a stage is told of, and a console that
// machines share once.
func TestBothKernelsFail(t *testing.T) {
	o := (&Conductor{Backend: &fakeBackend{}}).newOutcome(t.Context())
	other := crashed{errors.New("boot server")}
	o.blame(sampleCell(), 0, fmt.Errorf("up: %w", errors.Join(crashed{errors.New("boot client")}, other)))
	require.Len(t, o.crashes, 1)
	o.failed(sampleCell(), errors.New("its kernel failed"+provision.EndOfConsole([]byte("a\nb\n"))+provision.RestOfConsole("/x")+"\nno room"))
	require.Equal(t, "its kernel failed; no room", o.failures[0].Reason)
}
