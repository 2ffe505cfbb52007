package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/images"
	"github.com/testbed-lab/testbed/internal/bisect"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

// stepVerb speaks git's language.
const stepVerb = "bisect-step"

// stepping are the flags of bisect-step.
type stepping struct {
	looking
	tree, build string
	as          string
	good, bad   string // Folders of results.
}

const stepHelp = `Judge the kernel that a tree has built, for git bisect run. The kernel
(arch/x86/boot/bzImage) and its modules (make modules_install) take the place of
every image's kernel, or of --image's.

What is good and what is bad is measured once before, at a good commit and at a
bad one:

  git checkout v6.12 && make -j8
  testbed bisect-step lab.hcl --tree . --as good
  git checkout v7.3 && make -j8
  testbed bisect-step lab.hcl --tree . --as bad
  git bisect start v7.3 v6.12
  git bisect run testbed bisect-step lab.hcl --tree . --build 'make -j8'

or named as stored results: --good DIR, --bad DIR. With both, a commit is bad
where it lies nearer to the bad result; with the good one alone, where it is a
regression beyond --max-regression.

Results and decisions are kept in bisect/LAB/tree beside the lab file; a kernel
that was measured before, to the byte, is not measured again.

Exit status, for git: 0 good; 1 bad; 125 skip (no build, no boot, no
measurement, undecided); 128 a fault of this machine or of the command line,
which stops git and blames no commit.`

func (a *app) bisectStepCommand() *cobra.Command {
	var o stepping
	cmd := &cobra.Command{
		Use:     stepVerb + " --tree DIR [LAB]",
		Short:   "Judge a kernel that was built, for git bisect run",
		Long:    stepHelp,
		Example: "  git bisect run testbed bisect-step lab.hcl --tree . --build 'make -j8'",
		Args:    args(cobra.MaximumNArgs(1)),
	}
	flags := cmd.Flags()
	flags.StringVar(&o.tree, "tree", "", "the kernel tree in `DIR`")
	flags.StringVar(&o.build, "build", "", "build it first with the shell's `COMMAND`, in the\ntree")
	flags.StringVar(&o.as, "as", "", "measure the tree as `END`: good or bad, by which\nother commits are judged")
	flags.StringVar(&o.good, "good", "", "the good result is in `DIR` (default: as measured\nwith --as good)")
	flags.StringVar(&o.bad, "bad", "", "the bad result is in `DIR` (default: as measured\nwith --as bad, if it was)")
	o.flags(cmd)
	flags.StringVar(&o.state, "state", "", "keep results and decisions in `DIR` (default:\nbisect/LAB/tree beside the lab file)")
	a.varFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		if err := o.check(); err != nil {
			return err
		}
		return a.bisectStep(cmd.Context(), given, o)
	}
	return cmd
}

func (o *stepping) check() error {
	switch {
	case o.tree == "":
		return usageError{errors.New("no kernel tree"), "name it: --tree ."}
	case o.as != "" && o.as != string(bisect.Good) && o.as != string(bisect.Bad):
		return usageError{fmt.Errorf("--as %q", o.as), "--as takes good or bad"}
	}
	if info, err := os.Stat(o.tree); err != nil || !info.IsDir() {
		return usageError{fmt.Errorf("%s is no folder", o.tree), "name the kernel tree: --tree DIR"}
	}
	return o.looking.check()
}

// step is one call of bisect-step.
type step struct {
	stepping
	session *session
	lab     *run.Lab // Narrowed, with the lab's own images.
	options report.CompareOptions
	journal *bisect.Journal
}

func (a *app) bisectStep(ctx context.Context, given []string, o stepping) error {
	s, err := a.newStep(ctx, given, o)
	if err != nil {
		return err
	}
	base, err := s.baselines()
	if err != nil {
		return err
	}
	began := time.Now()
	tree, err := s.built(ctx, a.stderr)
	var measured report.CompareSide
	var digest string
	if err == nil {
		if err := s.open(ctx, a); err != nil {
			return err
		}
		defer s.session.close()
		measured, digest, err = s.measure(ctx, tree)
	}
	var skip *bisect.SkipError
	if errors.As(err, &skip) && ctx.Err() == nil && o.as == "" {
		return a.decided(s, bisect.Step{Version: digest, Verdict: bisect.Skipped, Reason: skip.Error()}, nil, began)
	}
	if err != nil {
		return err
	}
	if o.as != "" {
		return a.keepAs(s, digest)
	}
	decision, rows, err := s.judge(base, measured)
	if err != nil {
		return err
	}
	decision.Version = digest
	return a.decided(s, decision, rows, began)
}

// newStep reads all that was asked.
func (a *app) newStep(ctx context.Context, given []string, o stepping) (*step, error) {
	lab, err := a.loadToRun(ctx, given)
	if err != nil {
		return nil, err
	}
	s := &step{stepping: o}
	if s.options, err = o.options(lab.Backend); err != nil {
		return nil, err
	}
	if s.lab, err = o.narrow(lab); err != nil {
		return nil, err
	}
	if s.state == "" {
		s.state = filepath.Join(filepath.Dir(lab.Source), "bisect", lab.Name, "tree")
	}
	return s, nil
}

// open connects to the backend, and reads what was decided before.
func (s *step) open(ctx context.Context, a *app) error {
	lock, err := bisectLock(s.lab, s.state)
	if err != nil {
		return err
	}
	if s.session, err = a.bisectSession(ctx, s.lab, lock); err != nil {
		return err
	}
	if err = s.begin(lock); err != nil {
		s.session.close()
	}
	return err
}

func (s *step) begin(lock *images.Lock) (err error) {
	s.journal, err = bisect.OpenJournal(s.state, bisectQuestion(s.session, s.lab, s.options, map[string]any{
		"test": s.test, "mode": s.mode, "image": s.image,
	}))
	if err != nil {
		return err
	}
	return begin(s.state, lock)
}

// baseline is what commits are judged by.
type baseline struct {
	good report.CompareSide
	row  *testbed.Change // That is judged, where the bad result is there too.
	half float64         // The margin then.
}

// baselines reads the good result and the bad one. They have to differ.
func (s *step) baselines() (b baseline, err error) {
	if s.as != "" {
		return b, nil
	}
	if b.good, err = s.end(bisect.Good, s.good); err != nil {
		return b, usageError{fmt.Errorf("no good result: %w", err), "measure it at a good commit: testbed bisect-step --tree DIR --as good; or name one: --good DIR"}
	}
	bad, err := s.end(bisect.Bad, s.bad)
	if errors.Is(err, os.ErrNotExist) && s.bad == "" {
		return b, nil
	}
	if err != nil {
		return b, usageError{fmt.Errorf("the bad result: %w", err), "name a result's folder: --bad DIR"}
	}
	rows, err := s.compare(b.good, bad, s.options.Margin)
	if err != nil {
		return b, err
	}
	row, err := bisect.Worst(rows)
	if err == nil {
		b.half, err = bisect.Half(row)
	}
	var same *bisect.SameError
	if errors.As(err, &same) {
		return b, usageError{s.sameEnds(same), same.Hint()}
	}
	b.row = &row
	return b, err
}

// sameEnds says by how much the two ends differ, which is too little or the wrong way.
func (s *step) sameEnds(same *bisect.SameError) error {
	text := same.Error()
	for _, row := range same.Rows {
		text += ": " + report.ChangeLines(row, s.options.Metric)[0]
	}
	return fmt.Errorf("%s (--max-regression %g%%)", text, 100*s.options.Margin)
}

func (s *step) end(which bisect.Verdict, named string) (report.CompareSide, error) {
	if named == "" {
		return storedSide(filepath.Join(s.state, string(which)))
	}
	return storedSide(named)
}

// compare gives the rows that are looked at.
func (s *step) compare(base, other report.CompareSide, margin float64) ([]testbed.Change, error) {
	options := s.options
	options.Margin = margin
	all, err := report.Compare(base, []report.CompareSide{other}, options)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all[0].Modes, func(c testbed.Change) bool { return s.mode != "" && c.Mode != s.mode }), nil
}

// built is the tree's kernel, built before where that was asked for.
func (s *step) built(ctx context.Context, out io.Writer) (func(testbed.Image) testbed.Image, error) {
	if s.build != "" {
		if err := buildIn(ctx, s.tree, out, s.build); err != nil {
			return nil, err
		}
	}
	change, err := treeKernel(s.tree)
	if errors.Is(err, fs.ErrNotExist) && s.build == "" {
		return nil, usageError{fmt.Errorf("%v", err), "build it first, or say how: --build 'make -j8'"}
	}
	return change, err
}

// measure measures the tree's kernel, unless this very one was before.
func (s *step) measure(ctx context.Context, tree func(testbed.Image) testbed.Image) (report.CompareSide, string, error) {
	none := report.CompareSide{}
	lab, err := s.lab.OnImages(s.image, tree)
	if err != nil {
		return none, "", err
	}
	digest, err := s.digest(ctx, lab)
	if err != nil {
		return none, "", err
	}
	side, err := measuredOnce(ctx, s.session, filepath.Join(s.state, digest), func() (*run.Lab, error) { return lab.Booted(), nil },
		func(ctx context.Context, c *run.Conductor, lab *run.Lab) (*run.Outcome, error) {
			return c.Run(ctx, lab)
		})
	return side, digest, err
}

// digest builds the images and names them by their bytes.
func (s *step) digest(ctx context.Context, lab *run.Lab) (string, error) {
	name := ""
	for _, image := range lab.Images {
		built, err := s.session.conductor.Images.Build(ctx, image, s.session.conductor.Lock)
		var kernel *images.KernelError
		if errors.As(err, &kernel) {
			return "", &bisect.SkipError{Err: err}
		}
		if err != nil {
			return "", err
		}
		if s.image == "" || image.Name == s.image {
			name = fmt.Sprintf("%s-%.12s", built.Release, built.Digest)
		}
	}
	return name, nil
}

// judge decides about a commit.
func (s *step) judge(base baseline, measured report.CompareSide) (bisect.Step, []testbed.Change, error) {
	if base.row != nil {
		rows, err := s.compare(report.Focus(base.good, *base.row), report.Focus(measured, *base.row), base.half)
		if err != nil {
			return bisect.Step{}, nil, err
		}
		rows = slices.DeleteFunc(rows, func(c testbed.Change) bool { return c.Mode != base.row.Mode })
		if len(rows) == 0 {
			return bisect.Step{Verdict: bisect.Skipped, Reason: "mode " + base.row.Mode + " was not measured"}, nil, nil
		}
		return bisect.Judged(rows[0]), rows, nil
	}
	rows, err := s.compare(base.good, measured, s.options.Margin)
	if err != nil {
		return bisect.Step{}, nil, err
	}
	for _, verdict := range []string{testbed.Regression, testbed.Undecided, testbed.Broken} {
		if i := slices.IndexFunc(rows, func(c testbed.Change) bool { return c.Verdict == verdict }); i >= 0 {
			return bisect.Judged(rows[i]), rows[i : i+1], nil
		}
	}
	row, err := bisect.Worst(rows)
	return bisect.Judged(row), []testbed.Change{row}, err
}

// decided keeps a decision, says it, and tells git.
func (a *app) decided(s *step, decision bisect.Step, rows []testbed.Change, began time.Time) error {
	decision.Seconds = time.Since(began).Seconds()
	if decision.Version != "" { // What was not built has no name.
		if err := s.journal.Add(decision); err != nil {
			return err
		}
	}
	if s.session != nil {
		s.session.display.Close()
	}
	fmt.Fprintf(a.stdout, "%s: %s\n", decision.Verdict, decision.Reason)
	for _, row := range rows {
		for _, line := range report.ChangeLines(row, s.options.Metric) {
			fmt.Fprintln(a.stdout, line)
		}
	}
	return gitStatus(map[bisect.Verdict]int{bisect.Good: gitGood, bisect.Bad: gitBad, bisect.Skipped: gitSkip}[decision.Verdict])
}

// keepAs makes a measured kernel the one that others are judged by.
func (a *app) keepAs(s *step, digest string) error {
	if err := renameio.Symlink(digest, filepath.Join(s.state, s.as)); err != nil {
		return fmt.Errorf("keep the %s result: %w", s.as, err)
	}
	s.session.display.Close()
	_, err := fmt.Fprintf(a.stdout, "%s: %s, in %s\n", s.as, digest, s.state)
	return err
}
