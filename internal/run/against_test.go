package run

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/images"
	"github.com/testbed-lab/testbed/images/archive"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

// sidedBackend keeps a diary of the images that boot, and its machines know which.
type sidedBackend struct {
	fakeBackend
	images []string
	panics string       // The image whose kernel does.
	booted atomic.Value // The image that runs.
}

func (b *sidedBackend) Plan(_ context.Context, r provision.Request) ([]provision.Step, error) {
	image := r.Machines[0].Image
	return []provision.Step{{Name: "boot", Action: provision.Create, Do: func(context.Context) error {
		b.images = append(b.images, image)
		if image == b.panics {
			return crashed{errors.New("its kernel failed")}
		}
		b.booted.Store(image)
		return nil
	}}}, nil
}

// sided is a backend on whose image "old" every transaction of docker0 takes so much
// longer, in per cent.
func sided(percent int64) *sidedBackend {
	var undone atomic.Int32
	b := &sidedBackend{}
	calls := int64(0)
	b.machines = pair(replying(&undone, func(block proto.Block) proto.BlockResult {
		calls++
		ns := int64(200_000) + calls*7919%400
		if b.booted.Load() == "old" && block.Mode == "docker0" {
			ns += ns * percent / 100
		}
		return histogramOf(ns)
	}), leaving(&undone))
	return b
}

func contestOf(t *testing.T, b *sidedBackend, k Contest) (*Outcome, error) {
	t.Helper()
	lab := labOf(testbed.Test{})
	lab.Images = []testbed.Image{{Name: "debian", Release: "trixie"}}
	lab.Backend = "libvirt"
	both, err := lab.Against(testbed.Image{Name: "old", Release: "bookworm"})
	require.NoError(t, err)
	if k.Options.Metric == "" {
		k.Options = report.CompareOptions{Metric: "p50", Margin: 0.02}
	}
	return k.Run(t.Context(), &Conductor{Backend: b}, both)
}

// TestContest boots both sides in turns, three times, and judges them.
func TestContest(t *testing.T) {
	b := sided(10)
	o, err := contestOf(t, b, Contest{})
	require.NoError(t, err)
	require.Equal(t, "old debian debian old old debian", strings.Join(b.images, " "), "base, new, new, base: a drift meets both alike")
	require.Len(t, o.Comparison, 1)
	c := o.Comparison[0]
	require.Equal(t, testbed.Improvement, c.Verdict)
	require.Equal(t, map[string]string{"side": "base"}, c.Base.Cell)
	require.Equal(t, []string{testbed.Equal, testbed.Improvement}, []string{c.Modes[0].Verdict, c.Modes[1].Verdict})
	require.InDelta(t, 1/1.1, *c.Modes[1].Itself.Estimate, 0.002)
	require.Equal(t, 3, c.Modes[1].Itself.N)
	require.Equal(t, "old", o.Result.Against)
}

// TestContestEndsWhenDecided, and boots on while something is undecided and the budget
// lasts.
func TestContestEndsWhenDecided(t *testing.T) {
	b := sided(10)
	_, err := contestOf(t, b, Contest{Budget: time.Minute})
	require.NoError(t, err)
	require.Len(t, b.images, 6, "three boots a side decided it")

	b = sided(0)
	// Nothing is equal within so little.
	o, err := contestOf(t, b, Contest{Budget: time.Minute, Options: report.CompareOptions{Metric: "p50", Margin: 1e-7}})
	require.NoError(t, err)
	require.Len(t, b.images, 2*(mostTurns+2), "the most looks that the confidence allows for")
	require.Equal(t, testbed.Undecided, o.Comparison[0].Verdict)

	b = sided(0)
	_, err = contestOf(t, b, Contest{Budget: time.Nanosecond, Options: report.CompareOptions{Metric: "p50", Margin: 1e-7}})
	require.NoError(t, err)
	require.Len(t, b.images, 6, "a verdict's least, whatever the budget")
}

// TestContestWithAPanic: a new kernel that panics is a verdict, and so is what could be
// measured beside it.
func TestContestWithAPanic(t *testing.T) {
	b := sided(0)
	b.panics = "debian"
	o, err := contestOf(t, b, Contest{})
	require.ErrorContains(t, err, "cell side=new: boot: its kernel failed")
	require.Len(t, o.Comparison, 1)
	c := o.Comparison[0]
	require.Equal(t, testbed.Broken, c.Verdict)
	require.Equal(t, []string{testbed.Broken, testbed.Broken}, []string{c.Modes[0].Verdict, c.Modes[1].Verdict})
	require.Equal(t, "new: the mode is failed: the kernel of client crashed: Kernel panic - not syncing: x; the base did it", c.Modes[1].Reason)
	require.Equal(t, "side = new crashed: machine client, at boot", c.Failed[0].What)

	b = sided(0)
	b.panics = "old"
	o, err = contestOf(t, b, Contest{Budget: time.Minute})
	require.ErrorContains(t, err, "cell side=base: ")
	require.Equal(t, testbed.Broken, o.Comparison[0].Verdict, "whichever side it is")
	require.Empty(t, o.Comparison[0].Modes)

	// A pair whose machines boot is judged, whatever became of the other.
	b = sided(10)
	b.panics = "trunk"
	lab := labOf(testbed.Test{})
	lab.Backend, lab.Images = "libvirt", []testbed.Image{{Name: "debian"}, {Name: "trunk"}}
	other := lab.Cells[0]
	other.Machines = slices.Clone(other.Machines)
	for i := range other.Machines {
		other.Machines[i].Image = "trunk"
	}
	lab.Cells[0].Coordinates = []testbed.Coordinate{{Name: "kernel", Value: "debian"}}
	other.Coordinates = []testbed.Coordinate{{Name: "kernel", Value: "trunk"}}
	lab.Cells, lab.Predicates = append(lab.Cells, other), append(lab.Predicates, nil)
	both, err := lab.Against(testbed.Image{Name: "old"})
	require.NoError(t, err)
	o, err = Contest{Options: report.CompareOptions{Metric: "p50", Margin: 0.02}}.Run(t.Context(), &Conductor{Backend: b}, both)
	require.ErrorContains(t, err, "cell kernel=trunk side=new: ")
	found := map[string]string{}
	for _, m := range o.Comparison[0].Modes {
		found[m.Cell["kernel"]+" "+m.Mode] = m.Verdict
	}
	require.Equal(t, map[string]string{
		"debian host": testbed.Equal, "debian docker0": testbed.Improvement,
		"trunk host": testbed.Broken, "trunk docker0": testbed.Broken,
	}, found)
}

// bootsImages is a backend whose machines boot what no store has.
type bootsImages struct{ *sidedBackend }

func (bootsImages) Boots() bool { return true }

type noImages struct{ err error }

func (s noImages) Build(context.Context, testbed.Image, *images.Lock) (*images.Built, error) {
	return nil, s.err
}

// TestContestWithoutABase boots nothing.
func TestContestWithoutABase(t *testing.T) {
	lab := labOf(testbed.Test{})
	lab.Images = []testbed.Image{{Name: "debian", Release: "trixie"}}
	both, err := lab.Against(testbed.Image{Name: "nope", Release: "nope"})
	require.NoError(t, err)
	b, missing := bootsImages{sided(0)}, &archive.SuiteError{Mirror: "m", Suite: "nope"}
	o, err := Contest{Options: report.CompareOptions{Metric: "p50"}}.Run(t.Context(), &Conductor{Backend: b, Images: noImages{missing}}, both)
	require.Nil(t, o)
	var base *BaseError
	require.ErrorAs(t, err, &base)
	require.ErrorIs(t, err, missing)
	require.ErrorContains(t, err, `--against nope: the mirror m has no suite "nope"`)
	require.Empty(t, b.images)
}

func TestAgainstRefuses(t *testing.T) {
	base := testbed.Image{Name: "old"}
	lab := labOf(testbed.Test{})
	lab.Cells[0].Coordinates = []testbed.Coordinate{{Name: "side", Value: "left"}}
	_, err := lab.Against(base)
	require.ErrorContains(t, err, `coordinate "side"`)

	lab = labOf(testbed.Test{})
	lab.Cells[0].Machines[0].Image = ""
	_, err = lab.Against(base)
	require.ErrorContains(t, err, "its machines exist")

	_, err = labOf().Against(base)
	require.ErrorContains(t, err, "no test")
}

// TestAgainst leaves the lab alone and its matrix as it is.
func TestAgainst(t *testing.T) {
	lab := labOf(testbed.Test{Boots: 5})
	lab.Cells[0].Coordinates = []testbed.Coordinate{{Name: "size", Value: "1"}}
	both, err := lab.Against(Kernel(testbed.Image{Name: "debian", Release: "trixie", KernelVersion: "6.12", Packages: []string{"podman"}}, "bookworm"))
	require.NoError(t, err)
	require.Equal(t, []string{"size=1 side=base", "size=1 side=new"}, []string{cellName(both.Cells[0]), cellName(both.Cells[1])})
	require.Equal(t, "bookworm", both.Cells[0].Machines[1].Image)
	require.Equal(t, "debian", both.Cells[1].Machines[1].Image)
	require.Equal(t, 5, both.Cells[0].Tests[0].Boots)
	require.Equal(t, "debian", lab.Cells[0].Machines[0].Image)
	image, _ := both.Image("bookworm")
	require.Equal(t, testbed.Image{Name: "bookworm", Release: "bookworm", Packages: []string{"podman"}}, image, "the kernel alone differs")
	require.Len(t, both.Predicates, 2)
	require.Equal(t, orderSeed(17, both.Cells[0], both.Cells[0].Tests[0]), orderSeed(17, both.Cells[1], both.Cells[1].Tests[0]), "one order on both sides")
}

func TestTurns(t *testing.T) {
	of := func(cells int, backend string) *Lab {
		return &Lab{Lab: testbed.Lab{Seed: 1, Backend: backend, Cells: make([]testbed.Cell, cells)}}
	}
	require.Equal(t, []int{0}, turn(of(1, "libvirt"), 3))
	two, four := of(2, "libvirt"), of(4, "libvirt")
	require.Equal(t, [][]int{{0, 1}, {1, 0}, {0, 1}}, [][]int{turn(two, 0), turn(two, 1), turn(two, 2)})
	require.Equal(t, turn(four, 0), turn(four, 0), "the same seed, the same order")
	seen := map[int]int{}
	for boot := range 400 {
		order := turn(four, boot)
		require.ElementsMatch(t, []int{0, 1, 2, 3}, order)
		seen[order[0]]++
	}
	for cell, n := range seen {
		require.InDelta(t, 100, n, 40, "cell %d is first as often as others", cell)
	}
	first := map[int]bool{}
	for seed := range 40 {
		four.Seed = int64(seed)
		first[turn(four, 0)[0]] = true
	}
	require.Len(t, first, 4, "also where each boots once")
	for boot := range 5 {
		require.Equal(t, []int{0, 1, 2}, turn(of(3, backendIcount), boot), "counts do not drift")
	}
}

// TestOneBootOfManyCells is in a random order, of which the result has nothing: it has
// the cells, and what failed of them, as the lab does.
func TestOneBootOfManyCells(t *testing.T) {
	backend := &sidedBackend{}
	var undone atomic.Int32
	backend.machines = pair(steady(&undone), serve)
	lab := labOf(testbed.Test{})
	one, declared := lab.Cells[0], []string{"a", "b", "c", "d", "e"}
	lab.Cells, lab.Predicates = nil, make([][]testbed.Predicate, len(declared))
	for _, name := range declared {
		cell := one
		cell.Coordinates = []testbed.Coordinate{{Name: "kernel", Value: name}}
		cell.Machines = slices.Clone(one.Machines)
		cell.Machines[0].Image = name
		lab.Cells = append(lab.Cells, cell)
	}
	o, err := (&Conductor{Backend: backend}).Run(t.Context(), lab)
	require.NoError(t, err)
	require.ElementsMatch(t, declared, backend.images)
	require.NotEqual(t, declared, backend.images)
	var measured, described []string
	for _, b := range o.Blocks {
		measured = append(measured, b.Cell["kernel"])
	}
	for _, m := range o.Result.Environment.Machines {
		described = append(described, m.Cell["kernel"])
	}
	require.Equal(t, declared, slices.Compact(measured))
	require.Equal(t, declared, slices.Compact(described))
}
