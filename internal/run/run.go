// Package run is the conductor: a lab becomes machines, machines answer with
// blocks, blocks become a result in a folder. It knows a backend only by what
// package provision promises, and prints nothing: what happens goes to a
// progress sink, what was found is returned.
package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/testbed-lab/testbed/images"
	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// Conductor runs labs. All fields but Progress are needed; Images and Lock only
// where the backend's machines boot images.
type Conductor struct {
	Backend  provision.Backend
	Images   ImageStore
	Lock     *images.Lock
	Agent    []byte // The guest agent's binary.
	Owner    string // Who answers for what is made.
	Version  string // Of this program, for the result.
	Node     string // What the host of the machines is called, for the result. Optional.
	Progress progress.Sink
	// Scratch is a folder, on the file system of the results, for what is too
	// large to be held in memory meanwhile. Optional.
	Scratch string
	// More says before each turn of boots after the first whether it is wanted, in place
	// of what the tests ask for. Optional.
	More func(o *Outcome, turn int) bool
	// Refuse is given each block that is whole. Its error ends the run. Optional.
	Refuse func(testbed.Block) error
	// Parallel is how many cells are measured at once, for a backend to which it makes
	// no difference what else the machine does. 0 is one.
	Parallel int

	building sync.Mutex
	built    map[string]*images.Built // Under building.
}

// Another is a conductor like this one that builds images of its own.
func (c *Conductor) Another() *Conductor {
	return &Conductor{
		Backend: c.Backend, Images: c.Images, Lock: c.Lock, Agent: c.Agent, Owner: c.Owner, Version: c.Version,
		Node: c.Node, Progress: c.Progress, Scratch: c.Scratch, Parallel: c.Parallel,
	}
}

// ImageStore builds images; see [images.Store].
type ImageStore interface {
	Build(ctx context.Context, img testbed.Image, lock *images.Lock) (*images.Built, error)
}

// Lab is a lab that is ready to run.
type Lab struct {
	testbed.Lab
	Text []byte // The lab file as it was read.
	// Predicates are the compiled expectations of each cell, in the order of
	// Lab.Expectations.
	Predicates [][]testbed.Predicate
}

// Prepare builds the images of a cell and gives the steps that bring its
// machines up: what `plan` prints and what Up does.
func (c *Conductor) Prepare(ctx context.Context, lab *Lab, cell testbed.Cell) ([]provision.Step, error) {
	return c.prepare(ctx, lab, cell, 0)
}

func (c *Conductor) prepare(ctx context.Context, lab *Lab, cell testbed.Cell, boot int) ([]provision.Step, error) {
	request, err := c.request(ctx, lab, cell)
	if err != nil {
		return nil, err
	}
	request.Boot = boot
	return c.Backend.Plan(ctx, request)
}

func (c *Conductor) request(ctx context.Context, lab *Lab, cell testbed.Cell) (provision.Request, error) {
	request := provision.Request{
		Lab: lab.Name, Source: lab.Source, Owner: c.Owner, Networks: cell.Networks, Ephemeral: true, Seed: lab.Seed,
	}
	for _, m := range cell.Machines {
		if !c.Backend.Boots() {
			request.Machines = append(request.Machines, provision.MachineRequest{Machine: m})
			continue
		}
		built, img, err := c.image(ctx, lab, m.Image)
		if err != nil {
			return request, err
		}
		request.Machines = append(request.Machines, provision.MachineRequest{
			Machine: m, Kernel: built.Kernel, Root: built.Root, Disk: built.Disk,
			ImageDigest: built.Digest, Cmdline: img.Cmdline,
		})
	}
	return request, nil
}

// image builds an image once a run and pins what it was built from.
func (c *Conductor) image(ctx context.Context, lab *Lab, name string) (*images.Built, testbed.Image, error) {
	c.building.Lock()
	defer c.building.Unlock()
	img, ok := lab.Image(name)
	if !ok {
		return nil, img, fmt.Errorf("image %q is not in the lab", name)
	}
	if built := c.built[name]; built != nil {
		return built, img, nil
	}
	built, err := c.Images.Build(ctx, img, c.Lock)
	if err != nil {
		return nil, img, err
	}
	if err := c.Lock.Write(); err != nil {
		return nil, img, fmt.Errorf("pin image %q: %w", name, err)
	}
	if c.built == nil {
		c.built = map[string]*images.Built{}
	}
	c.built[name] = built
	return built, img, nil
}

// Up brings the machines of every cell up in turn and measures on each. A cell
// that fails does not stop the others. What was measured before a failure is in
// the outcome all the same. The machines stay: they outlive this process from
// the moment they are up.
func (c *Conductor) Up(ctx context.Context, lab *Lab) (*Outcome, error) {
	o := c.newOutcome(ctx)
	return c.finish(ctx, lab, o, c.cells(ctx, lab, c.Backend.Keep, o))
}

// Run is Up, and then takes the lab down, whatever happened and also after an
// interrupt; what a killed process leaves is garbage. A lab that it never got
// the right to change, because another file's has the name, is left alone.
func (c *Conductor) Run(ctx context.Context, lab *Lab) (*Outcome, error) {
	o := c.newOutcome(ctx)
	failure := c.cells(ctx, lab, nil, o)
	if o.changed {
		failure = errors.Join(failure, Down(context.WithoutCancel(ctx), c.Backend, c.Progress, lab.Name))
	}
	return c.finish(ctx, lab, o, failure)
}

// keeper makes machines that are up outlive this process; nil lets them go with it.
type keeper func(ctx context.Context, lab string) error

// Test measures on the machines that run, which have to be those of the lab.
func (c *Conductor) Test(ctx context.Context, lab *Lab) (*Outcome, error) {
	o := c.newOutcome(ctx)
	cell, err := c.runningCell(ctx, lab)
	if err != nil {
		return nil, err
	}
	trials := trialsOf(lab, cell, o)
	for _, t := range trials {
		if t.reboots() {
			o.warn("test %q: measured in the boot that runs, of the %d that it asks for", t.test.Name, t.test.Boots)
		}
	}
	err = inCell(cell, c.measureCell(ctx, lab, cell, trials, 0, o))
	if err != nil {
		o.warn("%v", err)
	}
	return c.finish(ctx, lab, o, err)
}

// runningCell finds the cell whose machines run as the lab describes them.
func (c *Conductor) runningCell(ctx context.Context, lab *Lab) (testbed.Cell, error) {
	var differs []provision.Step
	for _, cell := range lab.Cells {
		steps, err := c.Prepare(ctx, lab, cell)
		if err != nil {
			return testbed.Cell{}, err
		}
		differs = changes(steps)
		if len(differs) == 0 {
			return cell, nil
		}
	}
	return testbed.Cell{}, &NotRunningError{Lab: lab.Name, Source: lab.Source, Step: differs[0].Name}
}

// NotRunningError says that what runs is not what the lab describes.
type NotRunningError struct {
	Lab, Source string
	Step        string // The first that it would take.
}

func (e *NotRunningError) Error() string {
	return fmt.Sprintf("lab %q does not run as %s describes it (to do: %s)", e.Lab, e.Source, e.Step)
}

// Hint is the remedy.
func (e *NotRunningError) Hint() string { return "bring it up first: testbed up " + e.Source }

// changes are the steps that change something.
func changes(steps []provision.Step) []provision.Step {
	return slices.DeleteFunc(slices.Clone(steps), func(s provision.Step) bool {
		return s.Action == provision.Keep || s.Action == provision.Check
	})
}

// Down removes all that a lab has on a backend.
func Down(ctx context.Context, backend provision.Backend, sink progress.Sink, lab string) error {
	steps, err := backend.Down(ctx, lab)
	if err != nil {
		return err
	}
	return perform(ctx, sink, nil, steps)
}

// Collect removes what carries the owner's mark and belongs to no running lab.
func Collect(ctx context.Context, backend provision.Backend, sink progress.Sink) error {
	steps, err := backend.Garbage(ctx)
	if err != nil {
		return err
	}
	return perform(ctx, sink, nil, steps)
}

// inCell says in which cell of a matrix an error, if any, happened.
func inCell(cell testbed.Cell, err error) error {
	if name := cellName(cell); name != "" && err != nil {
		return fmt.Errorf("cell %s: %w", name, err)
	}
	return err
}

// finish judges and stores what was measured, if anything was.
func (c *Conductor) finish(ctx context.Context, lab *Lab, o *Outcome, failure error) (*Outcome, error) {
	if len(o.Blocks) == 0 && len(o.crashes) == 0 { // How a kernel failed is a finding.
		o.scratch.remove()
		if failure == nil && len(lab.Cells) > 0 && len(lab.Cells[0].Tests) > 0 {
			failure = errors.New("nothing was measured")
		}
		return nil, failure
	}
	o.timings["total"] = time.Since(o.started).Seconds()
	if err := c.conclude(context.WithoutCancel(ctx), lab, o); err != nil {
		o.scratch.remove()
		return nil, errors.Join(failure, err)
	}
	return o, failure
}
