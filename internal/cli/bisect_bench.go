package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/testbed-lab/testbed/images"
	"github.com/testbed-lab/testbed/internal/bisect"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/provision/libvirt"
	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

// bench measures packaged kernels for a bisect. Where instructions are counted a version
// is measured once and stored results are compared. Times drift with the hour, so there a
// version and the one that it is judged by boot in turns (run --against).
type bench struct {
	session   *session
	lab       *run.Lab // Narrowed to what is looked at.
	image     string   // The only one to be replaced. Optional.
	mode      string   // The only one that is judged. Optional.
	dir       string   // Of the bisect.
	good, bad string   // Versions.
	contest   run.Contest
	row       *testbed.Change // That was chosen.
}

func (b *bench) counts() bool { return b.lab.Backend == "icount" }

// Ends measures both ends.
func (b *bench) Ends(ctx context.Context) ([]testbed.Change, error) {
	rows, err := b.compare(ctx, b.good, b.bad, b.contest.Options.Margin)
	return slices.DeleteFunc(rows, func(c testbed.Change) bool { return b.mode != "" && c.Mode != b.mode }), err
}

// Choose is told the row that everything is about.
func (b *bench) Choose(row testbed.Change) { b.row = &row }

// Judge judges a version by the good one.
func (b *bench) Judge(ctx context.Context, version string, margin float64) (testbed.Change, error) {
	return b.one(ctx, b.good, version, margin)
}

// Between is the change from one version to another.
func (b *bench) Between(ctx context.Context, from, to string) (testbed.Change, error) {
	return b.one(ctx, from, to, b.contest.Options.Margin)
}

func (b *bench) one(ctx context.Context, from, to string, margin float64) (testbed.Change, error) {
	rows, err := b.compare(ctx, from, to, margin)
	if err != nil {
		return testbed.Change{}, err
	}
	for _, row := range rows {
		if row.Mode == b.row.Mode {
			return row, nil
		}
	}
	return testbed.Change{}, &bisect.SkipError{Err: fmt.Errorf("mode %q of test %q was not measured", b.row.Mode, b.row.Test)}
}

// Turnover is that of stored counts.
func (b *bench) Turnover(from, to string) (float64, bool) {
	if !b.counts() || b.contest.Options.Metric != "mean" {
		return 0, false
	}
	base, err := storedSide(b.folder(from))
	other, err2 := storedSide(b.folder(to))
	if errors.Join(err, err2) != nil {
		return 0, false
	}
	return report.Turnover(base, other, *b.row)
}

func (b *bench) folder(version string) string { return filepath.Join(b.dir, version) }

// compare measures what has no result yet and judges one version by another.
func (b *bench) compare(ctx context.Context, from, to string, margin float64) ([]testbed.Change, error) {
	options := b.contest.Options
	options.Margin = margin
	if !b.counts() {
		return b.inTurns(ctx, from, to, options)
	}
	var sides []report.CompareSide
	for _, version := range []string{from, to} {
		side, err := b.count(ctx, version)
		if err != nil {
			return nil, err
		}
		sides = append(sides, b.focused(side))
	}
	all, err := report.Compare(sides[0], sides[1:], options)
	if err != nil {
		return nil, err
	}
	return all[0].Modes, nil
}

func (b *bench) focused(side report.CompareSide) report.CompareSide {
	if b.row == nil {
		return side
	}
	return report.Focus(side, *b.row)
}

// count is the result of one version.
func (b *bench) count(ctx context.Context, version string) (report.CompareSide, error) {
	return measuredOnce(ctx, b.session, b.folder(version), func() (*run.Lab, error) {
		return b.lab.OnImages(b.image, func(i testbed.Image) testbed.Image { return run.PackagedKernel(i, version) })
	}, func(ctx context.Context, c *run.Conductor, lab *run.Lab) (*run.Outcome, error) {
		return c.Run(ctx, lab)
	})
}

// inTurns is a contest of two versions.
func (b *bench) inTurns(ctx context.Context, from, to string, options report.CompareOptions) ([]testbed.Change, error) {
	contest := b.contest
	contest.Options = options
	stored, err := measuredOnce(ctx, b.session, b.folder(to+"..against.."+from), func() (*run.Lab, error) {
		lab, err := b.lab.OnImages(b.image, func(i testbed.Image) testbed.Image { return run.PackagedKernel(i, to) })
		if err != nil {
			return nil, err
		}
		bases := map[string]testbed.Image{}
		for _, i := range lab.Images {
			if b.image == "" || i.Name == b.image {
				base := run.PackagedKernel(i, from)
				base.Name += "-base"
				bases[i.Name] = base
			}
		}
		return lab.AgainstImages(bases)
	}, func(ctx context.Context, c *run.Conductor, lab *run.Lab) (*run.Outcome, error) {
		return contest.Run(ctx, c, lab)
	})
	if err != nil {
		return nil, err
	}
	side := b.focused(stored)
	all, err := contest.Judge(stored.Path, side.Result, side.Blocks)
	if err != nil {
		return nil, err
	}
	return all[0].Modes, nil
}

// measuredOnce is the result in a folder, which is measured where it is not there yet. A
// kernel that does not boot, or on which nothing could be measured, is to blame for it;
// what else goes wrong is not.
func measuredOnce(ctx context.Context, s *session, dir string, build func() (*run.Lab, error), do func(context.Context, *run.Conductor, *run.Lab) (*run.Outcome, error)) (report.CompareSide, error) {
	if side, err := storedSide(dir); err == nil {
		return side, nil
	}
	lab, err := build()
	if err != nil {
		return report.CompareSide{}, err
	}
	conductor := s.conductor.Another()
	store := run.Store{Dir: dir}
	conductor.Scratch = store.Scratch(lab.Name)
	o, err := do(ctx, conductor, lab)
	if ctx.Err() != nil {
		return report.CompareSide{}, context.Cause(ctx)
	}
	if o == nil || len(o.Blocks) == 0 {
		o.Discard()
		return report.CompareSide{}, blame(err)
	}
	if _, err := store.Save(lab, s.lockPath, o); err != nil {
		return report.CompareSide{}, err
	}
	return storedSide(dir)
}

// blame says whether the kernel is to blame for a run without a result: it did not boot,
// or the agents could not work in it.
func blame(err error) error {
	var boot *libvirt.BootError
	var agent *run.AgentError
	if errors.As(err, &boot) || errors.As(err, &agent) {
		return &bisect.SkipError{Err: err}
	}
	return err
}

func storedSide(dir string) (report.CompareSide, error) {
	result, blocks, err := report.Read(dir)
	return report.CompareSide{Path: dir, Result: result, Blocks: blocks}, err
}

// bisectSession opens a lab whose images are pinned in the bisect's folder, so that those
// of a dozen kernels do not end up in the lab's own lock.
func (a *app) bisectSession(ctx context.Context, lab *run.Lab, lock *images.Lock) (*session, error) {
	s, err := a.open(ctx, lab)
	if err != nil {
		return nil, err
	}
	s.conductor.Lock, s.lockPath = lock, lock.Path()
	return s, nil
}

// bisectLock is the lock in the folder of a bisect, which begins as the lab's.
func bisectLock(lab *run.Lab, dir string) (*images.Lock, error) {
	return images.ForkLock(images.LockPath(filepath.Join(dir, filepath.Base(lab.Source))), images.LockPath(lab.Source))
}

// begin makes the folder of a bisect, with its lock.
func begin(dir string, lock *images.Lock) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return usageError{fmt.Errorf("make the folder of the bisect: %w", err), "name another with --state"}
	}
	return lock.Write()
}

// bisectQuestion is what the decisions of a bisect depend on.
func bisectQuestion(s *session, lab *run.Lab, o report.CompareOptions, more map[string]any) map[string]any {
	question := map[string]any{
		"lab file": lab.Digest, "variables": lab.Variables, "backend": lab.Backend,
		"metric": o.Metric, "margin": o.Margin, "agent": s.conductor.AgentDigest(),
	}
	maps.Copy(question, more)
	return question
}
