package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/images"
	"github.com/testbed-lab/testbed/internal/bisect"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

// looking is what a bisect looks at, whoever serves the versions.
type looking struct {
	test, mode, image string
	state             string // Folder. Optional.
	verdict           comparing
}

func (l *looking) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&l.test, "test", "", "look at `TEST` of the lab alone")
	flags.StringVar(&l.mode, "mode", "", "look at `MODE` alone, and host")
	flags.StringVar(&l.image, "image", "", "replace the kernel of `IMAGE` alone (default: of\nevery image)")
	flags.StringVar(&l.verdict.metric, "metric", "", "judge by `METRIC`: p50, p90, p99, p999, mean, rate\nor instructions, which are counted on the backend\nicount (default there; else p50)")
	flags.StringVar(&l.verdict.margin, "max-regression", "2%", "a change up to `SHARE` is equal")
}

// check refuses before anything is read or measured.
func (l *looking) check() error {
	plain := l.verdict
	plain.format, plain.moreMetrics = compareFormats[0], []string{instructions}
	plain.metric = cmp.Or(plain.metric, instructions)
	return plain.check()
}

// instructions is a metric of bisects: the mean, where it is counted in them.
const instructions = "instructions"

// options are the flags for a lab: its metric, and the margin.
func (l *looking) options(backend string) (report.CompareOptions, error) {
	o := l.verdict.options()
	switch {
	case backend != "libvirt" && backend != "icount":
		return o, usageError{fmt.Errorf("the backend %q boots no kernel", backend), "use --backend libvirt or icount"}
	case o.Metric == instructions && backend != "icount":
		return o, usageError{errors.New("instructions are counted on the backend icount alone"), "add --backend icount, or judge times: --metric p50"}
	case o.Metric == instructions || o.Metric == "" && backend == "icount":
		o.Metric = "mean"
	case o.Metric == "":
		o.Metric = "p50"
	}
	return o, nil
}

// narrow is the lab with nothing but what is looked at.
func (l *looking) narrow(lab *run.Lab) (*run.Lab, error) {
	narrow, err := lab.Only(l.test, l.mode)
	if err == nil { // Whether there is such an image is known before anything is measured.
		_, err = lab.OnImages(l.image, func(i testbed.Image) testbed.Image { return i })
	}
	if err != nil {
		return nil, usageError{err, "narrow it with --test, --mode or --image"}
	}
	return narrow, nil
}

// searching are the flags of bisect.
type searching struct {
	looking
	good, bad string
	change    bool
	suites    []string
	budget    time.Duration
	asJSON    bool
}

const bisectHelp = `Find the packaged kernel in which the lab became slower: the Debian mirror's
kernels between GOOD and BAD (testbed kernel list) take the place of every
image's kernel, or of --image's.

GOOD and BAD are measured first, and have to differ: BAD a regression beyond
--max-regression, by the verdict of testbed compare. A kernel in between is bad
where it lies nearer to BAD than to GOOD. Without --test and --mode it is about
the mode that became slowest. GOOD may be newer than BAD: then the answer is
where it became better.

With --change, which needs no difference, the answer is the kernel in which the
mode (host unless said) changed most, in either direction. Where instructions
are counted by function, no kernel that was left out can have changed more,
unless a function of it grew and shrank again between two that were measured.

Where instructions are counted a kernel is measured once, with three seeds at
least. Elsewhere it and GOOD boot in turns, three times each at least, and more
while --budget lasts and it is undecided.

A kernel that does not boot, cannot be measured or stays undecided is skipped;
the answer names what is left. Results and decisions are kept in the folder
bisect/LAB/GOOD..BAD, and the same command goes on where it was.

Exit status: 0 found; 1 something failed; 2 a mistake; 4 no difference.`

func (a *app) bisectCommand() *cobra.Command {
	var o searching
	cmd := &cobra.Command{
		Use:   "bisect --good V --bad V [LAB]",
		Short: "Find the packaged kernel in which a lab became slower",
		Long:  bisectHelp,
		Example: "  testbed bisect --good 6.12 --bad 7.3 --backend icount lab.hcl\n" +
			"  testbed bisect --good 6.12 --bad 7.3 --change --backend icount lab.hcl",
		Args: args(cobra.MaximumNArgs(1)),
	}
	flags := cmd.Flags()
	flags.StringVar(&o.good, "good", "", "the kernel `VERSION` that is good")
	flags.StringVar(&o.bad, "bad", "", "the kernel `VERSION` that is bad")
	flags.BoolVar(&o.change, "change", false, "find where it changed most, in either direction")
	o.flags(cmd)
	releasesFlag(cmd, &o.suites)
	flags.DurationVar(&o.budget, "budget", 0, "begin boots of a kernel for `TIME`, such as 10m,\nwhile it is undecided")
	flags.StringVar(&o.state, "state", "", "keep results and decisions in `DIR` (default:\nbisect/LAB/GOOD..BAD)")
	flags.BoolVar(&o.asJSON, "json", false, "print the answer as JSON")
	a.varFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		if err := o.check(); err != nil {
			return err
		}
		if o.good == "" || o.bad == "" {
			return usageError{errors.New("a bisect lies between two kernels"), "name both: --good 6.12 --bad 7.3 (testbed kernel list)"}
		}
		return a.bisect(cmd.Context(), given, o)
	}
	return cmd
}

func (a *app) bisect(ctx context.Context, given []string, o searching) error {
	lab, err := a.loadToRun(ctx, given)
	if err != nil {
		return err
	}
	options, err := o.options(lab.Backend)
	if err != nil {
		return err
	}
	o.verdict.metric = options.Metric
	if o.change && o.mode == "" {
		o.mode = "host"
	}
	narrow, err := o.narrow(lab)
	if err != nil {
		return err
	}
	if n := tests(narrow); o.change && n > 1 {
		return usageError{fmt.Errorf("the lab has %d tests, over its cells, and one can have changed most", n), "narrow it with --test"}
	}
	if o.state == "" {
		o.state = filepath.Join("bisect", lab.Name, o.good+".."+o.bad)
	}
	lock, err := bisectLock(lab, o.state)
	if err != nil {
		return err
	}
	versions, err := a.versions(ctx, lab, lock, o)
	if err != nil {
		return err
	}
	s, err := a.bisectSession(ctx, lab, lock)
	if err != nil {
		return err
	}
	defer s.close()
	if err := begin(o.state, lock); err != nil {
		return err
	}
	return a.hunt(ctx, s, narrow.Booted(), versions, options, o)
}

func tests(lab *run.Lab) (n int) {
	for _, cell := range lab.Cells {
		n += len(cell.Tests)
	}
	return n
}

// versions are the kernels from good to bad, which may be the newer one.
func (a *app) versions(ctx context.Context, lab *run.Lab, lock *images.Lock, o searching) ([]string, error) {
	display := a.display()
	defer display.Close()
	store, err := images.Open(images.Options{Mirror: lab.Mirror, Progress: display.Sink()})
	if err != nil {
		return nil, err
	}
	all, err := store.Kernels(ctx, images.KernelRange{Suites: o.suites}, lock)
	if err != nil {
		return nil, err
	}
	found, err := images.Between(all, o.good, o.bad)
	var order *images.OrderError
	if errors.As(err, &order) {
		found, err = images.Between(all, o.bad, o.good)
		slices.Reverse(found)
	}
	if err == nil && len(found) < 2 {
		err = fmt.Errorf("%s and %s are one kernel, %s", o.good, o.bad, found[0].Version)
	}
	if err != nil {
		return nil, usageError{err, "testbed kernel list"}
	}
	var versions []string
	for _, k := range found {
		versions = append(versions, k.Version)
	}
	return versions, nil
}

// hunt looks for the answer and prints it.
func (a *app) hunt(ctx context.Context, s *session, lab *run.Lab, versions []string, options report.CompareOptions, o searching) error {
	journal, err := bisect.OpenJournal(o.state, bisectQuestion(s, lab, options, map[string]any{
		"versions": versions, "change": o.change, "test": o.test, "mode": o.mode, "image": o.image,
	}))
	var other *bisect.OtherQuestionError
	if errors.As(err, &other) {
		return usageError{err, other.Hint()}
	}
	if err != nil {
		return err
	}
	h := &bisect.Hunt{
		Versions: versions, Journal: journal, Now: time.Now,
		Bench: &bench{
			session: s, lab: lab, image: o.image, mode: o.mode, dir: o.state, good: versions[0], bad: versions[len(versions)-1],
			contest: run.Contest{Options: options, Budget: o.budget},
		},
		Tell: func(version string, steps int, left time.Duration) {
			s.display.Sink().Note(stepText(version, steps, left))
		},
		Told: func(step bisect.Step) { s.display.Sink().Note(decisionText(step)) },
	}
	var answer bisect.Answer
	if o.change {
		answer, err = h.Largest(ctx, options.Margin)
	} else {
		answer, err = h.FirstBad(ctx)
	}
	s.display.Close()
	var same *bisect.SameError
	switch {
	case errors.As(err, &same):
		return a.sayNothingToFind(same, versions, o)
	case err != nil:
		return err
	case o.asJSON:
		return a.printJSON(answer)
	}
	return a.printAnswer(answer, o)
}

func stepText(version string, steps int, left time.Duration) string {
	text := fmt.Sprintf("bisect: measure %s; %d left at most", version, steps)
	if left > 0 {
		text += ", some " + left.Round(time.Second).String()
	}
	return text
}

func decisionText(step bisect.Step) string {
	what := string(step.Verdict)
	if what == "" {
		what = "measured"
	}
	reason, _, _ := strings.Cut(step.Reason, "\n")
	return fmt.Sprintf("bisect: %s is %s: %s", step.Version, what, reason)
}

// sayNothingToFind ends a bisect of what does not differ.
func (a *app) sayNothingToFind(same *bisect.SameError, versions []string, o searching) error {
	fmt.Fprintf(a.stderr, "testbed: %v: %s, %s\n", same, versions[0], versions[len(versions)-1])
	for _, row := range same.Rows {
		for _, line := range report.ChangeLines(row, o.verdict.metric) {
			fmt.Fprintf(a.stderr, "  %s\n", line)
		}
	}
	hint := same.Hint()
	if !o.change && !same.Better {
		hint += ", or ask for --change"
	}
	fmt.Fprintf(a.stderr, "hint: %s\n", hint)
	return statusError(exitInconclusive)
}

func (a *app) printAnswer(answer bisect.Answer, o searching) error {
	found, before := "first bad kernel", "last good kernel"
	if o.change {
		found, before = "changed most in", "against"
	}
	if n := len(answer.Skipped); n > 0 {
		fmt.Fprintf(a.stdout, "%s: one of %s (all but the last were skipped)\n", found, strings.Join(append(slices.Clone(answer.Skipped), answer.To), ", "))
	} else {
		fmt.Fprintf(a.stdout, "%s: %s\n", found, answer.To)
	}
	fmt.Fprintf(a.stdout, "%s: %s\n", before, answer.From)
	for _, line := range report.ChangeLines(answer.Change, o.verdict.metric) {
		fmt.Fprintln(a.stdout, line)
	}
	fmt.Fprintf(a.stdout, "measured %d of %d kernels\n", answer.Measured, answer.Of)
	_, err := fmt.Fprintf(a.stderr, "results and decisions: %s\n", o.state)
	return err
}
