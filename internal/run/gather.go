package run

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

// Part is a cell that was measured by itself.
type Part struct {
	Where testbed.CellEnvironment
	Dir   string // Of its result; empty where nothing was measured.
}

// Gather makes one outcome of all cells of a lab, in the lab's order, as if one run had
// measured them. Cells of different hosts are compared with each other only if mix says
// so. The scratch folder is on the file system of the results.
func (l *Lab) Gather(parts []Part, mix bool, scratchFolder string) (*Outcome, error) {
	g := gathering{
		Outcome: &Outcome{Consoles: map[string][]byte{}, timings: stopwatch{}, scratch: &scratch{parent: scratchFolder}},
		env:     testbed.Environment{Images: map[string]map[string]any{}},
	}
	for _, p := range parts {
		if err := g.take(p); err != nil {
			g.scratch.remove()
			return nil, inCell(l.cellAt(p.Where.Cell), err)
		}
	}
	if len(g.Blocks) == 0 {
		return nil, errors.New("gather cells: in none of them anything was measured")
	}
	if err := g.conclude(l, mix); err != nil {
		g.scratch.remove()
		return nil, err
	}
	return g.Outcome, nil
}

func (l *Lab) cellAt(at map[string]string) testbed.Cell {
	for _, cell := range l.Cells {
		if maps.Equal(cell.At(), at) {
			return cell
		}
	}
	return testbed.Cell{}
}

// gathering is an outcome that grows by cells.
type gathering struct {
	*Outcome
	env   testbed.Environment
	first *testbed.Result
}

func (g *gathering) take(p Part) error {
	g.env.Cells = append(g.env.Cells, p.Where)
	if p.Dir == "" {
		if p.Where.Failure != "" {
			g.failures = append(g.failures, testbed.CellFailure{Cell: p.Where.Cell, Reason: reasonOf(p.Where.Failure)})
		}
		return nil
	}
	r, blocks, err := report.Read(p.Dir)
	if err != nil {
		return err
	}
	if g.first == nil {
		g.first, g.started = &r, r.Started
	}
	if r.Accelerator != g.first.Accelerator {
		return fmt.Errorf("it was measured with accelerator %q, and another with %q: no result holds both; remove %s and measure the cell where the others were", r.Accelerator, g.first.Accelerator, filepath.Dir(p.Dir))
	}
	if err := g.images(r); err != nil {
		return fmt.Errorf("%w; remove %s and measure the cell with the lock file of the others", err, filepath.Dir(p.Dir))
	}
	if r.Started.Before(g.started) {
		g.started = r.Started
	}
	for step, seconds := range r.Timings {
		g.timings[step] += seconds
	}
	g.Blocks = append(g.Blocks, blocks...)
	g.env.Machines = append(g.env.Machines, r.Environment.Machines...)
	g.warnings = append(g.warnings, r.Warnings...)
	g.crashes, g.failures = append(g.crashes, r.Crashes...), append(g.failures, r.Failures...)
	return errors.Join(g.consoles(p.Dir), g.samples(p.Dir, blocks))
}

// images takes a cell's, which are those of the others where they have the same name.
func (g *gathering) images(r testbed.Result) error {
	for name, facts := range r.Environment.Images {
		if known, is := g.env.Images[name]; is && !reflect.DeepEqual(known, facts) {
			return fmt.Errorf("its image %q is another than that of the same name in other cells", name)
		}
		g.env.Images[name] = facts
	}
	return nil
}

// consoles of different cells have different names.
func (g *gathering) consoles(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, consolesFolder, "*"))
	if err != nil {
		return err
	}
	for _, path := range files {
		if g.Consoles[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			return fmt.Errorf("read console: %w", err)
		}
	}
	return nil
}

// samples copies the files that blocks name, which lie in folders of their cell.
func (g *gathering) samples(dir string, blocks []testbed.Block) error {
	for _, b := range blocks {
		if b.Samples == nil {
			continue
		}
		if !filepath.IsLocal(b.Samples.File) {
			return fmt.Errorf("block %d: its samples are at %q, which is not in the result", b.Index, b.Samples.File)
		}
		to, err := g.scratch.path(b.Samples.File)
		if err == nil {
			err = copyFile(filepath.Join(dir, b.Samples.File), to)
		}
		if err != nil {
			return fmt.Errorf("copy samples: %w", err)
		}
	}
	return nil
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) { // Named by two blocks.
		return nil
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// conclude judges all cells together.
func (g *gathering) conclude(l *Lab, mix bool) error {
	g.env.Host = sharedFacts(g.env.Cells)
	result, err := report.Analyze(report.Input{
		Lab: l.Lab, Blocks: g.Blocks, Environment: g.env,
		Backend: l.Backend, Accelerator: g.first.Accelerator,
		Started: g.started, Timings: g.timings, Tool: g.first.Tool, Crashes: g.crashes, Failures: g.failures,
	})
	if err != nil {
		return err
	}
	// What analysis warns of stands in the parts already.
	told := slices.DeleteFunc(g.warnings, func(w string) bool { return slices.Contains(result.Warnings, w) })
	result.Warnings = append(told, result.Warnings...)
	result.Environment.Mixed = mix && report.Apart(result)
	result.Expectations = report.Judge(l.Lab, l.Predicates, g.Blocks)
	g.Result = result
	return nil
}

// sharedFacts are those that all hosts have alike.
func sharedFacts(cells []testbed.CellEnvironment) map[string]any {
	if len(cells) == 0 {
		return nil
	}
	shared := maps.Clone(cells[0].Host)
	for _, c := range cells[1:] {
		maps.DeleteFunc(shared, func(name string, value any) bool {
			other, has := c.Host[name]
			return !has || !reflect.DeepEqual(value, other)
		})
	}
	return shared
}
