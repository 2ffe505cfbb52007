package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/images/archive"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/provision/local"
	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

const upHelp = `Boot the lab's machines, measure every test in every mode, and report.

The machines stay, to look around in: testbed ssh, exec, console. Run it again
and only what the file changed is made anew. LAB is a lab file; without it, the
only one in this folder.`

func (a *app) upCommand() *cobra.Command {
	return a.measuring("up [LAB]", "Boot, measure, report; leave the machines running", upHelp,
		measurement{do: func(ctx context.Context, s *session, lab *run.Lab) (*run.Outcome, error) {
			return s.conductor.Up(ctx, lab)
		}})
}

func (a *app) testCommand() *cobra.Command {
	return a.measuring("test [LAB]", "Measure again on machines that are up", "",
		measurement{do: func(ctx context.Context, s *session, lab *run.Lab) (*run.Outcome, error) {
			return s.conductor.Test(ctx, lab)
		}})
}

const runHelp = `Like up, and then take everything down, whatever happened: for jobs.

With --against, judge the lab's kernel by another one: an image of the lab file,
or a Debian release. Both sides boot in turns (base, new, new, base, …), three
times at least, and more while a --budget lasts and something is undecided.
The exit status is then that of testbed compare: 1 where a cell failed (the
others are judged), 3 for a regression, 4 where it is inconclusive.`

func (a *app) runCommand() *cobra.Command {
	var contest run.Contest
	var o comparing
	var against string
	cmd := a.measuring("run [LAB]", "Like up, then take everything down: for jobs", runHelp, measurement{
		load: func(ctx context.Context, given []string) (*run.Lab, error) {
			if against == "" {
				return a.loadToRun(ctx, given)
			}
			return a.loadAgainst(ctx, given, against)
		},
		do: func(ctx context.Context, s *session, lab *run.Lab) (*run.Outcome, error) {
			if against == "" {
				return s.conductor.Run(ctx, lab)
			}
			contest.Options = o.options()
			o, err := contest.Run(ctx, s.conductor, lab)
			return o, noSuchBase(err)
		},
		format: &o.format,
	})
	flags := cmd.Flags()
	flags.StringVar(&against, "against", "", "judge the lab by the same one on `IMAGE`")
	flags.DurationVar(&contest.Budget, "budget", 0, "begin boots for `TIME`, such as 10m, while\nsomething is undecided")
	o.flags(cmd)
	measure := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		if err := errors.Join(o.check(), onlyAgainst(cmd)); err != nil {
			return err
		}
		return measure(cmd, given)
	}
	return cmd
}

// noSuchBase makes a base whose name no mirror knows a mistake of the command line.
func noSuchBase(err error) error {
	var base *run.BaseError
	var suite *archive.SuiteError
	if errors.As(err, &base) && errors.As(err, &suite) {
		return usageError{err, "--against takes an image of the lab file, or a Debian release such as bookworm"}
	}
	return err
}

// onlyAgainst refuses flags that mean something in a run against a base alone.
func onlyAgainst(cmd *cobra.Command) error {
	if cmd.Flags().Changed("against") {
		return nil
	}
	for _, name := range []string{"budget", "max-regression", "metric", "format"} {
		if cmd.Flags().Changed(name) {
			return usageError{fmt.Errorf("--%s without --against", name), "name what the lab is judged by: --against IMAGE"}
		}
	}
	return nil
}

// measurement is what verbs that end in a report do each in its way.
type measurement struct {
	load   func(context.Context, []string) (*run.Lab, error) // Default: loadToRun.
	do     func(context.Context, *session, *run.Lab) (*run.Outcome, error)
	format *string // Of a contest's verdict. Optional where there is none.
}

// measuring is a verb that ends in a report.
func (a *app) measuring(use, short, long string, m measurement) *cobra.Command {
	var store run.Store
	cmd := &cobra.Command{Use: use, Short: short, Long: long, Args: args(cobra.MaximumNArgs(1))}
	store.Root = "results"
	cmd.Flags().StringVar(&store.Dir, "out", "", "write the result to `DIR` (default:\nresults/LAB/TIME)")
	a.varFlag(cmd)
	asJSON := cmd.Flags().Bool("json", false, "print the result as JSON")
	atOnce := cmd.Flags().Int("parallel", 0, "measure `N` cells of a matrix at once, where\ninstructions are counted (default: as many as\nthis machine has room for)")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		load := m.load
		if load == nil {
			load = a.loadToRun
		}
		lab, err := load(cmd.Context(), given)
		if err != nil {
			return err
		}
		at, err := parallel(lab, *atOnce)
		if err != nil {
			return err
		}
		if err := store.Check(); err != nil {
			return usageError{err, "name another folder with --out"}
		}
		if lab.Backend == "local" && cmd.Name() == "run" && local.NeedsContainment() {
			return exitStatus(local.Contain())
		}
		return a.measure(cmd.Context(), lab, store, *asJSON, at, m)
	}
	return cmd
}

func (a *app) measure(ctx context.Context, lab *run.Lab, store run.Store, asJSON bool, atOnce int, m measurement) error {
	s, err := a.open(ctx, lab)
	if err != nil {
		return err
	}
	defer s.close()
	s.conductor.Scratch, s.conductor.Parallel = store.Scratch(lab.Name), atOnce
	outcome, failure := m.do(ctx, s, lab)
	if outcome != nil {
		dir, err := store.Save(lab, s.lockPath, outcome)
		if err == nil {
			s.display.Close()
			err = a.showOutcome(outcome, dir, asJSON, m.format)
		}
		failure = errors.Join(failure, err)
	}
	s.display.Close()
	// Also after an interrupt.
	a.sayWhatRuns(context.WithoutCancel(ctx), s, lab)
	if failure != nil || outcome == nil { // A lab without a test has no outcome.
		return failure
	}
	if outcome.Comparison != nil {
		return verdictStatus(report.Worst(outcome.Comparison))
	}
	return verdict(outcome.Result)
}

// showOutcome prints the result, and a contest's verdict; or that alone, in the format
// that was asked for.
func (a *app) showOutcome(o *run.Outcome, dir string, asJSON bool, format *string) error {
	verdictAlone := format != nil && *format != "terminal"
	switch {
	case asJSON || (o.Comparison == nil && !verdictAlone):
		return a.show(o.Result, dir, asJSON)
	case o.Comparison == nil: // The error says why; a parser waits for no report.
		return nil
	}
	if !verdictAlone {
		if err := a.show(o.Result, dir, false); err != nil {
			return err
		}
		fmt.Fprintln(a.stdout)
	}
	return a.showComparison(o.Comparison, *format)
}

// sayWhatRuns tells which machines stay and how to be rid of them.
func (a *app) sayWhatRuns(ctx context.Context, s *session, lab *run.Lab) {
	labs, err := s.backend.Labs(ctx)
	if err != nil {
		fmt.Fprintf(a.stderr, "testbed: what is left running: %v\n", err)
		return
	}
	for _, l := range labs {
		if l.Name == lab.Name && len(l.Machines) > 0 {
			connect := a.connectFlag(lab)
			fmt.Fprintf(a.stderr, "running: %s; look around: testbed%s ssh %s; remove: testbed%s down %s\n",
				machineNames(l), connect, firstMachine(l), connect, l.Name)
		}
	}
}

// connectFlag is what a later verb needs to find a lab that is not where it would look.
func (a *app) connectFlag(lab *run.Lab) string {
	if lab.Backend == "local" {
		return ""
	}
	connect := a.connect
	if at := hypervisors(lab.Lab); connect == "" && len(at) == 1 {
		connect = at[0]
	}
	if connect == "" || far(connect) {
		return "" // What is far away is remembered.
	}
	return " --connect " + connect
}

// verdict is the exit status that the expectations ask for.
func verdict(r testbed.Result) error {
	status := exitDone
	for _, e := range r.Expectations {
		switch {
		case e.Verdict == testbed.Refuted:
			return statusError(exitRefuted)
		case e.Verdict == testbed.Inconclusive:
			status = exitInconclusive
		}
	}
	if status != exitDone {
		return statusError(status)
	}
	return nil
}
