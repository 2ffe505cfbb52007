package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

// side is the coordinate that tells the two sides of a run against a base apart.
const side = "side"

// Values of the coordinate.
const (
	sideBase = "base"
	sideNew  = "new"
)

// Against is the lab with every cell twice: with its machines on the base's image, and
// as it is. Each side boots as often as a verdict needs at least.
func (l *Lab) Against(base testbed.Image) (*Lab, error) {
	return l.against(base.Name, func(string) (testbed.Image, bool) { return base, true })
}

// against gives the base side the image that stands for each of the lab's.
func (l *Lab) against(name string, base func(image string) (testbed.Image, bool)) (*Lab, error) {
	twice := *l
	twice.Cells, twice.Predicates, twice.Lab.Against = nil, nil, name
	twice.Images = slices.Clone(l.Images)
	for i, cell := range l.Cells {
		if slices.ContainsFunc(cell.Coordinates, func(c testbed.Coordinate) bool { return c.Name == side }) {
			return nil, fmt.Errorf("the matrix has a coordinate %q, which a run against a base adds itself", side)
		}
		if len(cell.Tests) == 0 {
			return nil, errors.New("the lab has no test")
		}
		if slices.ContainsFunc(cell.Machines, func(m testbed.Machine) bool { return m.Image == "" }) {
			return nil, errors.New("its machines exist, and boot what they have; run it on each kernel, and compare the results")
		}
		for _, m := range cell.Machines {
			other, is := base(m.Image)
			if _, has := twice.Image(other.Name); is && !has {
				twice.Images = append(twice.Images, other)
			}
		}
		for _, which := range []string{sideBase, sideNew} {
			twice.Cells = append(twice.Cells, onSide(cell, which, base))
			twice.Predicates = append(twice.Predicates, l.Predicates[i])
		}
	}
	return &twice, nil
}

func onSide(cell testbed.Cell, which string, base func(image string) (testbed.Image, bool)) testbed.Cell {
	cell.Coordinates = append(slices.Clone(cell.Coordinates), testbed.Coordinate{Name: side, Value: which})
	cell.Machines, cell.Tests = slices.Clone(cell.Machines), booted(cell.Tests)
	for i, m := range cell.Machines {
		if other, is := base(m.Image); is && which == sideBase {
			cell.Machines[i].Image = other.Name
		}
	}
	return cell
}

// Contest is a run against a base with a verdict at its end.
type Contest struct {
	Options report.CompareOptions
	// Budget is how long boots are begun to decide what is not decided yet; 0 takes the
	// boots that the tests ask for.
	Budget time.Duration
}

// mostTurns bounds the looks at the data that a budget pays for, and lookConfidence is
// what each then asks for, so that all looks together claim falsely in one of twenty
// contests at most (Pocock 1977: a nominal level of 0.0075 for twenty looks).
const (
	mostTurns      = 20
	lookConfidence = 1 - 0.0075
)

// more asks for another turn of boots while something is undecided.
func (k Contest) more(c *Conductor, lab *Lab) func(*Outcome, int) bool {
	if k.Budget == 0 {
		return nil
	}
	return func(o *Outcome, turn int) bool {
		switch {
		case turn < stats.MinBoots:
			return true
		case turn >= mostTurns+stats.MinBoots-1 || time.Since(o.started) >= k.Budget:
			return false
		}
		all, err := k.soFar(c, lab, o)
		return err == nil && slices.ContainsFunc(all[0].Modes, func(m testbed.Change) bool { return m.Verdict == testbed.Undecided && m.MinimumEffect != nil })
	}
}

// soFar judges what has been measured until now.
func (k Contest) soFar(c *Conductor, lab *Lab, o *Outcome) ([]testbed.Comparison, error) {
	result, err := report.Analyze(report.Input{Lab: lab.Lab, Blocks: o.Blocks, Backend: lab.Backend, Accelerator: c.Backend.Accelerator(), Started: o.started})
	if err != nil {
		return nil, err
	}
	return k.Judge(lab.Name, result, o.Blocks)
}

// Run measures both sides of a lab that [Lab.Against] made, in turns, and judges them.
// What was measured beside a failure is judged, and the failure is part of the verdict.
func (k Contest) Run(ctx context.Context, c *Conductor, lab *Lab) (*Outcome, error) {
	if err := c.findBase(ctx, lab); err != nil {
		return nil, err
	}
	c.More = k.more(c, lab)
	o, err := c.Run(ctx, lab)
	if o == nil {
		return o, err
	}
	var unjudged error
	o.Comparison, unjudged = k.Judge(lab.Name, o.Result, o.Blocks)
	return o, errors.Join(err, unjudged)
}

// BaseError says that there is no base to judge by, which is known before any boot.
type BaseError struct {
	Name string
	Err  error
}

func (e *BaseError) Error() string { return fmt.Sprintf("--against %s: %v", e.Name, e.Err) }
func (e *BaseError) Unwrap() error { return e.Err }

// findBase builds the base's image: without it the new side would be measured for nothing.
func (c *Conductor) findBase(ctx context.Context, lab *Lab) error {
	if _, is := lab.Image(lab.Lab.Against); !is || !c.Backend.Boots() {
		return nil
	}
	if _, _, err := c.image(ctx, lab, lab.Lab.Against); err != nil {
		return &BaseError{lab.Lab.Against, err}
	}
	return nil
}

// Judge compares the two sides of a contest's result.
func (k Contest) Judge(path string, result testbed.Result, blocks []testbed.Block) ([]testbed.Comparison, error) {
	options := k.Options
	options.OneRun = true
	if k.Budget > 0 {
		options.Confidence = lookConfidence
	}
	of := func(which string) report.CompareSide {
		return report.CompareSide{Path: path, Result: result, Blocks: blocks, Cell: map[string]string{side: which}}
	}
	return report.Compare(of(sideBase), []report.CompareSide{of(sideNew)}, options)
}

// Kernel is an image that differs in the kernel alone: that of a Debian release.
func Kernel(like testbed.Image, release string) testbed.Image {
	like = withoutKernel(like)
	like.Name, like.Release = release, release
	return like
}

// OnTree is an image that differs in the kernel alone: that of a tree that was built.
func OnTree(like testbed.Image, tree string) testbed.Image {
	like = withoutKernel(like)
	like.Tree = tree
	return like
}

func withoutKernel(image testbed.Image) testbed.Image {
	image.Release, image.KernelVersion, image.Kernel, image.Modules, image.Tree, image.Deb = "", "", "", "", "", ""
	return image
}
