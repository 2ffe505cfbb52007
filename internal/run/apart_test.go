package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

// namedBackend is on a host of its own, and knows for which lab it made machines.
type namedBackend struct {
	fakeBackend
	cpu, accelerator string
	labs             []string
	broken           error
}

func (b *namedBackend) Accelerator() string { return b.accelerator }

func (b *namedBackend) State(context.Context) (map[string]any, error) { return nil, nil }
func (b *namedBackend) Facts(context.Context, string) (map[string]any, error) {
	return map[string]any{"cpu_model": b.cpu, "cpus": 2}, nil
}

func (b *namedBackend) Plan(ctx context.Context, r provision.Request) ([]provision.Step, error) {
	b.labs = append(b.labs, r.Lab)
	if b.broken != nil {
		return nil, b.broken
	}
	return b.fakeBackend.Plan(ctx, r)
}

func on(cpu string) *namedBackend {
	whole := func(_ proto.Block, pieces []proto.Samples, _ *proto.BlockResult) []proto.Samples { return pieces }
	return &namedBackend{fakeBackend: fakeBackend{machines: pair(sending(whole), serve)}, cpu: cpu}
}

// sizes is a lab of so many cells.
func sizes(t *testing.T, values ...string) *Lab {
	lab := samplesLab()
	lab.Backend, lab.Source = "local", filepath.Join(t.TempDir(), "lab.hcl")
	one := lab.Cells[0]
	lab.Cells, lab.Predicates = nil, nil
	for _, value := range values {
		cell := one
		cell.Coordinates = []testbed.Coordinate{{Name: "size", Value: value}}
		lab.Cells, lab.Predicates = append(lab.Cells, cell), append(lab.Predicates, nil)
	}
	return lab
}

// cellOf runs a cell by itself and stores what it gives.
func cellOf(t *testing.T, lab *Lab, number int, node string, b *namedBackend) Part {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "result")
	c := &Conductor{Backend: b, Node: "itself", Scratch: filepath.Dir(dir)}
	o, where, err := c.RunCell(t.Context(), lab, number, node)
	if o == nil {
		require.Error(t, err)
		return Part{Where: where}
	}
	require.NoError(t, err)
	_, err = Store{Dir: dir}.Save(lab, filepath.Join(t.TempDir(), "none"), o)
	require.NoError(t, err)
	return Part{Where: where, Dir: dir}
}

func TestRunCell(t *testing.T) {
	lab := sizes(t, "1", "2")
	b := on("EPYC")
	p := cellOf(t, lab, 2, "oslo", b)
	require.Equal(t, []string{"l-cell-2"}, b.labs, "two cells may run on one host")
	r, blocks, err := report.Read(p.Dir)
	require.NoError(t, err)
	require.Equal(t, "l", r.Lab)
	require.Len(t, r.Tests, 1)
	require.Len(t, r.Environment.Cells, 1)
	require.Equal(t, "oslo", r.Environment.Cells[0].Node)
	require.Empty(t, r.Environment.Node, "the cell has it")
	require.Equal(t, map[string]string{"size": "2"}, blocks[0].Cell)
	require.Equal(t, "remove", b.diary[len(b.diary)-1])
}

func TestGather(t *testing.T) {
	lab := sizes(t, "1", "2", "3")
	var undone atomic.Int32
	dead := &namedBackend{fakeBackend: fakeBackend{machines: pair(steady(&undone), serve)}, cpu: "Xeon", broken: errors.New("no room")}
	failed := cellOf(t, lab, 3, "oslo", dead)
	require.Equal(t, "cell size=3: no room", failed.Where.Failure)
	require.Equal(t, "Xeon", failed.Where.Host["cpu_model"], "also of a cell that failed")
	parts := []Part{cellOf(t, lab, 1, "oslo", on("EPYC")), cellOf(t, lab, 2, "bergen", on("EPYC")), failed}

	out := t.TempDir()
	o, err := lab.Gather(parts, false, out)
	require.NoError(t, err)
	dir := filepath.Join(out, "result")
	_, err = Store{Dir: dir}.Save(lab, filepath.Join(out, "none"), o)
	require.NoError(t, err)
	r, blocks, err := report.Read(dir)
	require.NoError(t, err)
	require.Len(t, r.Tests, 3)
	require.Len(t, blocks, 2*3*5)
	require.Equal(t, testbed.StatusFailed, r.Tests[2].Modes[0].Status)
	require.Equal(t, "cell size=3: no room", r.Tests[2].Modes[0].Reason)
	require.Equal(t, []testbed.CellFailure{{Cell: map[string]string{"size": "3"}, Reason: "cell size=3: no room"}}, r.Failures)
	require.Len(t, r.Environment.Cells, 3)
	require.Len(t, r.Environment.Machines, 4)
	require.Contains(t, r.Environment.Host, "cpus", "what all hosts share")
	require.NotContains(t, r.Environment.Host, "cpu_model")
	require.False(t, r.Environment.Mixed)
	require.FileExists(t, filepath.Join(dir, "consoles", "size=1.client.log"))
	require.FileExists(t, filepath.Join(dir, "consoles", "size=2.client.log"))
	for _, b := range blocks {
		text, err := os.ReadFile(filepath.Join(dir, b.Samples.File))
		require.NoError(t, err)
		require.Equal(t, "samples of "+b.Mode, string(text))
	}
	left, err := filepath.Glob(filepath.Join(out, ".*"))
	require.NoError(t, err)
	require.Empty(t, left)

	mixed, err := lab.Gather(parts, true, out)
	require.NoError(t, err)
	defer mixed.Discard()
	require.True(t, mixed.Result.Environment.Mixed)
}

// A result of cells is what a run of all of them gives, but for where and when.
func TestGatherIsARun(t *testing.T) {
	lab := sizes(t, "1", "2")
	b := on("EPYC")
	_, console := crashed{}.Crashed()
	b.machines["client"].Machine.(*fakeMachine).console = string(console)
	whole, err := (&Conductor{Backend: b, Scratch: t.TempDir()}).Run(t.Context(), lab)
	require.NoError(t, err)
	defer whole.Discard()
	gathered, err := lab.Gather([]Part{cellOf(t, lab, 1, "oslo", b), cellOf(t, lab, 2, "oslo", b)}, true, t.TempDir())
	require.NoError(t, err)
	defer gathered.Discard()
	require.Equal(t, whole.Result.Tests, gathered.Result.Tests)
	require.Equal(t, whole.Result.Warnings, gathered.Result.Warnings, "each once")
	require.Equal(t, whole.Result.Tool, gathered.Result.Tool)
	require.Len(t, whole.Result.Crashes, 2)
	require.Equal(t, whole.Result.Crashes, gathered.Result.Crashes)
	require.False(t, gathered.Result.Environment.Mixed, "nothing is mixed where all was one machine's")
}

func TestGatherRefuses(t *testing.T) {
	lab := sizes(t, "1", "2")
	kvm := on("EPYC")
	kvm.accelerator = "kvm"
	parts := []Part{cellOf(t, lab, 1, "oslo", on("EPYC")), cellOf(t, lab, 2, "oslo", kvm)}
	out := t.TempDir()
	_, err := lab.Gather(parts, true, out)
	require.ErrorContains(t, err, `cell size=2: it was measured with accelerator "kvm", and another with "": no result holds both`)

	other := cellOf(t, lab, 2, "oslo", on("EPYC"))
	for i, p := range []Part{parts[0], other} {
		r, blocks, err := report.Read(p.Dir)
		require.NoError(t, err)
		r.Environment.Images = map[string]map[string]any{"debian": {"kernel_sha256": i}}
		require.NoError(t, report.Write(p.Dir, r, blocks))
	}
	_, err = lab.Gather([]Part{parts[0], other}, true, out)
	require.ErrorContains(t, err, `cell size=2: its image "debian" is another`)

	_, err = lab.Gather([]Part{{Where: parts[0].Where}, {Where: parts[1].Where}}, false, out)
	require.EqualError(t, err, "gather cells: in none of them anything was measured")

	r, blocks, err := report.Read(parts[0].Dir)
	require.NoError(t, err)
	blocks[0].Samples.File = "../../secret"
	require.NoError(t, report.Write(parts[0].Dir, r, blocks))
	_, err = lab.Gather(parts[:1], false, out)
	require.ErrorContains(t, err, `its samples are at "../../secret", which is not in the result`)
	left, err := os.ReadDir(out)
	require.NoError(t, err)
	require.Empty(t, left, "nothing is half-made")
}
